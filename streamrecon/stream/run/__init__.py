"""A chain at work: gadgets in series and in parallel, joined by bounded queues."""

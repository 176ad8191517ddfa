"""Files that outlive a session, written whole: raw copies, noise, batches."""

"""From lines as the wire has them to volumes, and what lines tell while they come."""

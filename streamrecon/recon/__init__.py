"""From k-space lines to combined complex echoes: plain functions on arrays."""

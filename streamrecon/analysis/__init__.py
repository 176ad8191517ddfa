"""What needs more than one scan, or labels; offline."""

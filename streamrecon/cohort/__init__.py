"""Many scans of a tree: found, reconstructed one process each, named as BIDS derivatives."""

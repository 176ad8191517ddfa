"""A site's acceptance test: scans of known truth through a running service, judged row by row."""

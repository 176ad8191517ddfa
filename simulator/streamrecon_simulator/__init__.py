"""Scans with known truth: scenes, fields, coils, sampling. Shares no numerics with the product."""

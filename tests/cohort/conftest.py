"""Fixtures of the cohort's tests."""

from small_cohort import done, raw

__all__ = ["done", "raw"]

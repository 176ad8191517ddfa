"""Says how a scan ended in words that a person reads; records keep the code."""

from __future__ import annotations

OUTCOME_WORDS = {
    "complete": "complete",
    "config": "chain refused",
    "header": "header refused",
    "data": "data refused",
    "protocol": "protocol broken",
    "truncated": "cut short",
    "recon": "reconstruction failed",
    "storage": "disk failed",
    "memory": "out of memory",
    "timeout": "timed out",
    "busy": "turned away",
    "delivery": "delivery failed",
    "internal": "internal fault",
    "lost": "client gone",
    "interrupted": "service ended",
}
"""Code of an outcome → words."""


def outcome_words(code: str) -> str:
    """The words of a code; one that is not known stands for itself.

    >>> outcome_words("config"), outcome_words("")
    ('chain refused', 'running')
    """
    return OUTCOME_WORDS.get(code, code) if code else "running"

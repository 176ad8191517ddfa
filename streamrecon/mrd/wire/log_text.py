"""Reads the severity of a server's text."""

from __future__ import annotations

import re

from streamrecon.model.notice import Level, Notice

_LEVELS = {
    "DBG": Level.DEBUG,
    "DEBUG": Level.DEBUG,
    "INF": Level.INFO,
    "INFO": Level.INFO,
    "WRN": Level.WARNING,
    "WARNING": Level.WARNING,
    "ERR": Level.ERROR,
    "ERROR": Level.ERROR,
    "CRITICAL": Level.ERROR,
}
_SPOKEN = re.compile(rf"({'|'.join(_LEVELS)})\b[ :]*(.*)", re.DOTALL)
_GADGETRON_ERROR = re.compile(r"\[[^\]]*\] ERROR: ")


def notice_of(text: str) -> Notice:
    """A server's text with its level: our words, FIRE's, or Gadgetron's way to tell an error.

    >>> notice_of("ERR [header] missing: TE")
    Notice(level=<Level.ERROR: 'ERR'>, text='[header] missing: TE')
    >>> notice_of("[Connection Main Thread/Gadget] ERROR: no data").level
    <Level.ERROR: 'ERR'>
    >>> notice_of("Errors were few")
    Notice(level=<Level.INFO: 'INF'>, text='Errors were few')
    """
    if _GADGETRON_ERROR.match(text):
        return Notice(Level.ERROR, text)
    spoken = _SPOKEN.match(text)
    return Notice(_LEVELS[spoken[1]], spoken[2]) if spoken else Notice(Level.INFO, text)

"""Derives unique identifiers from what they name.

The same study, scan, run, output, echo and slice give the same UID, so a file that is sent again
is the same instance; another run gives others, since its pixels may differ.
"""

from __future__ import annotations

import re
import uuid

_NAMESPACE = uuid.UUID("a41cc2a6-3b57-5f4e-9a1e-5a5de1fd2b60")
_FORM = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
LONGEST = 64


def uid_of(*names: str | int) -> str:
    """UID of whatever the names together name, ``2.25.`` and a UUID of version 5.

    >>> uid_of("study", 1) == uid_of("study", 1), uid_of("study", 1) == uid_of("study", 2)
    (True, False)

    References
    ----------
    DICOM PS3.5, B.2; RFC 4122, 4.3.
    """
    joined = "\x1f".join(str(name) for name in names)
    return f"2.25.{uuid.uuid5(_NAMESPACE, joined).int}"


def is_uid(text: str) -> bool:
    """Whether DICOM takes the text for a UID.

    >>> is_uid("1.2.840.10008"), is_uid("1.02.3"), is_uid("anonymous"), is_uid("")
    (True, False, False, False)
    """
    return len(text) <= LONGEST and _FORM.fullmatch(text) is not None


IMPLEMENTATION = uid_of("implementation", "streamrecon")
"""Implementation class UID of the files and associations."""

"""The words by which our own images are known when they come back, and what they mean.

The phase of every image that we make grows with the field, whatever the scanner's does, while the
manufacturer of our DICOM files is the scanner's. So the files say it where converters keep it:
dcm2niix copies Software Versions and Image Comments into its sidecars, with ``_`` for what is
neither letter nor digit, or cut at 64 characters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

GROWS_WITH_FIELD = "Phase grows with the field"
"""A sentence of Image Comments, within the first 64 characters."""

_MAKER = "streamrecon"


def phase_grows_with_field(facts: Mapping[str, object]) -> bool:
    """Whether a sidecar, or attributes by DICOM's keywords, are those of an image of ours.

    >>> phase_grows_with_field({"Manufacturer": "GE", "SoftwareVersions": "streamrecon_0.1.0"})
    True
    >>> phase_grows_with_field({"ImageComments": "Research. Phase_grows_with_the_field"})
    True
    >>> phase_grows_with_field({"Manufacturer": "GE", "SoftwareVersions": "LX MR"})
    False
    """
    software, comments = (_words(facts.get(k)) for k in ("SoftwareVersions", "ImageComments"))
    return software.startswith(_MAKER + " ") or _words(GROWS_WITH_FIELD) in comments


def _words(value: object) -> str:
    return re.sub(r"[\W_]+", " ", str(value or "")).strip().lower()

"""BIDS entities of a scan, from its path: whose it is, and which of several."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath

Entities = dict[str, str]

ORDER = ("sub", "ses", "acq", "rec", "run")
"""Entities that tell scans apart, in the order in which BIDS writes them."""

_PAIR = re.compile(r"^(sub|ses|acq|rec|run)-([A-Za-z0-9]+)$")
_ENDINGS = (".nii.gz", ".nii", ".h5", ".mrd", ".ismrmrd")


def entities_of(path: PurePath) -> Entities:
    """Entities of a path below the tree; the file's name wins over its folders.

    Where no part of it names a subject, the whole path does, as letters and digits; those with
    accents become letters without.

    >>> entities_of(PurePath("sub-01/ses-2/anat/sub-01_ses-2_acq-hi_run-1_part-phase_MEGRE.nii.gz"))
    {'sub': '01', 'ses': '2', 'acq': 'hi', 'run': '1'}
    >>> entities_of(PurePath("site A/scan_3.h5"))
    {'sub': 'siteAscan3'}
    >>> entities_of(PurePath("Zürich/sub-Zoë_ses-é1.h5"))
    {'sub': 'Zoe', 'ses': 'e1'}
    """
    parts = [_without_accents(part) for part in (*path.parent.parts, stem(path.name))]
    words = [*parts[:-1], *parts[-1].split("_")]
    pairs = (_PAIR.match(word) for word in words)
    found = {pair[1]: pair[2] for pair in pairs if pair}
    if "sub" not in found:
        found["sub"] = re.sub(r"[^A-Za-z0-9]", "", "".join(parts)) or "scan"
    return {name: found[name] for name in ORDER if name in found}


def _without_accents(text: str) -> str:
    """Letters as they are without their marks; BIDS has none that are not ASCII."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def stem(name: str) -> str:
    """A file's name without the ending of its kind."""
    ending = next((each for each in _ENDINGS if name.lower().endswith(each)), "")
    return name[: len(name) - len(ending)] if ending else name


def prefix(entities: Entities) -> str:
    """The entities as a file name begins with them.

    >>> prefix({"run": "1", "sub": "01"})
    'sub-01_run-1'
    """
    return "_".join(f"{name}-{entities[name]}" for name in ORDER if name in entities)

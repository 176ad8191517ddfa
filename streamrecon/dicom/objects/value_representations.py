"""Turns texts of a header into values that DICOM allows.

A name of any script stays as it is (files are UTF-8); what is too long is cut, what is no date is
left out, and either is told by the keyword alone.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from datetime import date, time

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.valuerep import format_number_as_ds

_DIGITS = 12  # a decimal string has 16 characters: sign, point and exponent beside the digits


def put(dataset: Dataset, keyword: str, text: str) -> str:
    """Set a text attribute to a valid form of ``text``; give the keyword if something was lost.

    The value may be empty: attributes of type 2 must be there even so.

    >>> found = Dataset()
    >>> put(found, "StudyDate", "2026-02-03"), found.StudyDate
    ('', '20260203')
    >>> put(found, "StudyDate", "yesterday"), found.StudyDate
    ('StudyDate', '')
    """
    wanted = " ".join(text.split())
    value, whole = _FORMS[dictionary_VR(keyword)](wanted)
    setattr(dataset, keyword, value)
    return "" if whole else keyword


def put_known(dataset: Dataset, keyword: str, text: str) -> str:
    """Set an attribute that is left out where there is nothing to say (type 3)."""
    lost = put(dataset, keyword, text)
    if dataset[keyword].is_empty:
        del dataset[keyword]
    return lost


def decimal(number: float) -> str:
    """Decimal string of at most 16 characters.

    >>> decimal(-0.123456789012345), decimal(15.000000000000002), decimal(1e-9)
    ('-0.1234567890123', '15.0', '1e-09')
    """
    shown: str = format_number_as_ds(float(f"{number:.{_DIGITS + 2}g}") + 0.0)
    return shown


def plain(text: str) -> str:
    """ASCII letters, digits, ``_``, ``-`` and space: what file namers downstream keep.

    >>> plain("R2* [1/s] Kopf,über")
    'R2 1 s Kopf uber'
    """
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"[^A-Za-z0-9_-]+", " ", letters).split())


def _printable(text: str) -> str:
    return "".join(letter for letter in text.replace("\\", "/") if letter.isprintable())


def _text(longest: int) -> Callable[[str], tuple[str, bool]]:
    def form(text: str) -> tuple[str, bool]:
        kept = _printable(text)
        return kept[:longest].strip(), len(kept) <= longest

    return form


def _person_name(text: str) -> tuple[str, bool]:
    """Up to three forms of a name, each of 64 characters and five parts."""
    groups = _printable(text).split("=")
    kept = ["^".join(group.split("^")[:5])[:64].strip() for group in groups[:3]]
    name = "=".join(kept)
    return name, len(name) == len(_printable(text))


def _code(text: str) -> tuple[str, bool]:
    """Capital letters, digits, ``_`` and space; a word that is none is left out, not bent."""
    kept = text.upper()
    return (kept, True) if re.fullmatch(r"[A-Z0-9_ ]{0,16}", kept) else ("", False)


def _date(text: str) -> tuple[str, bool]:
    """ISO date, perhaps with an offset of time behind it, or DICOM's own form."""
    try:
        return date.fromisoformat(text[:10]).strftime("%Y%m%d") if text else "", True
    except ValueError:
        return "", False


def _time(text: str) -> tuple[str, bool]:
    """ISO time; an offset is dropped, since the study's clock is the scanner's."""
    clock = re.sub(r"(Z|[+-]\d\d:?\d\d)$", "", text)
    try:
        parsed = time.fromisoformat(re.sub(r"(\.\d{6})\d+$", r"\1", clock)) if clock else None
    except ValueError:
        return "", False
    if parsed is None:
        return "", True
    return parsed.strftime("%H%M%S.%f" if parsed.microsecond else "%H%M%S"), True


def _number(text: str) -> tuple[str, bool]:
    try:
        number = float(text) if text else math.nan
    except ValueError:
        return "", False
    return (decimal(number), True) if math.isfinite(number) else ("", not text)


_FORMS: dict[str, Callable[[str], tuple[str, bool]]] = {
    "LO": _text(64),
    "SH": _text(16),
    "ST": _text(1024),
    "LT": _text(10240),
    "PN": _person_name,
    "CS": _code,
    "DA": _date,
    "TM": _time,
    "DS": _number,
}

"""Reads the result of each image from a STOW-RS server's JSON or XML answer.

References
----------
DICOM PS3.18, 10.5.3 (Store Transaction, Response); PS3.19, Annex A (Native DICOM Model).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from streamrecon.xml import parse_xml

STORED, FAILED = "00081199", "00081198"
_UID, _WARNING, _REASON = "00081155", "00081196", "00081197"
_LARGEST = 4 << 20  # bytes of an answer: 16 images take 10 kB


@dataclass(frozen=True, slots=True)
class Named:
    """One image that an answer names.

    Parameters
    ----------
    sop_uid
        The image.
    is_stored
        Whether the server says that it has it.
    status
        Warning or failure reason; 0 where a stored one has no warning, ``None`` where a failed one
        has no reason, or none that is a number.
    """

    sop_uid: str
    is_stored: bool
    status: int | None


def named_in(body: bytes) -> dict[str, Named]:
    """Images by their UID; an answer that is neither JSON nor XML of DICOM names none.

    >>> named_in(b"<html>please log in</html>"), named_in(b"[{}]")
    ({}, {})
    """
    if len(body) > _LARGEST:
        return {}
    found = _of_json(body)
    items = found if found is not None else _of_xml(body)
    return {item.sop_uid: item for item in items if item.sop_uid}


def _of_json(body: bytes) -> list[Named] | None:
    try:
        facts = json.loads(body)
    except (ValueError, RecursionError):
        return None
    datasets = facts if isinstance(facts, list) else [facts]
    return [
        Named(
            _text(_first(item, _UID)),
            sequence == STORED,
            _status(_first(item, reason), stored=sequence == STORED),
        )
        for dataset in datasets
        for sequence, reason in ((FAILED, _REASON), (STORED, _WARNING))
        for item in _values(dataset, sequence)
    ]


def _values(dataset: object, tag: str) -> Iterable[object]:
    element = dataset.get(tag) if isinstance(dataset, Mapping) else None
    values = element.get("Value") if isinstance(element, Mapping) else None
    return values if isinstance(values, list) else ()


def _first(dataset: object, tag: str) -> object:
    return next(iter(_values(dataset, tag)), None)


def _of_xml(body: bytes) -> list[Named]:
    try:
        root = parse_xml(body, error=ValueError)
    except ValueError:
        return []
    found = []
    for sequence in root.all("DicomAttribute"):
        tag = sequence.attributes.get("tag")
        if tag not in {STORED, FAILED}:
            continue
        is_stored = tag == STORED
        for item in sequence.all("Item"):
            values = {
                attribute.attributes.get("tag"): attribute.text_of("Value")
                for attribute in item.all("DicomAttribute")
            }
            status = _status(values.get(_WARNING if is_stored else _REASON), stored=is_stored)
            found.append(Named(_text(values.get(_UID)), is_stored, status))
    return found


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _status(value: object, *, stored: bool) -> int | None:
    """A status as number, or as text: decimal, or hexadecimal as DICOM's tables print it.

    >>> [_status(v, stored=False) for v in (272, "272", "A700", "0xA700", "A700H", None, "full")]
    [272, 272, 42752, 42752, 42752, None, None]
    """
    if value is None:
        return 0 if stored else None
    if isinstance(value, int):
        return value
    text = _text(value).upper().removeprefix("0X").removesuffix("H")
    is_decimal = text.isdecimal() and text == _text(value)
    try:
        return int(text, 10 if is_decimal else 16)
    except ValueError:
        return None

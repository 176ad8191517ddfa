"""Headers of MRD 2 as the XML of MRD 1, and back: the same elements under other spellings.

Both versions have one schema. An attribute of the generated package is an element's name in small
letters with underscores, so both are the same word once these are taken out; the spelling of
version 1 follows from the attribute but for a few.
"""

from __future__ import annotations

import datetime
import types
import typing
from collections.abc import Callable, Iterator
from enum import Enum
from functools import partial
from xml.sax.saxutils import escape

import numpy as np

from streamrecon.errors import ProtocolError
from streamrecon.mrd.version2.package import Record, generated
from streamrecon.xml import Element, parse_xml

_NAMESPACE = "http://www.ismrm.org/ISMRMRD"
_SPELLED = {
    "h1resonance_frequency_hz": "H1resonanceFrequency_Hz",
    "t_r": "TR", "t_e": "TE", "t_i": "TI", "flip_angle_deg": "flipAngle_deg",
    "field_of_view_mm": "fieldOfView_mm", "system_field_strength_t": "systemFieldStrength_T",
    "patient_weight_kg": "patientWeight_kg", "patient_height_m": "patientHeight_m",
    "patient_id": "patientID", "study_id": "studyID", "measurement_id": "measurementID",
    "device_id": "deviceID", "study_instance_uid": "studyInstanceUID",
    "series_instance_uid_root": "seriesInstanceUIDRoot",
    "frame_of_reference_uid": "frameOfReferenceUID",
    "referenced_sop_instance_uid": "referencedSOPInstanceUID",
}  # fmt: skip
_AS_THEY_ARE = (
    "kspace_encoding_step", "user_0", "user_1", "user_2", "user_3", "user_4", "user_5", "user_6",
    "user_7", "sequence_type", "echo_spacing", "multiband_factor", "calibration_encoding",
)  # fmt: skip
_CAPITALS = ("PatientPosition", "PatientGender")
_VALUES = {"SEPARABLE_2D": "separable2D", "FULL_3D": "full3D"}
_UNKNOWN = -1
"""Of an enumeration that version 2 must have and version 1 has not: no member has this number."""


def header_from_xml(xml: bytes) -> Record:
    """Header of version 2 of an MRD header; elements that the schema does not have are passed over.

    Raises
    ------
    ProtocolError
        If the text is no MRD header, or an element is no number where one is needed.
    """
    root = parse_xml(xml, what="header", error=ProtocolError)
    if _folded(root.tag) != "ismrmrdheader":
        raise ProtocolError(f"header: found <{root.tag}>, needed <ismrmrdHeader>")
    return _record(generated().Header, root)


def xml_from_header(header: Record) -> bytes:
    """MRD header of version 1; single-precision numbers have the digits that tell them apart."""
    inner = "".join(_elements(header))
    text = f'<?xml version="1.0"?>\n<ismrmrdHeader xmlns="{_NAMESPACE}">{inner}</ismrmrdHeader>\n'
    return text.encode()


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _hints(kind: type) -> dict[str, object]:
    return dict(typing.get_type_hints(kind, include_extras=True).items())


def _record(kind: type, element: Element) -> Record:
    children: dict[str, list[Element]] = {}
    for child in element.children:
        children.setdefault(_folded(child.tag), []).append(child)
    values: dict[str, object] = {}
    for name, hint in _hints(kind).items():
        found = children.get(_folded(name), [])
        one, is_list = _of_one(hint)
        if is_list:
            values[name] = [_value(one, each) for each in found]
        elif found:
            values[name] = _value(one, found[0])
        elif isinstance(one, type) and issubclass(one, Enum) and one is hint:
            values[name] = one(_UNKNOWN)
    return kind(**values)


def _of_one(hint: object) -> tuple[object, bool]:
    """Type of one value, and whether there is a list of them."""
    if typing.get_origin(hint) is list:
        return typing.get_args(hint)[0], True
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return next(each for each in typing.get_args(hint) if each is not type(None)), False
    return hint, False


def _value(kind: object, element: Element) -> object:
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if kind is str:
        return element.text
    convert = _converter(kind)
    if convert is None:
        return _record(typing.cast("type", kind), element)
    try:
        return convert(element.text.strip())
    except ValueError as e:
        raise ProtocolError(f"header: {element.tag}: found {element.text.strip()!r}: {e}") from e


def _converter(kind: object) -> Callable[[str], object] | None:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return partial(_member, kind)
    return _PLAIN.get(kind) or getattr(kind, "parse", None)  # a time of the day parses itself


_PLAIN: dict[object, Callable[[str], object]] = {
    int: lambda text: int(text) if text.lstrip("+-").isdigit() else int(float(text)),
    float: float,
    datetime.date: lambda text: datetime.date.fromisoformat(text[:10]),
}


def _member(kind: type[Enum], text: str) -> Enum:
    found = [each for each in kind if _folded(each.name) == _folded(text)]
    if not found:
        known = ", ".join(_spelled_member(each) for each in kind)
        raise ValueError(f"needed one of {known}")
    return found[0]


def _elements(record: Record) -> Iterator[str]:
    for name, hint in _hints(type(record)).items():
        values = getattr(record, name)
        one, is_list = _of_one(hint)
        for value in values if is_list else [values]:
            text = _text(one, value)
            if text is not None and (name, value) != ("h1resonance_frequency_hz", 0):
                tag = _tag(name)
                yield f"<{tag}>{text}</{tag}>"


def _text(hint: object, value: object) -> str | None:
    """Inside of an element; ``None`` where there is none."""
    match value:
        case None:
            return None
        case Enum():
            return _spelled_member(value) if value in list(type(value)) else None
        case str():
            return escape(value)
        case float():
            return str(np.float32(value)) if "Float32" in typing.get_args(hint) else repr(value)
        case _ if isinstance(value, int | datetime.date) or hasattr(value, "numpy_value"):
            return str(value)
        case _:
            return "".join(_elements(value)) or None


def _spelled_member(value: Enum) -> str:
    if type(value).__name__ in _CAPITALS:
        return value.name.replace("_", "")
    return _VALUES.get(value.name, value.name.replace("_", "").lower())


def _tag(name: str) -> str:
    if name.startswith(_AS_THEY_ARE):
        return name
    first, *others = name.split("_")
    return _SPELLED.get(name, first + "".join(word.capitalize() for word in others))

"""What an image's meta says of it in the words of DICOM: whole headers, Siemens' minihead, FIRE."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from streamrecon.model.complex_part import Part, part_by_number, part_by_words
from streamrecon.mrd.images import meta_keys as names
from streamrecon.mrd.images.meta import first_value
from streamrecon.mrd.wire.messages import Meta
from streamrecon.units import s_from_ms

_TYPE_NAMES = (
    "ImageType", "DicomImageType", "ImageTypeValue3", "ImageTypeValue4", "ComplexImageComponent",
)  # fmt: skip
_DESCRIPTIONS = (names.FIRE_SERIES, "SequenceDescription", names.SERIES)
_MOST = 65535
_BREAKS = re.compile(r"[\\\s]+")
_MINIHEAD = r'<Param(?:String|Long|Double|Array)\."{name}">\s*\{{([^<>]*?)\}}'
_QUOTED = re.compile(r'"([^"]*)"|([^\s{}"]+)')


@dataclass(frozen=True, slots=True)
class CarriedFacts:
    """What is said beside the header; ``None`` or empty where nothing is.

    Parameters
    ----------
    part
        What the image is of the complex signal.
    words
        Of ImageType, and of the series' name, in capitals.
    te_s
        Echo time [s].
    echo, repetition
        Numbers, from 1.
    rescale
        Slope and intercept; those of Philips' magnitudes lead to numbers that compare.
    corner_lps_mm
        Centre of the first voxel, as DICOM places images [mm].
    pixel_mm
        Size of a pixel, (y, x) [mm].
    vendor
        Who made the scanner.
    fault
        Why something that is there cannot be read.
    """

    part: Part | None = None
    words: frozenset[str] = frozenset()
    te_s: float | None = None
    echo: int | None = None
    repetition: int | None = None
    rescale: tuple[float, float] | None = None
    corner_lps_mm: tuple[float, ...] = ()
    pixel_mm: tuple[float, ...] = ()
    vendor: str = field(default="", repr=False)
    fault: str = ""


def facts_of(meta: Meta) -> CarriedFacts:
    """What ``meta`` says in DICOM's words, else in the minihead's, else in FIRE's.

    What cannot be read is passed over and named in ``fault``: a description never ends a scan.

    Examples
    --------
    >>> facts_of({"ImageTypeValue3": ("P",), "ImageTypeValue4": ("ND", "NORM")}).part
    <Part.PHASE: 'phase'>
    """
    dicom, fault = _dicom(meta)
    mini, fault_of_mini = _minihead(meta)
    words = [*_values(dicom, "00080008"), *_values(dicom, "00089208")]
    for name in _TYPE_NAMES:
        words += _split(_in_minihead(mini, name)) + _split(meta.get(name, ()))
    named = [word for name in _DESCRIPTIONS for text in meta.get(name, ()) for word in _ends(text)]
    te_ms = _number(dicom, "00180081") or _first_number(mini, "EchoTime", "TE")
    echo = _number(dicom, "00180086") or _first_number(mini, "EchoNumber")
    repetition = _number(dicom, "00200100")
    return CarriedFacts(
        part=_part(dicom, words),
        words=frozenset(str(word).upper() for word in (words or named)),
        te_s=s_from_ms(te_ms) if te_ms else None,
        echo=_counter(echo),
        repetition=_counter(repetition),
        rescale=_rescale(dicom, words),
        corner_lps_mm=_numbers(dicom, "00200032", 3),
        pixel_mm=_numbers(dicom, "00280030", 2),
        vendor=str(next(iter(_values(dicom, "00080070")), "")),
        fault=fault or fault_of_mini,
    )


def _dicom(meta: Meta) -> tuple[Mapping[str, object], str]:
    """DICOM's JSON model by tag, as converters of DICOM to MRD carry it."""
    text = first_value(meta, "DicomJson")
    if not text:
        return {}, ""
    try:
        found = json.loads(base64.b64decode(text))
    except (ValueError, RecursionError):  # binascii's and the decoder's are ValueErrors
        return {}, "image meta DicomJson: cannot be read, passed over"
    return (found, "") if isinstance(found, dict) else ({}, "image meta DicomJson: no data set")


def _minihead(meta: Meta) -> tuple[str, str]:
    text = first_value(meta, "IceMiniHead")
    try:
        return base64.b64decode(text).decode("utf-8", "replace"), ""
    except (binascii.Error, ValueError):
        return "", "image meta IceMiniHead: cannot be read, passed over"


def _in_minihead(text: str, name: str) -> list[str]:
    found = re.search(_MINIHEAD.format(name=name), text)
    inner = found[1].replace("{", " ") if found else ""
    return [quoted or bare for quoted, bare in _QUOTED.findall(inner)]


def _first_number(minihead: str, *candidates: str) -> float | None:
    texts = [text for name in candidates for text in _in_minihead(minihead, name)]
    return next((float(text) for text in texts if re.fullmatch(r"\d+(\.\d+)?", text)), None)


def _split(texts: tuple[str, ...] | list[str]) -> list[object]:
    return [word for text in texts for word in _BREAKS.split(text) if word]


def _ends(text: str) -> list[str]:
    """Words that stand behind a series' name: ``gre_qsm_ND``."""
    return re.split(r"[_\s]+", text)[1:]


def _values(dicom: Mapping[str, object], tag: str) -> list[object]:
    element = dicom.get(tag)
    found = element.get("Value") if isinstance(element, dict) else None
    return [value for value in found if value is not None] if isinstance(found, list) else []


def _numbers(dicom: Mapping[str, object], tag: str, count: int) -> tuple[float, ...]:
    found = [float(value) for value in _values(dicom, tag) if isinstance(value, int | float)]
    return tuple(found) if len(found) == count and all(map(math.isfinite, found)) else ()


def _number(dicom: Mapping[str, object], tag: str) -> float | None:
    return next(iter(_numbers(dicom, tag, 1)), None)


def _counter(number: float | None) -> int | None:
    """A number from 1 that the wire's 16 bits hold."""
    return int(number) if number and 1 <= number <= _MOST else None


def _part(dicom: Mapping[str, object], words: list[object]) -> Part | None:
    by_number = next((part_by_number(value) for value in _values(dicom, "0043102F")), None)
    return by_number or part_by_words(words)


def _rescale(dicom: Mapping[str, object], words: list[object]) -> tuple[float, float] | None:
    """Slope and intercept, Philips' own slope (2005,100E) taken into account.

    Philips scales the magnitudes of each series to what is shown; numbers that compare are
    (stored · slope + intercept) / (slope · scale slope). Phase has its slope in milliradians.
    """
    slope, intercept = _number(dicom, "00281053"), _number(dicom, "00281052")
    if not slope or intercept is None:
        return None
    of_philips = _number(dicom, "2005100E")
    if of_philips and slope * of_philips and _part(dicom, words) is not Part.PHASE:
        return 1 / of_philips, intercept / (slope * of_philips)
    return slope, intercept

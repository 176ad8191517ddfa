"""Readers of segmentations, float maps and reports that are not ours: highdicom, and dcmjs."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

_MODULES = Path(__file__).parents[2] / "build/node/node_modules"
_SCRIPT = Path(__file__).with_name("read_by_dcmjs.cjs")


@dataclass(frozen=True, eq=False)
class SeenObject:
    """What a reader says of a file."""

    modality: str
    patient: str
    study: str
    segments: list[str]
    numbers: list[tuple[str, float, str]]
    pixels: NDArray[np.generic]
    places: NDArray[np.float64]
    segment_of: list[int]


def seen_by_highdicom(file: Path) -> SeenObject:
    """Read with the library's own classes, which check the file on the way."""
    modality = str(dcmread(file, stop_before_pixels=True).Modality)
    kinds = {"SEG": highdicom.seg.segread, "SR": highdicom.sr.srread}
    found: Any = kinds.get(modality, highdicom.imread)(file)
    pixels = found.get_frames(dtype=np.float32) if modality != "SR" else np.zeros((0, 0, 0))
    groups = found.get("PerFrameFunctionalGroupsSequence", [])
    return SeenObject(
        modality,
        str(found.PatientID),
        str(found.StudyInstanceUID),
        [str(each.SegmentLabel) for each in found.get("SegmentSequence", [])],
        list(_numbers(found)) if modality == "SR" else [],
        pixels,
        np.array([each.PlanePositionSequence[0].ImagePositionPatient for each in groups], float),
        [_segment(each) for each in groups],
    )


def _segment(frame: Dataset) -> int:
    named = frame.get("SegmentIdentificationSequence")
    return int(named[0].ReferencedSegmentNumber) if named else 0


def _numbers(report: Dataset) -> Iterator[tuple[str, float, str]]:
    for item in report.get("ContentSequence", []):
        if item.ValueType == "NUM":
            (value,) = item.MeasuredValueSequence
            unit = value.MeasurementUnitsCodeSequence[0].CodeValue
            name = item.ConceptNameCodeSequence[0].CodeMeaning
            yield str(name), float(value.NumericValue), str(unit)
        yield from _numbers(item)


def seen_by_dcmjs(file: Path) -> SeenObject:
    """Read by a script of node."""
    run = subprocess.run(
        ["node", _SCRIPT, _MODULES, file], capture_output=True, text=True, check=True
    )
    found = json.loads(run.stdout)
    shape = len(found["frames"]), found.get("rows", 0), found.get("columns", 0)
    return SeenObject(
        found["modality"],
        found["patient"],
        found["study"],
        found["segments"],
        [(each["name"], each["value"], each["unit"]) for each in found["numbers"]],
        np.array(found["pixels"]).reshape(shape) if found["pixels"] else np.zeros((0, 0, 0)),
        np.array([each["position"] for each in found["frames"]], float),
        [each["segment"] for each in found["frames"]],
    )


READERS = {"highdicom": seen_by_highdicom}
"""Readers that are here: `scripts/install-node-tools.sh` installs the second."""
if shutil.which("node") and (_MODULES / "dcmjs").is_dir():
    READERS["dcmjs"] = seen_by_dcmjs

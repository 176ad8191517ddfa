"""Scans of one head in several positions: their total fields on the grid of the first."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.positions.orientations import Adequacy, adequacy
from streamrecon.analysis.positions.position_reading import values_of_position
from streamrecon.analysis.positions.registration import Motion, register, registration_image
from streamrecon.analysis.positions.tilted_fields import (
    MovedField,
    Position,
    b0_after,
    moved_fields,
)
from streamrecon.analysis.reading import Outcome, Reading, Value
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.study_inputs.analysed_folder import add_folder
from streamrecon.errors import ConfigError, DataError
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.nifti import write_nifti
from streamrecon.output.readings.label_map import LabelMap
from streamrecon.output.readings.map_folder import MapFolder, read_map_folder
from streamrecon.output.sidecar import write_sidecar
from streamrecon.units import hz_per_ppm

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

_ALIKE_T = 0.05  # of B0
_BRIGHT = 0.2  # of nearly the brightest voxel: the object, where no chain has found it


@dataclass(frozen=True, slots=True, eq=False)
class TiltedScans:
    """What several folders hold of one head.

    Parameters
    ----------
    fields
        Total fields on the first scan's grid; local ones of scans without a total field.
    adequacy
        What their orientations can tell.
    motions
        From the first scan to each.
    values
        Tilt, likeness and condition, for the report.
    doubts
        Sentences on what may be wrong.
    """

    fields: Sequence[MovedField]
    adequacy: Adequacy
    motions: Sequence[Motion]
    values: Sequence[Value]
    doubts: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Tilts:
    """How a head lay in several scans.

    Parameters
    ----------
    folders
        Of the scans, the first of them first.
    motions
        From the first scan to each.
    adequacy
        What their orientations can tell.
    values
        Tilt and likeness of each, for the report.
    doubts
        Sentences on what may be wrong.
    """

    folders: Sequence[MapFolder]
    motions: Sequence[Motion]
    adequacy: Adequacy
    values: Sequence[Value]
    doubts: Sequence[str]


def add_tilted(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Give the parser the folders of one head in several positions, and labels on the first."""
    needed = add_folder(parser, labels="used")
    parser.add_argument(
        "tilted", type=there, nargs="+", metavar="TILTED", help="maps of the other positions"
    )
    return needed


def tilted_reading(
    kind: str, scans: TiltedScans, regions: Iterable[Value], *, method: str, steps: int, doi: str
) -> Reading:
    """The reading of a map that was made of several positions.

    Parameters
    ----------
    kind, method, doi
        What was made, how, and where that is published.
    scans
        What it was made of; their doubts flag it.
    regions
        Means of regions, where labels are given.
    steps
        Of the iteration.
    """
    reasons = reasons_to_doubt(scans)
    return Reading(
        kind=kind,
        outcome=Outcome.FLAGGED if reasons else Outcome.GIVEN,
        method=method,
        values=(*orientation_values(scans), *regions),
        reasons=tuple(reasons),
        parameters={"orientations": len(scans.fields), "steps": steps},
        dois=(doi,),
    )


def tilted_scans(first: MapFolder, others: Sequence[Path]) -> TiltedScans:
    """Register the magnitudes of all scans to the first, and move their fields.

    A scan without a total field is taken by its local one, and that is told.

    Raises
    ------
    ConfigError
        If a folder is given twice.
    DataError
        If a folder lacks a field or a magnitude, or the field strengths differ.
    """
    tilts = tilts_of(first, others)
    positions = [_position(f, m) for f, m in zip(tilts.folders, tilts.motions, strict=True)]
    reduced = [folder.name for folder in tilts.folders if not _has_total(folder)]
    doubts = [
        *tilts.doubts,
        *(
            f"{name}: no total field; its local field lacks part of what χ makes"
            for name in reduced
        ),
    ]
    return TiltedScans(moved_fields(positions), tilts.adequacy, tilts.motions, tilts.values, doubts)


def tilts_of(first: MapFolder, others: Sequence[Path]) -> Tilts:
    """Register the magnitudes of all scans to the first; no field is needed.

    Raises
    ------
    ConfigError
        If a folder is given twice.
    DataError
        If a folder lacks a magnitude, or the field strengths differ.
    """
    folders = [first, *(read_map_folder(path) for path in others)]
    _refuse_same_folders(folders, others)
    for folder in folders[1:]:
        if abs(folder.b0_t - first.b0_t) > _ALIKE_T * first.b0_t:
            raise DataError(f"{folder.name}: found {folder.b0_t:.2f} T, needed {first.b0_t:.2f} T")
    motions = [Motion(np.eye(4), 1.0), *(_motion(first, each) for each in folders[1:])]
    seen = [b0_after(motion.matrix) for motion in motions]
    values, doubts = [], []
    for folder, motion in zip(folders[1:], motions[1:], strict=True):
        values += values_of_position(folder.name, motion)
        doubts += [f"{folder.name}: {reason}" for reason in motion.doubts]
    return Tilts(folders, motions, adequacy(seen), values, doubts)


def reasons_to_doubt(scans: TiltedScans | Tilts) -> list[str]:
    """What is to be read beside a result: doubtful registrations, orientations that are few."""
    few = scans.adequacy.doubt
    return [*scans.doubts, few] if few else [*scans.doubts]


def write_map(output: Path, name: str, values: Real, grid: Geometry) -> list[str]:
    """Write a map in ppm with its JSON; give the names."""
    output.mkdir(parents=True, exist_ok=True)
    write_nifti(output / f"{name}.nii.gz", values, grid)
    write_sidecar(output / f"{name}.json", {"Quantity": Quantity.CHI.label, "Units": "ppm"})
    return [f"{name}.nii.gz", f"{name}.json"]


def orientation_values(scans: TiltedScans | Tilts) -> Sequence[Value]:
    """Condition number, and tilt and likeness of each scan."""
    condition = Value(
        subject="orientations", name="condition", number=scans.adequacy.condition, unit="1"
    )
    return [condition, *scans.values]


def region_values(
    chi_ppm: Real,
    mask: Flags,
    labels: LabelMap | None,
    name: str,
) -> Iterator[Value]:
    """Mean of every region inside the mask [ppb]."""
    for region, voxels in labels.regions() if labels is not None else ():
        inside = chi_ppm[voxels & mask].astype(np.float64) * 1e3
        if inside.size:
            yield Value(
                subject=region, name=name, number=float(inside.mean()), unit="ppb",
                reference="mask of all scans", voxels=int(inside.size),
            )  # fmt: skip


def _refuse_same_folders(folders: Sequence[MapFolder], others: Sequence[Path]) -> None:
    sums = [tuple(sorted(folder.sources().values())) for folder in folders]
    if len(set(sums)) < len(sums):
        names = ", ".join(str(path) for path in others)
        raise ConfigError(f"orientations: found the same maps twice in {folders[0].name}, {names}")


def _motion(first: MapFolder, other: MapFolder) -> Motion:
    one, two = _image(first), _image(other)
    return register(one, _mask(first), first.geometry, two, other.geometry)


def _image(folder: MapFolder) -> Real:
    magnitude = folder.echoes(Quantity.MAGNITUDE)[0]
    chi = folder.map_if_there(Quantity.CHI)
    known = np.zeros_like(magnitude) if chi is None else chi
    return registration_image(magnitude, known, _mask(folder), folder.geometry)


def _mask(folder: MapFolder) -> Flags:
    for quantity in (Quantity.MASK, Quantity.LOCAL_FIELD, Quantity.CHI):
        known = folder.map_if_there(quantity)
        if known is not None:
            return np.asarray(known != 0, np.bool_)
    magnitude = folder.echoes(Quantity.MAGNITUDE)[0]
    return np.asarray(magnitude > _BRIGHT * np.percentile(magnitude, 99), np.bool_)


def _position(folder: MapFolder, motion: Motion) -> Position:
    field, mask = _field(folder), _mask(folder)
    sd = folder.map_if_there(Quantity.FIELD_SD)
    weight = None
    if sd is not None:
        weight = np.where(mask & (sd > 0), 1 / np.maximum(sd, 1e-6), 0).astype(np.float32)
    return Position(field, mask, folder.geometry, motion.matrix, weight)


def _field(folder: MapFolder) -> Real:
    """Total field [Z, Y, X, ppm], or the local one where that is all there is."""
    if Quantity.FIELD in folder.has:
        return folder.map(Quantity.FIELD)
    if not _has_total(folder) and Quantity.LOCAL_FIELD in folder.has:
        return folder.map(Quantity.LOCAL_FIELD)
    return folder.map(Quantity.FIELD_HZ) / np.float32(hz_per_ppm(folder.b0_t))


def _has_total(folder: MapFolder) -> bool:
    return bool({Quantity.FIELD, Quantity.FIELD_HZ} & folder.has)

"""BOLD series, the events of their task, and where they lie beside a gradient-echo scan."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from streamrecon.commands.image_inputs.nifti_files import is_placed, load_nifti, values_of
from streamrecon.commands.study_inputs.cohort_table import read_table
from streamrecon.errors import ConfigError, DataError
from streamrecon.model.geometry import Geometry
from streamrecon.model.turned_grid import turned_to
from streamrecon.output.ras import from_ras, in_ras
from streamrecon.phase.phase_scaling import recognise_phase
from streamrecon.storage.atomic_file import whole

Real = NDArray[np.float32]

_PLAUSIBLE_S = (0.1, 20.0)
_BRAIN = 0.2  # of nearly the brightest voxel's mean
_FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])  # between RAS and LPS


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A series of volumes.

    Parameters
    ----------
    name
        That of its file, up to the suffix.
    values
        [T, Z, Y, X].
    geometry
        Grid of each volume.
    tr_s
        Time between volumes.
    """

    name: str
    values: Real
    geometry: Geometry
    tr_s: float

    @property
    def brain(self) -> NDArray[np.bool_]:
        """Where the mean is bright [Z, Y, X]."""
        mean = self.values.mean(axis=0)
        return np.asarray(mean > _BRAIN * np.percentile(mean, 99), np.bool_)


def read_series(path: Path, tr_s: float | None) -> Series:
    """Series of a NIfTI file of four dimensions.

    Raises
    ------
    ConfigError
        If nobody says the time between volumes.
    DataError
        If it is no such file.
    """
    image = load_nifti(path)
    data = values_of(image, path)
    if data.ndim != 4:
        raise DataError(f"{path.name}: found {data.ndim} dimensions, needed 4: a series")
    _, grid = from_ras(data[..., 0], image.affine)
    name = path.name.removesuffix(".gz").removesuffix(".nii").removesuffix("_bold")
    return Series(name, np.asarray(data.T, np.float32), grid, _tr_s(path, image, tr_s))


def read_phase(path: Path, beside: Series) -> Real:
    """Phase of the same volumes [T, Z, Y, X, rad], scaled as its range says, in their order.

    Where its file does not say how it lies in the patient, voxels are paired as they come.

    Raises
    ------
    DataError
        If it has other volumes, lies on another grid, or its numbers are no phase.
    """
    image = load_nifti(path)
    data = np.asarray(values_of(image, path), np.float32)
    if data.ndim != 4 or data.shape[3] != len(beside.values):
        raise DataError(f"{path.name}: found {data.shape}, needed {beside.values.T.shape}")
    turned = data.T
    if is_placed(image) or turned.shape != beside.values.shape:
        _, grid = from_ras(data[..., 0], image.affine)
        turned = turned_to(turned, grid, beside.geometry, names=(path.name, "the magnitude"))
    scale = recognise_phase(float(np.nanmin(data)), float(np.nanmax(data)))
    return np.asarray((turned - scale.zero) * scale.rad_per_step, np.float32)


def read_events(path: Path) -> Mapping[str, Sequence[tuple[float, float]]]:
    """Onsets and durations [s] by kind, of a BIDS table.

    Raises
    ------
    ConfigError
        If it has no onset or duration.
    """
    table = read_table(path)
    onsets, durations = table.numbers("onset"), table.numbers("duration")
    kinds = table.texts("trial_type") if "trial_type" in table.columns else ["task"] * len(onsets)
    if not (np.isfinite(onsets).all() and np.isfinite(durations).all()):
        raise ConfigError(f"{path.name}: found an event without onset or duration")
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for kind, onset, duration in zip(kinds, onsets.tolist(), durations.tolist(), strict=True):
        found[kind].append((onset, duration))
    return found


def read_map(path: Path) -> tuple[Real, Geometry]:
    """A volume of three dimensions and its grid.

    Raises
    ------
    DataError
        If it is none.
    """
    image = load_nifti(path)
    data = values_of(image, path)
    if data.ndim != 3:
        raise DataError(f"{path.name}: found {data.ndim} dimensions, needed 3")
    values, grid = from_ras(data, image.affine)
    return np.asarray(values, np.float32), grid


def as_lps(matrix_ras: NDArray[np.floating]) -> NDArray[np.float64]:
    """A motion [4, 4, mm] between places in RAS as one between places in LPS."""
    return np.asarray(_FLIP @ matrix_ras @ _FLIP, np.float64)


def write_series(path: Path, values: NDArray[np.floating], like: Series) -> None:
    """Write a series [T, Z, Y, X] with the time between its volumes."""
    _, affine = in_ras(like.values[0], like.geometry)
    image = nibabel.Nifti1Image(np.asarray(values, np.float32).T, affine)
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    image.header.set_xyzt_units("mm", "sec")
    image.header["pixdim"][4] = like.tr_s
    with whole(path) as scratch:
        image.to_filename(scratch)


def _tr_s(path: Path, image: nibabel.Nifti1Image, given: float | None) -> float:
    """As given, else of the JSON beside, else of the file."""
    beside = path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".json")
    facts = json.loads(beside.read_text(encoding="utf-8")) if beside.is_file() else {}
    in_file = image.header.get_zooms()[3] if image.header.get_xyzt_units()[1] == "sec" else None
    for found in (given, facts.get("RepetitionTime"), in_file):
        if isinstance(found, int | float | np.floating) and found > 0:
            low, high = _PLAUSIBLE_S
            if not low <= float(found) <= high:
                raise ConfigError(f"TR: found {found:g} s, needed {low:g} to {high:g}")
            return float(found)
    raise ConfigError(f"{path.name}: found no time between volumes; give it in s by --tr")

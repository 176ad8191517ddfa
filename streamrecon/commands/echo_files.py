"""Reads magnitude and phase from NIfTI files made elsewhere, and their sidecars."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.commands.echo_pairing import check_names, check_sidecars, check_values
from streamrecon.commands.echo_times import times_s
from streamrecon.commands.nifti_files import load_nifti, values_of
from streamrecon.errors import ConfigError, DataError
from streamrecon.input_checks import echo_times_s, field_t
from streamrecon.model.bare_scan import bare_scan
from streamrecon.model.geometry import Geometry
from streamrecon.model.scan import PhaseSign, Scan
from streamrecon.output.ras import from_ras
from streamrecon.phase.phase_scaling import PhaseScale, recognise_phase

_SAME_PLACE_MM = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class EchoFiles:
    """What the files hold.

    Parameters
    ----------
    magnitude, phase
        [E, Z, Y, X], in the maker's numbers.
    scale
        What those of ``phase`` mean.
    geometry
        Their grid.
    te_s, b0_t
        Echo times [s] and field [T].
    sidecar
        The JSON beside the first phase file; empty where there is none.
    name
        Name of the scan, from that of the first phase file.
    messages
        What was found and taken for granted, each a sentence.
    doubts
        What may be wrong, each a sentence.
    """

    magnitude: NDArray[np.generic]
    phase: NDArray[np.generic]
    scale: PhaseScale
    geometry: Geometry
    te_s: tuple[float, ...]
    b0_t: float
    sidecar: dict[str, object]
    name: str
    messages: tuple[str, ...]
    doubts: tuple[str, ...]

    def scan(self, sign: PhaseSign, comments: tuple[str, ...]) -> Scan:
        """The scan, as far as the files tell."""
        return bare_scan(
            self.geometry,
            self.te_s,
            self.b0_t,
            sign,
            vendor=self.vendor,
            name=self.name,
            comments=comments,
        )

    @property
    def vendor(self) -> str:
        """Who made the scanner, where the sidecar says it."""
        return str(self.sidecar.get("Manufacturer") or "")

    @property
    def grows_with_field(self) -> bool:
        """Whether the sidecar says that the phase has the sign of the field."""
        return str(self.sidecar.get("PhaseConvention", "")).startswith("positive")


def read_echo_files(
    phase: Sequence[Path],
    magnitude: Sequence[Path],
    *,
    te: Sequence[str] = (),
    b0_t: float | None = None,
    ends: tuple[float, float] | None = None,
) -> EchoFiles:
    """Read one 4-D file, or a file for each echo, of phase and of magnitude.

    Parameters
    ----------
    phase, magnitude
        NIfTI files, echoes in the order of their times.
    te
        Echo times as texts, see `times_s`; from the sidecars where not given.
    b0_t
        Field [T]; from the sidecar where not given.
    ends
        Numbers of the phase that stand for -π and +π; recognised where not given.

    Raises
    ------
    ConfigError
        If echo times or field are neither given nor found.
    DataError
        If the files do not belong together, or the phase is in unknown numbers.
    """
    check_names(phase, magnitude)
    turned, sized = _Part(phase), _Part(magnitude)
    if turned.values.shape != sized.values.shape:
        raise DataError(f"magnitude: found {sized.size}, needed {turned.size} as the phase has")
    check_values(turned.values, sized.values)
    values, scale, message = _scaled(turned, ends)
    times, origin = _te_s(turned, te)
    field, sidecar = _b0_t(turned, b0_t), turned.sidecars[0]
    check_sidecars(turned.sidecars, sized.sidecars, te_s=times, b0_t=field)
    axis = ", ".join(f"{c:.3g}" for c in turned.geometry.b0_axis()[::-1])
    messages = (
        f"echoes: {turned.size} of {_by(turned.geometry.voxel_mm[::-1], 3)} mm",
        f"TE: {', '.join(f'{1e3 * t:.4g}' for t in times)} ms, {origin}",
        f"B0: {field:.4g} T along ({axis}) of the voxel axes x, y, z",
        f"phase: {message}",
    )
    return EchoFiles(
        sized.values,
        values,
        scale,
        turned.geometry,
        times,
        field,
        sidecar,
        name_of(phase[0]),
        messages,
        tuple(_doubts(turned, sized)),
    )


class _Part:
    """All echoes of one kind, in one 4-D file or in a file for each."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.images = [load_nifti(path) for path in paths]
        self.values = np.concatenate(
            [_by_echo(values_of(i, path)) for i, path in zip(self.images, paths, strict=True)]
        )
        grids = [from_ras(np.empty(i.shape[:3], bool), i.affine)[1] for i in self.images]
        for grid, path in zip(grids, paths, strict=True):
            if not grid.same_as(grids[0], tolerance_mm=_SAME_PLACE_MM):
                raise DataError(f"{path.name}: lies on another grid than {paths[0].name}")
        self.geometry = grids[0]
        self.sidecars = [_sidecar(path) for path in paths]

    @property
    def size(self) -> str:
        """Echoes and voxels in words."""
        echoes, *shape = self.values.shape
        return f"{echoes} echoes of {_by(shape[::-1])} voxels"

    @property
    def is_placed(self) -> bool:
        """Whether the file says how its axes lie in the patient."""
        header = self.images[0].header
        return bool(header["sform_code"] or header["qform_code"])

    def as_stored(self) -> NDArray[np.generic]:
        """Values without the files' own scale."""
        return np.concatenate([_by_echo(i.dataobj.get_unscaled()) for i in self.images])


def _by_echo(data: NDArray[np.generic]) -> NDArray[np.generic]:
    """[X, Y, Z] or [X, Y, Z, E] as [E, Z, Y, X], a view."""
    return data.reshape(*data.shape[:3], -1).T


def _sidecar(path: Path) -> dict[str, object]:
    beside = path.with_name(re.sub(r"\.nii(\.gz)?$", "", path.name) + ".json")
    if not beside.is_file():
        return {}
    try:
        facts = json.loads(beside.read_text(encoding="utf-8"))
    except ValueError as e:
        raise DataError(f"{beside.name}: not readable as JSON: {e}") from e
    return facts if isinstance(facts, dict) else {}


def _scaled(
    part: _Part, ends: tuple[float, float] | None
) -> tuple[NDArray[np.generic], PhaseScale, str]:
    """Values of the phase, what they mean, and how that was found."""
    if ends is not None:
        scale = PhaseScale.between(*ends)
        return part.values, scale, f"{scale}, as given"
    low, high = _extremes(part.values)
    found = f"recognised by its range {low:.6g} … {high:.6g}"
    try:
        scale = recognise_phase(low, high)
    except DataError as unknown:
        stored = part.as_stored()
        low, high = _extremes(stored)
        try:
            scale = recognise_phase(low, high)
        except DataError:
            raise DataError(f"{unknown}; or say which numbers are ±π by --phase-ends") from unknown
        over = "the file's own scale makes no phase of it and was passed over"
        return stored, scale, f"{scale}, by the stored range {low:.6g} … {high:.6g}: {over}"
    return part.values, scale, f"{scale}, {found}"


def _extremes(values: NDArray[np.generic]) -> tuple[float, float]:
    return float(np.nanmin(values)), float(np.nanmax(values))


def _te_s(part: _Part, texts: Sequence[str]) -> tuple[tuple[float, ...], str]:
    echoes = len(part.values)
    if texts:
        times, origin = times_s(texts), "as given"
    else:
        found = [s.get("EchoTime") for s in part.sidecars]
        listed = found[0] if len(found) == 1 and isinstance(found[0], list) else found
        times = tuple(float(t) for t in listed if isinstance(t, int | float))
        origin = "from the JSON sidecar"
    if len(times) != echoes:
        raise ConfigError(f"TE: found {len(times)} for {echoes} echoes; give all by --te")
    return echo_times_s(times, echoes=echoes), origin


def _b0_t(part: _Part, given: float | None) -> float:
    found = given if given is not None else part.sidecars[0].get("MagneticFieldStrength")
    if not isinstance(found, int | float):
        raise ConfigError("B0: found none beside the phase; give it in T by --b0")
    return field_t(found)


def _doubts(turned: _Part, sized: _Part) -> Iterator[str]:
    if not turned.is_placed:
        yield "the phase file does not say how it lies in the patient: B0 may not be where it seems"
    if not turned.geometry.same_as(sized.geometry, tolerance_mm=_SAME_PLACE_MM):
        yield "magnitude and phase name different places; that of the phase is taken"
    lost = int((~np.isfinite(turned.values)).any(axis=0).sum())
    if lost:
        yield f"{lost} voxels whose phase is no number are left out"


def name_of(path: Path) -> str:
    """What the images made of a file are called: its BIDS name up to echo and part."""
    stem = re.sub(r"\.nii(\.gz)?$", "", path.name)
    return re.split(r"_(?:echo|part)-", stem)[0]


def _by(numbers: Sequence[float], digits: int = 6) -> str:
    return " × ".join(f"{n:.{digits}g}" for n in numbers)

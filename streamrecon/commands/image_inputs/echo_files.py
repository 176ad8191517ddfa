"""Reads magnitude and phase from NIfTI or DICOM files made elsewhere, and what stands beside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.commands.image_inputs.dicom_files import dicom_part, is_dicom
from streamrecon.commands.image_inputs.dicom_ids import refuse_other_study
from streamrecon.commands.image_inputs.echo_pairing import check_names, check_sidecars, check_values
from streamrecon.commands.image_inputs.echo_times import number_in, times_in, times_s
from streamrecon.commands.image_inputs.image_parts import ImagePart, by, doubts_of_parts
from streamrecon.commands.image_inputs.nifti_files import (
    by_echo,
    is_placed,
    load_nifti,
    sidecar_beside,
    values_of,
)
from streamrecon.commands.image_inputs.phase_difference import as_one_echo, difference_of, in_words
from streamrecon.commands.image_inputs.phase_numbers import doubts_of_scale, scaled_phase
from streamrecon.errors import ConfigError, DataError
from streamrecon.input_checks import echo_times_s, field_t
from streamrecon.model.bare_scan import bare_scan
from streamrecon.model.complex_part import Part
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.own_images import phase_grows_with_field
from streamrecon.model.scan import Ids, PhaseSign, Scan
from streamrecon.model.turned_grid import turned_to
from streamrecon.output.ras import from_ras
from streamrecon.phase.echo_agreement import check_echoes
from streamrecon.phase.phase_scaling import PhaseScale
from streamrecon.phase.slice_signs import turned_slices


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
    noise
        Standard deviation of the real part [1, 1, 1] where the images made of the files do not
        show it.
    ids
        Of patient and study, where the files name them.
    is_difference
        Whether the one echo is the difference of two.
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
    noise: NDArray[np.float32] | None = None
    ids: Ids = field(default_factory=Ids, repr=False)
    is_difference: bool = False

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
            ids=self.ids,
            is_difference=self.is_difference,
        )

    @property
    def vendor(self) -> str:
        """Who made the scanner, where the sidecar says it."""
        return str(self.sidecar.get("Manufacturer") or "")

    @property
    def grows_with_field(self) -> bool:
        """Whether the sidecar says that the phase has the sign of the field."""
        is_stated = str(self.sidecar.get("PhaseConvention", "")).startswith("positive")
        return is_stated or phase_grows_with_field(self.sidecar)


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
        NIfTI files, echoes in the order of their times; or DICOM files or folders, of which those
        of the part are taken. One phase may be the difference of two echoes.
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
    turned, sized = parts_of((Part.PHASE, phase), (Part.MAGNITUDE, magnitude))
    pair = difference_of(turned, sized, te)
    if pair is None and turned.values.shape != sized.values.shape:
        raise DataError(f"magnitude: found {sized.size}, needed {turned.size} as the phase has")
    check_values(turned.values, sized.values)
    values, scale, message = scaled_phase(turned, ends)
    times, origin = times_of(turned, te) if pair is None else (pair, "")
    field = field_of(turned, b0_t)
    sidecars = {Part.PHASE: turned.sidecars, Part.MAGNITUDE: sized.sidecars}
    check_sidecars(sidecars, te_s=times, b0_t=field)
    if pair is None:
        images = sized.values, values, scale
        timing = times, origin
        return described(turned, sized, images, times=timing, b0_t=field, message=message)
    echo = as_one_echo(sized.values, pair)
    images = echo.magnitude, values, scale
    timing = (echo.te_s,), in_words(pair)
    files = described(turned, sized, images, times=timing, b0_t=field, message=message)
    return replace(files, noise=echo.noise, is_difference=True)


def parts_of(
    one: tuple[Part, Sequence[Path]], other: tuple[Part, Sequence[Path]]
) -> tuple[ImagePart, ImagePart]:
    """Images of both parts on one grid: axes of the second that a tool has turned are turned back.

    Where a file does not say how it lies in the patient, voxels are paired as they come.

    Raises
    ------
    DataError
        If one part lies on another grid; it says how the grids differ.
    """
    if not any(is_dicom(path) for path in (*one[1], *other[1])):
        check_names(one, other)
    first, second = (_part(*each) for each in (one, other))
    refuse_other_study(first.ids, second.ids)
    both = first.is_placed and second.is_placed
    if both or first.values.shape[1:] != second.values.shape[1:]:
        second.turn_to(first.geometry, name=other[0].value, beside=f"the {one[0].value} images")
    return first, second


def described(
    part: ImagePart,
    other: ImagePart,
    images: tuple[NDArray[np.generic], NDArray[np.generic], PhaseScale],
    *,
    times: tuple[tuple[float, ...], str],
    b0_t: float,
    message: str,
) -> EchoFiles:
    """Echoes with what was found of them.

    Parameters
    ----------
    part, other
        What was read; the first one has the grid and the sidecar that count.
    images
        Magnitude and phase [E, Z, Y, X], and what the numbers of the phase mean.
    times, b0_t
        Echo times [s] with where they are from, and field [T].
    message
        How the phase was found.
    """
    magnitude, phase, scale = images
    phase, scale, doubt = turned_slices(magnitude, phase, scale)
    unlike = check_echoes(magnitude, phase, scale, times[0])
    axis = ", ".join(f"{round(c, 4) + 0.0:.3g}" for c in part.geometry.b0_axis()[::-1])
    messages = (
        f"echoes: {part.size} of {by(part.geometry.voxel_mm[::-1], 3)} mm",
        f"TE: {', '.join(f'{1e3 * t:.4g}' for t in times[0])} ms, {times[1]}",
        f"B0: {b0_t:.4g} T along ({axis}) of the voxel axes x, y, z",
        f"phase: {message}",
    )
    return EchoFiles(
        magnitude,
        phase,
        scale,
        part.geometry,
        times[0],
        b0_t,
        part.sidecars[0],
        part.name,
        messages,
        (*doubts_of_parts(part, other), *doubts_of_scale(scale), *unlike, *doubt),
        ids=part.ids,
    )


def _part(part: Part, paths: Sequence[Path]) -> ImagePart:
    return dicom_part(part, paths) if any(map(is_dicom, paths)) else _Part(paths)


class _Part(ImagePart):
    """All echoes of one kind, in one 4-D file or in a file for each."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.images = [load_nifti(path) for path in paths]
        self.names = [path.name for path in paths]
        self.grids = [from_ras(np.empty(i.shape[:3], bool), i.affine)[1] for i in self.images]
        self.geometry = self.grids[0]
        self.values = self._in_one_order(map(values_of, self.images, paths))
        self.sidecars = [sidecar_beside(path) for path in paths]
        self.name, self.source = name_of(paths[0]), "the JSON sidecar"
        self.is_placed = is_placed(self.images[0])

    def as_stored(self) -> NDArray[np.generic]:
        """Values without the files' own scale."""
        return self._in_one_order(i.dataobj.get_unscaled() for i in self.images)

    def _in_one_order(self, data: Iterable[NDArray[np.generic]]) -> NDArray[np.generic]:
        """Images of all files [E, Z, Y, X] in the order of the first."""
        return np.concatenate(
            [
                turned_to(by_echo(each), grid, self.grids[0], names=(name, self.names[0]))
                for each, grid, name in zip(data, self.grids, self.names, strict=True)
            ]
        )


def times_of(part: ImagePart, texts: Sequence[str]) -> tuple[tuple[float, ...], str]:
    """Echo times [s] as given or as the sidecars have them, and which of both.

    Raises
    ------
    ConfigError
        If there is not one for each echo, or they are no seconds.
    """
    echoes = len(part.values)
    if texts:
        times, origin = times_s(texts), "as given"
    else:
        times = times_in(part.sidecars)
        origin = f"from {part.source}"
    if len(times) != echoes:
        raise ConfigError(
            f"TE: found {len(times)} {origin} for {echoes} echoes of {part.name}; give all by --te"
        )
    return echo_times_s(times, echoes=echoes), origin


def field_of(part: ImagePart, given: float | None) -> float:
    """Field [T] as given or as the sidecar has it.

    Raises
    ------
    ConfigError
        If there is none, or no scanner has it.
    """
    found = given if given is not None else number_in(part.sidecars[0], "MagneticFieldStrength")
    if found is None:
        raise ConfigError(f"B0: found none in {part.source} of {part.name}; give it in T by --b0")
    return field_t(found)


def name_of(path: Path) -> str:
    """What the images made of a file are called: its BIDS name up to echo and part."""
    stem = re.sub(r"\.nii(\.gz)?$", "", path.name)
    return re.split(r"_(?:echo|part)-", stem)[0]

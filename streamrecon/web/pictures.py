"""Draws slices of a volume as PNG, with an outline of a mask where one is asked for."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion

from streamrecon.errors import DataError
from streamrecon.model.outputs.look import Colours
from streamrecon.output.nifti import nifti_bytes
from streamrecon.output.preview.colours import RGB, Window, coloured, window_of
from streamrecon.output.preview.planes import (
    Fractions,
    Plane,
    View,
    along_lps,
    fractions_at,
    planes_of,
)
from streamrecon.output.preview.shown import Shown
from streamrecon.output.preview.view import common_view, object_of, same_field_of_view

_LONGEST = 640  # pixels of the longer side
_OUTLINE = np.array((230, 159, 0), np.uint8)  # Okabe and Ito's orange: seen by the colour-blind
_ENOUGH = 48  # voxels along an axis, to find what is worth looking at
_AXES = {"sagittal": 0, "coronal": 1, "axial": 2}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a volume is to be drawn."""

    plane: str
    number: int
    low: float
    high: float
    colours: Colours


def facts_of(
    volumes: Sequence[Shown], at_lps_mm: Fractions | None = None
) -> list[dict[str, object]]:
    """What the page needs to know of each volume, for JSON.

    Parameters
    ----------
    volumes
        All of a scan.
    at_lps_mm
        What is to be looked at first (left, posterior, superior) [mm]; ``None``: where the scan's
        page is cut, see `streamrecon.output.preview.view.view_of`.
    """
    if not volumes:
        return []
    cuts = [None if at_lps_mm is None else fractions_at(at_lps_mm, v.geometry) for v in volumes]
    view = View() if all(cuts) else _first_view(volumes)
    facts = []
    for number, (volume, cut) in enumerate(zip(volumes, cuts, strict=True)):
        is_alike = same_field_of_view(volumes[0].geometry, volume.geometry)
        facts.append(_facts(number, volume, cut or (view if is_alike else View()).cut))
    return facts


def _first_view(volumes: Sequence[Shown]) -> View:
    """That of the scan's page, by fewer voxels: it is asked for with each map that comes."""
    coarse = [_thinned(volume) for volume in volumes]
    return common_view(coarse, object_of(coarse))


def _thinned(volume: Shown) -> Shown:
    """Every so many voxels, from the middle of the first ones on."""
    steps = [max(1, n // _ENOUGH) for n in volume.geometry.shape]
    values = volume.values[tuple(slice(step // 2, None, step) for step in steps)]
    nz, ny, nx = values.shape
    z, y, x = (mm * step for mm, step in zip(volume.geometry.voxel_mm, steps, strict=True))
    geometry = replace(volume.geometry, shape=(nz, ny, nx), voxel_mm=(z, y, x))
    return replace(volume, values=values, geometry=geometry)


def _facts(number: int, volume: Shown, cut: Fractions) -> dict[str, object]:
    grown, _ = along_lps(volume.values, volume.geometry)
    counts = {name: grown.shape[axis] for name, axis in _AXES.items()}
    planes = planes_of(volume.values, volume.geometry, View())
    window = window_of(volume.quantity, volume.unit, [volume.values])
    return {
        "number": number,
        "label": volume.label,
        "unit": volume.unit,
        "te_ms": None if volume.te_s is None else round(volume.te_s * 1e3, 3),
        "is_mask": _is_mask(volume),
        "is_angle": volume.is_angle,
        "shape": list(volume.geometry.shape),
        "voxel_mm": [round(mm, 4) for mm in volume.geometry.voxel_mm],
        "low": _rounded(window.low),
        "high": _rounded(window.high),
        "colours": window.colours.value,
        "planes": [{"name": each.name, "edges": each.edges} for each in planes],
        "counts": counts,
        "start": {name: int(cut[_AXES[name]] * count) for name, count in counts.items()},
    }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _is_mask(volume: Shown) -> bool:
    values = volume.values
    return volume.unit == "" and bool(((values == 0) | (values == 1)).all())


def slice_png(volume: Shown, wanted: Wanted, overlay: Shown | None = None) -> bytes:
    """One slice in true proportions; neighbours are mixed unless the numbers are angles.

    Raises
    ------
    DataError
        If the volume has no such slice, or the mask is of another grid.
    """
    plane = _plane(volume, wanted)
    window = Window(wanted.low, wanted.high, wanted.colours)
    picture = coloured(window.fraction(plane.pixels), wanted.colours)
    size = _size(plane)
    mix = Image.Resampling.NEAREST if volume.is_angle else Image.Resampling.BILINEAR
    drawn = np.array(Image.fromarray(picture).resize(size, mix))
    if overlay is not None:
        _outline(drawn, _mask(volume, overlay, wanted), size)
    buffer = io.BytesIO()
    Image.fromarray(drawn).save(buffer, "png", compress_level=1)
    return buffer.getvalue()


def scales() -> dict[str, list[list[int]]]:
    """The colours of each scale from its low end to the high one, for who draws elsewhere."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)
    return {colours.value: coloured(ramp, colours).tolist() for colours in Colours}


def volume_nifti(volume: Shown) -> bytes:
    """The volume as a NIfTI file, with numbers that every browser reads."""
    values = volume.values
    plain = values.astype(np.uint8 if values.dtype == np.bool_ else np.float32)
    return nifti_bytes(plain, volume.geometry)


def scale_png(colours: Colours) -> bytes:
    """The colours of a window, from the low end to the high one."""
    ramp = coloured(np.linspace(0, 1, 256, dtype=np.float32)[None], colours)
    buffer = io.BytesIO()
    Image.fromarray(np.repeat(ramp, 12, axis=0)).save(buffer, "png")
    return buffer.getvalue()


def _plane(volume: Shown, wanted: Wanted) -> Plane:
    axis = _AXES[wanted.plane]
    count = along_lps(volume.values, volume.geometry)[0].shape[axis]
    if not 0 <= wanted.number < count:
        raise DataError(f"{wanted.plane} slice: found {wanted.number}, needed 0 to {count - 1}")
    cut = [*View().cut]
    cut[axis] = (wanted.number + 0.5) / count
    planes = planes_of(volume.values, volume.geometry, View((cut[0], cut[1], cut[2])))
    for plane in planes:
        if plane.name == wanted.plane:
            return plane
    raise DataError(f"{wanted.plane}: the volume is too thin for this plane")


def _size(plane: Plane) -> tuple[int, int]:
    high, wide = plane.size_mm
    scale = _LONGEST / max(high, wide)
    return max(1, math.floor(wide * scale)), max(1, math.floor(high * scale))


def _mask(volume: Shown, overlay: Shown, wanted: Wanted) -> Plane:
    if overlay.geometry.shape != volume.geometry.shape:
        raise DataError("the mask is of another grid")
    return _plane(overlay, wanted)


def _outline(drawn: RGB, mask: Plane, size: tuple[int, int]) -> None:
    inside = Image.fromarray((mask.pixels.astype(np.float32) > 0.5).astype(np.uint8) * 255)
    flags = np.array(inside.resize(size, Image.Resampling.NEAREST)) > 0
    drawn[flags & ~binary_erosion(flags, iterations=2)] = _OUTLINE

"""χ of a head's brain as images of finite resolution can show it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
import scipy.fft
from scipy.ndimage import map_coordinates

from streamrecon.model.geometry import Geometry, Triple
from streamrecon_simulator.phantoms.shapes import contains
from streamrecon_simulator.rotation import rotation
from streamrecon_simulator.whole_head.grid import Grid, Volume, planes_of
from streamrecon_simulator.whole_head.head import WholeHead, head_maps
from streamrecon_simulator.whole_head.inclusions import Inclusion
from streamrecon_simulator.whole_head.tissues import BRAIN

_WORKERS = 2  # threads of the transform: what the smallest supported machine has
_BORDER = 0.5 + 1e-9  # cycles in a voxel
_ORDER: Final = 5  # of the splines that go from grains to voxels
_PARTS = (np.arange(4) + 0.5) / 4 - 0.5  # of a grain's edge: where a sphere is asked for


@dataclass(frozen=True)
class Resolution:
    """What a scan keeps of waves along the axes z, y, x of its voxels.

    Parameters
    ----------
    sides_mm
        Edges of the encoded voxels.
    sliced
        Whether the first is a slice's thickness, whose mean is taken, or cut off as the others.
    """

    sides_mm: Triple
    sliced: bool = False


def band_limited_chi(head: WholeHead, geometry: Geometry, kept: Resolution) -> Volume:
    """χ of the brain with its mean around it, of the waves that a scan keeps [Z, Y, X, ppm].

    With air or skull around it there would be ringing that no map shows. The spectrum is that of
    cubes of uniform χ.

    Parameters
    ----------
    head
        What is scanned; its inclusions are those grains of the brain that they fill, in parts.
    geometry
        The image.
    kept
        Its resolution.

    Notes
    -----
    Two transforms of the head's grid and a spline. Where grains are as large as voxels the finest
    waves are wrong.
    """
    maps = head_maps(head)
    brain = np.isin(maps.labels, BRAIN)
    mean = np.float32(maps.textures.chi_ppm[brain].mean(dtype=np.float64))
    values = np.where(brain, maps.textures.chi_ppm - mean, 0)
    for each in head.inclusions:
        _add(values, maps.grid, each)
    shape = [scipy.fft.next_fast_len(n, real=True) for n in values.shape]
    spectrum = scipy.fft.rfftn(values, shape, workers=_WORKERS)
    along = [scipy.fft.fftfreq(n) for n in shape[:2]] + [scipy.fft.rfftfreq(shape[2])]
    z, y, x = (np.sinc(each) ** -_ORDER for each in along)  # cubes, over the spline's own waves
    across = np.linalg.inv(geometry.affine_lps()[:3, :3]) * np.reshape(geometry.voxel_mm, (3, 1))
    across = (across @ rotation(*head.turn_deg))[:, ::-1] / head.grain_mm
    for plane, k_z in enumerate(along[0]):
        spectrum[plane] *= (z[plane] * y[:, None] * x).astype(np.float32)
        for axis, (to_z, to_y, to_x) in enumerate(across):
            k = k_z * to_z + along[1][:, None] * to_y + along[2] * to_x
            turns = k * kept.sides_mm[axis]
            if kept.sliced and axis == 0:
                spectrum[plane] *= np.sinc(turns).astype(np.float32)
            else:
                spectrum[plane] *= np.abs(turns) <= _BORDER
    weights = scipy.fft.irfftn(spectrum, shape, workers=_WORKERS, overwrite_x=True)
    found = np.empty(geometry.shape, np.float32)
    for plane, points in enumerate(planes_of(geometry)):
        index = maps.grid.index(head.own_places(points))
        found[plane] = map_coordinates(weights, index, order=_ORDER, prefilter=False)
    return found + mean


def _add(values: Volume, grid: Grid, inclusion: Inclusion) -> None:
    """An inclusion's step to every grain, by the part that it fills."""
    reach = inclusion.diameter_mm / 2 + grid.grain_mm
    box = tuple(
        slice(*np.searchsorted(axis, (centre - reach, centre + reach)))
        for axis, centre in zip(grid.axes(), inclusion.centre_mm, strict=True)
    )[::-1]
    left, posterior, superior = (
        axis[part].astype(np.float64) for axis, part in zip(grid.axes(), box[::-1], strict=True)
    )
    middles = np.stack(np.meshgrid(superior, posterior, left, indexing="ij")[::-1])
    for place in product(_PARTS * grid.grain_mm, repeat=3):
        inside = contains(inclusion.sphere, middles + np.reshape(place, (3, 1, 1, 1)))
        values[box] += np.float32(inclusion.step_ppm / len(_PARTS) ** 3) * inside

r"""What gradients of χ cost, and their split: λ by the noise, less where an edge may be.

.. math:: \lambda = \ell\,\sigma

with the noise σ [ppm] of a voxel, else `noise_of_field`, and a length ℓ of 0.15 mm, of 0.2 mm
behind a removal of background. It does not grow with the voxel, as gradients of anatomy do not.

An edge of the magnitude need not be one of χ, nor the reverse. Where both are given, a gradient
counts as an edge by the geometric mean of both steps, each in units of the step that one gradient
in seven of its own image exceeds, and of a whole edge at most: however strong, neither alone makes
an edge of what the other has nothing of. Where the magnitude alone is to say where edges are, it is
believed as far as `belief_in_edges` finds a coarse map to bear it out.
Sparse gradients without edges take contrast off what is small; with those of the map itself the
regions of two unlike heads keep 0.98 of it, where they kept 0.94 and 0.97.

References
----------
Candès et al. (2008) J Fourier Anal Appl 14:877. doi:10.1007/s00041-008-9045-x
Liu J et al. (2012) NeuroImage 59:2560. doi:10.1016/j.neuroimage.2011.08.082
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.machine.threads import at_once
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.qsm._kernels import shrink_gradients, shrink_row
from streamrecon.qsm.inversion.field_noise import noise_of_field

Real = NDArray[np.float32]
ByteWeights = NDArray[np.uint8]
Places = list[tuple[tuple[slice, ...], tuple[slice, ...]]]

WHOLE = 255
"""The weight of a gradient that counts in full."""

_CLEAN_MM, _REMOVED_MM = 0.15, 0.2  # ℓ, on voxels of 0.9 to 3 mm: docs/explanation/qsm.md
_WEAKEST, _STRONGEST = 1e-5, 3e-3

_EDGE_FRACTION = 0.15  # of the voxels' gradients in the mask count as edges of an image
_ACROSS_EDGES = WHOLE // 5
_EDGE_BEGINS, _EDGE_ENDS = 0.75, 1.25  # of the limit: a step there would turn rounding into ppb
_TINY = 1e-30
_DISPLACED_MM = 8.0  # farther than most edges are thick, nearer than a nucleus is to its neighbour
_ABOVE_CHANCE = 0.1
_SAMPLES = 200_000  # quantiles of a part are those of the whole


@dataclass(frozen=True, slots=True)
class Strength:
    """A strength, and how it was found.

    Parameters
    ----------
    value
        λ [ppm·mm].
    origin
        In words.
    """

    value: float
    origin: str

    def __str__(self) -> str:
        return f"{self.value:.2g} ppm·mm, {self.origin}"


def find_strength(
    field_ppm: NDArray[np.floating],
    sd_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    is_clean: bool = False,
) -> Strength:
    """`strength_from_noise` where its median in the mask is known, else `strength_from_field`."""
    if mask.any() and np.isfinite(np.median(sd_ppm[mask])):
        return strength_from_noise(sd_ppm, mask, is_clean=is_clean)
    return strength_from_field(field_ppm, mask, geometry)


def strength_from_noise(
    sd_ppm: NDArray[np.floating], mask: NDArray[np.bool_], *, is_clean: bool = False
) -> Strength:
    """Strength for a field whose noise [Z, Y, X, ppm] is known: by its median in the mask.

    More where not ``is_clean``, as a removal of background has left misfit beside the noise.

    Raises
    ------
    ReconError
        If the mask is empty or the median is not finite.
    """
    median = float(np.median(sd_ppm[mask])) if mask.any() else np.nan
    if not np.isfinite(median):
        raise ReconError(f"strength: found noise of {median:g} ppm, needed a finite one")
    value = _strength(median, _CLEAN_MM if is_clean else _REMOVED_MM)
    return Strength(value, f"from a noise of {1e3 * median:.2g} ppb in the field")


def strength_from_field(
    field_ppm: NDArray[np.floating], mask: NDArray[np.bool_], geometry: Geometry
) -> Strength:
    """Strength for a field that comes without its noise, see `noise_of_field`."""
    sd = noise_of_field(field_ppm, mask, geometry)
    origin = f"from a noise of {1e3 * sd:.2g} ppb, estimated on the magic-angle cone"
    return Strength(_strength(sd, _CLEAN_MM), origin)


def _strength(sd_ppm: float, length_mm: float) -> float:
    return float(np.clip(length_mm * sd_ppm, _WEAKEST, _STRONGEST))


def gradient_weights(
    mask: NDArray[np.bool_],
    shape: Shape,
    images: Sequence[NDArray[np.floating]] = (),
    *,
    outside: float = 0.0,
    near: NDArray[np.bool_] | None = None,
    belief: float = 1.0,
) -> ByteWeights:
    """How much each gradient counts, in 255ths [3, Z, Y, X]: a fifth across edges of the images.

    From all to a fifth it falls evenly around the limit.

    Parameters
    ----------
    mask
        Where χ is wanted [Z, Y, X].
    shape
        Padded grid of the weights.
    images
        What has to have an edge where χ may have one, all of them [Z, Y, X]; none: no edges.
    outside
        Weight of the gradients that are not between two voxels of the mask, 0 … 1.
    near
        Voxels of the padded grid between which gradients cost as within the mask [Z, Y, X].
    belief
        How far the edges of the images are believed, 0 … 1: what across them is let off.
    """
    weights = np.full((3, *shape), round(WHOLE * outside), np.uint8)
    if near is not None:
        for axis, weight in enumerate(weights):
            weight[near & np.roll(near, -1, axis)] = WHOLE
    places = _ends()
    inner = [weights[axis][tuple(slice(n) for n in mask.shape)] for axis in range(3)]
    for weight, (here, there) in zip(inner, places, strict=True):
        weight[here][mask[here] & mask[there]] = WHOLE
    if not images:
        return weights
    steps = _steps_together(images, mask, places)
    for weight, step, (here, there) in zip(inner, steps, places, strict=True):
        within = mask[here] & mask[there]
        weight[here][within] = _allowed(step, belief)[within]
    return weights


def belief_in_edges(
    chi_ppm: Real, image: Real, mask: NDArray[np.bool_], geometry: Geometry
) -> float:
    """How far a map, made without an image, has steps where the image has edges, 0 … 1.

    Steps across the image's edges are compared with those elsewhere, as a ratio of means. Chance
    lets them meet, too: what counts is how much more they do than with the image moved by 8 mm
    along each axis, and than not at all. 1 where the ratio exceeds both by a tenth. It is one
    number for the whole image: edges that mislead among many that do not are believed with them.

    Parameters
    ----------
    chi_ppm, image
        [Z, Y, X].
    mask
        Where both are known [Z, Y, X].
    geometry
        Their grid.
    """
    by_chance = [1.0]
    for axis, voxel in enumerate(geometry.voxel_mm):
        far = round(_DISPLACED_MM / voxel)
        for n in (far, -far):
            both = mask & np.roll(mask, n, axis)
            by_chance.append(_agreement(chi_ppm, np.roll(image, n, axis), both))
    excess = (_agreement(chi_ppm, image, mask) - max(by_chance)) / _ABOVE_CHANCE
    return float(np.clip(excess, 0.0, 1.0))


def _agreement(chi_ppm: Real, image: Real, mask: NDArray[np.bool_]) -> float:
    """Mean step of a map across the edges of an image over that elsewhere; 0 without edges."""
    places = _ends()
    edges = [np.abs(image[there] - image[here]) for here, there in places]
    least = max(_EDGE_BEGINS * _limit(edges, mask, places), _TINY)
    totals = np.zeros((2, 2))
    for edge, (here, there) in zip(edges, places, strict=True):
        within, across = mask[here] & mask[there], edge >= least
        step = np.abs(chi_ppm[there] - chi_ppm[here])
        for kind, chosen in enumerate((within & across, within & ~across)):
            totals[kind] += step[chosen].sum(dtype=np.float64), chosen.sum()
    if not totals.all():
        return 0.0
    across_edges, elsewhere = totals[:, 0] / totals[:, 1]
    return float(across_edges / elsewhere)


def _ends() -> Places:
    """For each axis the voxels before a gradient and those behind it."""
    first, last = slice(None, -1), slice(1, None)
    return [((*(slice(None),) * a, first), (*(slice(None),) * a, last)) for a in range(3)]


def _steps_together(
    images: Sequence[NDArray[np.floating]], mask: NDArray[np.bool_], places: Places
) -> list[Real]:
    """Geometric mean of the images' steps along each axis, in units of their limits."""
    together: list[Real] = []
    for image in images:
        known = np.nan_to_num(np.asarray(image, np.float32))
        steps = [np.abs(known[there] - known[here]) for here, there in places]
        limit = np.float32(max(_limit(steps, mask, places), _TINY))
        scaled = [np.minimum(step / limit, np.float32(_EDGE_ENDS)) for step in steps]
        together = (
            scaled if not together else [a * b for a, b in zip(together, scaled, strict=True)]
        )
    root = np.float32(1 / len(images))
    return together if len(images) == 1 else [step**root for step in together]


def _limit(steps: list[Real], mask: NDArray[np.bool_], places: Places) -> float:
    """The step that one gradient in seven of the mask exceeds."""
    every = max(1, mask.size // _SAMPLES)
    seen = np.concatenate(
        [
            step.ravel()[::every][(mask[here] & mask[there]).ravel()[::every]]
            for step, (here, there) in zip(steps, places, strict=True)
        ]
    )
    return float(np.quantile(seen, 1 - _EDGE_FRACTION)) if seen.size else np.inf


def _allowed(step: Real, belief: float) -> ByteWeights:
    """Weight that a step in units of the limit leaves."""
    across = WHOLE - belief * (WHOLE - _ACROSS_EDGES)
    fall = (WHOLE - across) / (_EDGE_ENDS - _EDGE_BEGINS)
    kept = np.float32(WHOLE + fall * _EDGE_BEGINS + 0.5) - np.float32(fall) * step
    weights: ByteWeights = np.clip(kept, across, WHOLE).astype(np.uint8)
    return weights


@dataclass(frozen=True, slots=True, eq=False)
class Gradients:
    """The split of the gradients: what is clipped, where, and its state.

    Parameters
    ----------
    voxel
        Sides of a voxel (z, y, x) [mm].
    limit
        Largest dual, where a gradient counts in full.
    weight
        How much each gradient counts, in 255ths [3, Z, Y, X]: bytes, as memory is slow.
    state
        Shrunken gradients and their scaled dual [3, Z, Y, X].
    """

    voxel: Real
    limit: float
    weight: ByteWeights
    state: Real

    @property
    def limit_of_a_part(self) -> np.float32:
        """Largest dual of a gradient that counts a 255th."""
        return np.float32(self.limit / WHOLE)

    def renew(self, chi: Real, divergence: Real, alpha: float = 1.0) -> None:
        """Shrink the gradients of ``chi``; ``divergence`` [Z, Y, X] may be the same memory.

        One pass over six volumes. Each thread first looks at the planes beside its own, which
        others are about to change.
        """
        per_mm = 1 / self.voxel
        limit, relaxation = self.limit_of_a_part, np.float32(alpha)
        beside: dict[int, tuple[Real, Real]] = {}

        def look(z: range) -> None:
            below, flow = z.start - 1, np.empty_like(chi[0])
            there, here, state = chi[z.start], chi[below], self.state[0, below].copy()
            weight = self.weight[0, below].ravel()
            rows = [plane.ravel() for plane in (there, here, state)]
            shrink_row(*rows, weight, limit, per_mm[0], relaxation, flow.ravel())
            beside[z.start] = flow, chi[z.stop % len(chi)].copy()

        def shrink(z: range) -> None:
            shrink_gradients(
                chi, self.state, self.weight, limit, per_mm, relaxation, *beside[z.start],
                divergence, z.start, z.stop,
            )  # fmt: skip

        at_once(look, len(chi))
        at_once(shrink, len(chi))


def gradients(voxel_mm: tuple[float, ...], limit: float, weight: ByteWeights) -> Gradients:
    """A split of gradients with its state at zero."""
    voxel = np.array(voxel_mm, np.float32)
    return Gradients(voxel, limit, weight, np.zeros(weight.shape, np.float32))

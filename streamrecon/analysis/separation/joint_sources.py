r"""Sources of both signs from the local field and R2' at once, sparse in their gradients.

.. math:: \min_{\chi_\pm \ge 0}\;
          \tfrac12\|W_f(D(\chi_+ - \chi_-) - f)\|^2
          + \tfrac{\mu^2}{2}\|\alpha\chi_+ + \beta\chi_- - R_2'/\bar D\|^2_M
          + \lambda\,\|G\nabla\chi_+\|_1 + \lambda\,\|G\nabla\chi_-\|_1

with μ the ratio of the standard deviations of the field and of R2'/D̄, α, β = D±/D̄, and D̄ their
mean. Voxel for voxel the noise of R2' reaches χ± whole; here it is smoothed where neither map has
an edge, and R2' says something about the cone in which the field says nothing. R2' does not count
where it is much too small for χ: that of a vein would halve its χ, and spoil what lies about it.
Alternating directions with exact steps in k-space, a 2 × 2 system for each frequency: six real
transforms of the padded grid a step and some 22 copies of it.

References
----------
Shin et al. (2021) NeuroImage 240:118371. doi:10.1016/j.neuroimage.2021.118371
Boyd et al. (2011) Found Trends Mach Learn 3:1. doi:10.1561/2200000016
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.separation.sources import Relaxivity, Sources, coherence_index
from streamrecon.errors import ReconError
from streamrecon.fourier import irfftn, rfftn
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.qsm.dipole import PADDING, dipole_kernel, laplacian_kernel, padded_shape
from streamrecon.qsm.inversion.gradient_cost import WHOLE, gradient_weights
from streamrecon.qsm.solvers import checked_field

Real = NDArray[np.float32]
Spectrum = NDArray[np.complex64]
Floating = NDArray[np.floating]
Flags = NDArray[np.bool_]

_DATA_RHO = 0.25  # of the field's split, whose weights are near 1
_RHO_PER_STRENGTH = 100.0  # 1/ppm: gradients of 10 ppb per mm are at the limit
_SIGN_RHO = 0.02  # of the split that keeps both sources above 0
_COHERENT = -0.25  # index below which R2' cannot be that of χ: a vein


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Standard deviations of what is fitted, and what the smoothing costs.

    Parameters
    ----------
    field_ppm, r2_prime_per_s
        Of a typical voxel.
    strength
        λ [ppm·mm], as of `streamrecon.qsm.inversion.gradient_cost`.
    """

    field_ppm: float
    r2_prime_per_s: float
    strength: float

    def __post_init__(self) -> None:
        if not min(self.field_ppm, self.r2_prime_per_s, self.strength) > 0:
            raise ReconError(f"joint fit: found {self}, needed numbers above 0")


def separate_jointly(
    field_ppm: Floating,
    r2_prime_per_s: Floating,
    mask: Flags,
    geometry: Geometry,
    relaxivity: Relaxivity,
    *,
    noise: Noise,
    start: Sources,
    weight: Floating | None = None,
    iterations: int = 60,
    seconds: float = math.inf,
) -> Sources:
    """Sources of both signs that explain the local field and R2' together.

    Sources outside the mask explain what removal of the background left: one map, of any sign and
    without a cost, of which nothing is returned. The zero of χ is that of R2': where neither sign
    has a source.

    Parameters
    ----------
    field_ppm
        Local field [Z, Y, X, ppm].
    r2_prime_per_s
        [Z, Y, X, 1/s].
    mask
        Where both are trusted; 0 outside on return.
    geometry
        Their grid, which also says where B0 points.
    relaxivity
        At this field.
    noise
        How much either is trusted.
    start
        Of the iteration, see `streamrecon.analysis.separation.sources.separate`.
    weight
        Trust per voxel of the field, 1 for the typical one.
    iterations
        Steps.
    seconds
        Time for them: a fit that would not end by then at the pace of its fastest step is given up,
        at its second step as a rule, and nothing of it is returned.

    Raises
    ------
    ReconError
        If the mask is empty or a map is not finite inside it; if there is too little time.
    """
    pace = _Pace(iterations, seconds)
    field = checked_field(field_ppm, mask, "joint fit")
    rate = checked_field(r2_prime_per_s, mask, "joint fit")
    mean = (relaxivity.positive + relaxivity.negative) / 2
    fractions = (relaxivity.positive / mean, relaxivity.negative / mean)
    trust = mask.astype(np.float32) if weight is None else np.where(mask, weight, 0)
    ratio = noise.field_ppm / (noise.r2_prime_per_s / mean)
    shape = padded_shape(geometry, PADDING)
    index = coherence_index(start.chi_ppm, rate, mask, relaxivity)
    edges = gradient_weights(mask, shape, [start.positive_ppm + start.negative_ppm])
    fit = _Fit(
        field=_padded(field, shape),
        trust=_padded(np.square(trust), shape),
        decay=_padded(rate / np.float32(mean), shape),
        inside=_padded(mask, shape),
        decays=_padded(mask & (index > _COHERENT), shape),
        parts=fractions,
        squared_ratio=ratio**2,
        limits=edges.astype(np.float32) * np.float32(noise.strength / WHOLE),
        rho=_RHO_PER_STRENGTH * noise.strength,
        dipole=dipole_kernel(geometry, shape),
        laplacian=laplacian_kernel(geometry, shape),
        voxel_mm=geometry.voxel_mm,
    )
    positive, negative = fit.solve(
        (_padded(start.positive_ppm, shape), _padded(start.negative_ppm, shape)), pace
    )
    z, y, x = mask.shape
    return Sources(positive[:z, :y, :x] * mask, negative[:z, :y, :x] * mask)


class _Pace:
    """Counts steps, and gives up where those that are left need more time than is left."""

    def __init__(self, steps: int, seconds: float) -> None:
        self._steps, self._done = steps, -1
        self._before = monotonic()
        self._end, self._fastest_s = self._before + seconds, math.inf

    def goes_on(self) -> bool:
        """Whether another step is to be made; called before each.

        Raises
        ------
        ReconError
            If there is too little time: by the fastest of two steps or more, since the first one
            plans its transforms too, or because the time is up.
        """
        now = monotonic()
        self._done += 1
        if self._done:
            self._fastest_s = min(self._fastest_s, now - self._before)
        self._before = now
        more, rest_s = self._steps - self._done, self._end - now
        needed_s = more * self._fastest_s if self._done > 1 else 0.0
        if more and needed_s > rest_s:
            self._give_up(self._done, rest_s)
        return more > 0

    def _give_up(self, done: int, rest_s: float) -> None:
        pace = f" of {self._fastest_s:.2g} s" if math.isfinite(self._fastest_s) else ""
        found = f"found {max(rest_s, 0):.2g} s after {done} steps"
        raise ReconError(f"joint fit: too little time: {found}, needed {self._steps} steps{pace}")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Fit:
    """The problem on its padded grid, and its iteration."""

    field: Real
    trust: Real
    decay: Real
    inside: Real
    decays: Real
    parts: tuple[float, float]
    squared_ratio: float
    limits: Real
    rho: float
    dipole: Real
    laplacian: Real
    voxel_mm: tuple[float, float, float]

    def solve(self, start: tuple[Real, Real], pace: _Pace) -> tuple[Real, Real]:
        """Both sources; of the last step those that are 0 or above."""
        sources = [part.copy() for part in start]
        data_dual, decay_dual = np.zeros_like(self.field), np.zeros_like(self.field)
        sign_duals = [np.zeros_like(self.field) for _ in sources]
        edge_duals = [np.zeros((3, *self.field.shape), np.float32) for _ in sources]
        above = [np.maximum(part, 0) for part in sources]
        model = self._field_of(rfftn(sources[0] - sources[1]))
        while pace.goes_on():
            data = self._split_data(model, data_dual)
            decay = self._split_decay(sources, decay_dual)
            flows = [self._split_edges(*pair) for pair in zip(sources, edge_duals, strict=True)]
            for n, part in enumerate(sources):
                state = part + sign_duals[n]
                outside = state if n == 0 else np.zeros_like(state)
                above[n] = np.where(self.inside > 0, np.maximum(state, 0), outside)
                sign_duals[n] += part - above[n]
            rest = [above[n] - sign_duals[n] for n in range(2)]
            spectra = self._renewed(data - data_dual, decay - decay_dual, flows, rest)
            sources = [irfftn(spectrum.copy(), self.field.shape) for spectrum in spectra]
            model = self._field_of(spectra[0] - spectra[1])
        return above[0], above[1]

    def _field_of(self, spectrum: Spectrum) -> Real:
        return irfftn(spectrum * self.dipole, self.field.shape)

    def _split_data(self, model: Real, dual: Real) -> Real:
        """The field nearest to what was measured and to the model; the dual learns the gap."""
        state = model + dual
        split = (self.trust * self.field + np.float32(_DATA_RHO) * state) / (
            self.trust + np.float32(_DATA_RHO)
        )
        dual[...] = state - split
        return np.asarray(split, np.float32)

    def _split_decay(self, sources: list[Real], dual: Real) -> Real:
        """Likewise for R2'."""
        state = self._decay_of(sources) + dual
        weight = np.float32(self.squared_ratio) * self.decays
        split = (weight * self.decay + np.float32(self._decay_rho) * state) / (
            weight + np.float32(self._decay_rho)
        )
        dual[...] = state - split
        return np.asarray(split, np.float32)

    @property
    def _decay_rho(self) -> float:
        return max(self.squared_ratio, 1e-4)

    def _decay_of(self, sources: list[Real]) -> Real:
        alpha, beta = self.parts
        return np.float32(alpha) * sources[0] + np.float32(beta) * sources[1]

    def _split_edges(self, part: Real, dual: Real) -> Real:
        """Shrunken gradients less their dual, as the divergence they leave."""
        flow = np.zeros_like(part)
        for axis, mm in enumerate(self.voxel_mm):
            state = (np.roll(part, -1, axis) - part) / np.float32(mm) + dual[axis]
            clipped = np.clip(
                state, -self.limits[axis] / np.float32(self.rho),
                self.limits[axis] / np.float32(self.rho),
            )  # fmt: skip
            dual[axis] = clipped
            wanted = state - 2 * clipped
            flow += (np.roll(wanted, 1, axis) - wanted) / np.float32(mm)
        return flow

    def _renewed(
        self, data: Real, decay: Real, flows: list[Real], rest: list[Real]
    ) -> list[Spectrum]:
        """Spectra of both sources: the 2 × 2 system of each frequency, solved."""
        alpha, beta = self.parts
        of_data = rfftn(data) * (np.float32(_DATA_RHO) * self.dipole)
        right = []
        for part, flow, other in zip((alpha, beta), flows, rest, strict=True):
            both = np.float32(self._decay_rho * part) * decay
            both += np.float32(self.rho) * flow + np.float32(_SIGN_RHO) * other
            right.append(rfftn(both))
        right[0] += of_data
        right[1] -= of_data
        own = np.float32(self.rho) * self.laplacian + np.float32(_SIGN_RHO)
        field = np.float32(_DATA_RHO) * np.square(self.dipole)
        first = own + field + np.float32(self._decay_rho * alpha**2)
        second = own + field + np.float32(self._decay_rho * beta**2)
        between = np.float32(self._decay_rho * alpha * beta) - field
        whole = first * second - np.square(between)
        return [
            np.asarray((second * right[0] - between * right[1]) / whole, np.complex64),
            np.asarray((first * right[1] - between * right[0]) / whole, np.complex64),
        ]


def _padded(values: NDArray[np.generic], shape: Shape) -> Real:
    grown = np.zeros(shape, np.float32)
    z, y, x = values.shape
    grown[:z, :y, :x] = values
    return grown

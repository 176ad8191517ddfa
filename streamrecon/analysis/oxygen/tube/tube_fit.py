"""Fits a vessel to the complex echoes about it: susceptibility, radius, place, blood's decay."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.oxygen.tube.tube_model import (
    BLOOD,
    CHI,
    CURVE,
    DECAY,
    N_PARAMETERS,
    NEIGHBOURS,
    RADIUS,
    Derivatives,
    VesselModel,
)
from streamrecon.analysis.oxygen.tube.tube_texture import VoxelBox, information, noises
from streamrecon.analysis.oxygen.tube.tube_tissue import TissueBasis

Real = NDArray[np.float64]
Complex = NDArray[np.complexfloating]

_STARTS_PPM = (0.3, 0.6)
_FIRST_STEPS, _STEPS, _TRIALS = 3, 14, 5
_SMALL = 0.01  # change of −2 ln likelihood: a tenth of a standard deviation
_LONGEST = np.array([0.25, 0.4, 0.5, 40.0, 1, 1, 0.2, 0.2, 0.05, 0.05, 0.5])

# Blood's signal over tissue's and its decay over tissue's, as they may be at 1.5 to 7 T; wide.
_PRIOR = {BLOOD: (math.log(0.9), 0.35), DECAY: (20.0, 40.0), NEIGHBOURS: (0.0, 0.3)}


@dataclass(frozen=True, slots=True, eq=False)
class TubeFit:
    """What a fit found; each ``sd`` is from its own residual and from how it hangs together.

    Parameters
    ----------
    parameters, covariance
        In the order of `streamrecon.analysis.oxygen.tube.tube_model` [11], [11, 11].
    angle_rad, angle_sd_rad
        Between the vessel at its middle and B0, 0 … π/2.
    flow_rad, flow_sd_rad
        Phase that blood has at TE = 0 beyond tissue's, by one step from the fit without it.
    noise, noise_within
        Standard deviation of the residual, real or imaginary part, in the echoes' unit: beyond the
        voxels that blood reaches, and in them.
    signal
        Tissue's at the first echo.
    converged
        Whether the last step was small.
    voxels
        How many were fitted.
    """

    parameters: Real
    covariance: Real
    angle_rad: float
    angle_sd_rad: float
    flow_rad: float
    flow_sd_rad: float
    noise: float
    noise_within: float
    signal: float
    converged: bool
    voxels: int

    @property
    def chi_ppm(self) -> float:
        """Susceptibility of blood less that of tissue."""
        return float(self.parameters[CHI])

    @property
    def chi_sd_ppm(self) -> float:
        """Its standard deviation."""
        return math.sqrt(self.covariance[CHI, CHI])

    @property
    def radius_mm(self) -> float:
        """Radius of the vessel."""
        return math.exp(self.parameters[RADIUS])

    @property
    def radius_sd_mm(self) -> float:
        """Its standard deviation."""
        return self.radius_mm * math.sqrt(self.covariance[RADIUS, RADIUS])


def fit_tube(
    model: VesselModel, echoes: Complex, basis: Real, start: Real, *, box: VoxelBox
) -> TubeFit:
    """Least squares over all voxels and echoes, the best from two susceptibilities.

    Tissue is a smooth complex function of place, free at every echo, and is eliminated: no field,
    phase offset or R2* of it need be known. Levenberg-Marquardt on what is left.

    Parameters
    ----------
    model
        Of the vessel.
    echoes
        Their signal [E, N], phase growing with the field.
    basis
        Smooth functions of place [N, Q], the first constant.
    start
        Parameters [11]; the susceptibility is not used.
    box
        Where the voxels lie.
    """
    smooth = TissueBasis.of(basis)
    runs = []
    for chi in _STARTS_PPM:
        first = np.array(start, float)
        first[CHI] = chi
        run = _Run(model, echoes, smooth, first)
        run.go(_FIRST_STEPS)
        runs.append(run)
    best = min(runs, key=lambda run: run.state.cost)
    best.follow()
    best.go(_STEPS)
    return best.result(box)


class _Run:
    """One descent from one start."""

    def __init__(
        self, model: VesselModel, echoes: Complex, basis: TissueBasis, parameters: Real
    ) -> None:
        self.model, self.echoes, self.basis = model, echoes, basis
        self.damping = 1e-2
        self.converged = False
        self.state = _State(parameters, model(parameters), echoes, basis)
        self.flatten()

    def flatten(self) -> None:
        """Take the phase of the tissue about the vessel off, which is a polynomial too."""
        state, onto = self.state, self.basis.onto
        tissue = state.tissue
        for turn in range(3):
            turned = tissue * tissue.sum(axis=1, keepdims=True).conj()
            phase = (np.angle(turned) @ onto.T) @ self.basis.plain.T
            self.echoes = self.echoes * np.exp(-1j * phase)
            if turn < 2:
                tissue = state.tissue_of(self.echoes)
        self.state = _State(state.parameters, state.image, self.echoes, self.basis)

    def follow(self) -> None:
        """Look along the vessel that was found, and take the tissue's phase off again."""
        self.model.follow(self.state.parameters)
        image = self.model(self.state.parameters)
        self.state = _State(self.state.parameters, image, self.echoes, self.basis)
        self.flatten()

    def go(self, steps: int) -> None:
        """At most so many steps down."""
        self.converged = False
        for _ in range(steps):
            before = self.state.cost
            if not self._step() or before - self.state.cost < _SMALL:
                self.converged = True
                return

    def _step(self) -> bool:
        for _ in range(_TRIALS):
            normal, right = self.state.normal, self.state.right
            step = np.linalg.solve(normal + self.damping * np.diag(np.diag(normal)), right)
            step /= max(1.0, float((np.abs(step) / _LONGEST).max()))
            there = self.state.parameters + step
            trial = _State(there, self.model(there), self.echoes, self.basis)
            if trial.cost < self.state.cost:
                self.damping = max(self.damping / 10, 1e-6)
                self.state = trial
                return True
            self.damping = min(self.damping * 10, 1e4)
        return False

    def result(self, box: VoxelBox) -> TubeFit:
        """What was found, and how well it is known."""
        state = self.state
        covariance = state.covariance(box)
        beyond, within = state.noises()
        cos, by_curve = self.model.angle(state.parameters)
        slope = by_curve.ravel() / max(math.sqrt(1 - cos**2), 1e-3)
        curve = slice(CURVE, NEIGHBOURS)
        flow, flow_sd = state.flow()
        return TubeFit(
            parameters=state.parameters,
            covariance=covariance,
            angle_rad=math.acos(min(1.0, abs(cos))),
            angle_sd_rad=math.sqrt(float(slope @ covariance[curve, curve] @ slope)),
            flow_rad=flow,
            flow_sd_rad=flow_sd,
            noise=beyond,
            noise_within=within,
            signal=float(np.median(np.abs(state.tissue[0]))),
            converged=self.converged,
            voxels=self.echoes.shape[1],
        )


class _State:
    """Residual, normal equations and cost at one set of parameters.

    What the tissue takes up of a derivative is left out (Kaufman's projection), in the sums over
    the voxels and not voxel by voxel.
    """

    def __init__(
        self,
        parameters: Real,
        image: tuple[Complex, Derivatives],
        echoes: Complex,
        basis: TissueBasis,
    ) -> None:
        self.parameters, self.image, self._basis = parameters, image, basis
        self._signal, by = image
        self._normal = basis.normal(self._signal)
        self.tissue = self.tissue_of(echoes)
        self._residual = echoes - self._signal * self.tissue
        squares = float(np.vdot(self._residual, self._residual).real)
        freedom = 2 * echoes.size - 2 * basis.plain.shape[1] * len(echoes) - N_PARAMETERS
        self.variance = squares / freedom
        self._change = by * self.tissue.astype(np.complex64)
        self.normal = self._gram() / self.variance
        self.right = self._along(self._residual) / self.variance
        self.cost = freedom * math.log(squares)
        for place, (middle, sd) in _PRIOR.items():
            away = parameters[place] - middle
            self.normal[place, place] += 1 / sd**2
            self.right[place] -= away / sd**2
            self.cost += (away / sd) ** 2

    def _gram(self) -> Real:
        """Products of the derivatives with one another [11, 11], what the tissue takes up left."""
        flat = self._change.view(np.float32).reshape(N_PARAMETERS, -1)
        shared = self._basis.sums(self._signal.conj().astype(np.complex64) * self._change)
        taken = self._solve(shared).reshape(N_PARAMETERS, -1)
        return np.asarray(flat @ flat.T - (shared.reshape(N_PARAMETERS, -1).conj() @ taken.T).real)

    def covariance(self, box: VoxelBox) -> Real:
        """Of the parameters [11, 11], what is left of the tissue taken as it is."""
        onto = np.linalg.inv(self.normal)
        plain = self._without_tissue(self._change)
        middle = information(plain, self._residual, self.variance, box)
        for place, (_, sd) in _PRIOR.items():
            middle[place, place] += 1 / sd**2
        return np.asarray(onto @ middle @ onto, np.float64)

    def noises(self) -> tuple[float, float]:
        """Standard deviation of the residual beyond the blood and within it."""
        return noises(np.abs(self._change[BLOOD, 0]), self._residual, self.variance)

    def flow(self) -> tuple[float, float]:
        """Phase of blood at TE = 0 by one more step, and its standard deviation [rad]."""
        column = self._without_tissue(1j * self._change[BLOOD])
        cross = self._along(column) / self.variance
        known = np.linalg.solve(self.normal, cross)
        remainder = float(np.vdot(column, column).real) / self.variance - float(cross @ known)
        right = float(np.vdot(column, self._residual).real) / self.variance
        right -= float(known @ self.right)
        return right / remainder, 1 / math.sqrt(remainder)

    def tissue_of(self, echoes: Complex) -> Complex:
        """The tissue [E, N] that explains the echoes best."""
        return self._basis.field(self._solve(self._basis.sums(self._signal.conj() * echoes)))

    def _without_tissue(self, change: Complex) -> Complex:
        """Changes of the signal [..., E, N] less what the tissue takes up."""
        taken = self._solve(self._basis.sums(self._signal.conj() * change))
        return np.asarray(change - self._signal * self._basis.field(taken))

    def _along(self, numbers: Complex) -> Real:
        """Real part of the product with each derivative, for numbers the tissue has no part in."""
        flat = numbers.astype(np.complex64).view(np.float32).ravel()
        return np.asarray(self._change.view(np.float32).reshape(N_PARAMETERS, -1) @ flat, float)

    def _solve(self, right: Complex) -> Complex:
        """Tissue's coefficients [..., E, Q] from the right side."""
        return np.asarray(np.linalg.solve(self._normal, right[..., None])[..., 0])

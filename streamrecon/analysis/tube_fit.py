"""Fits a vessel to the complex echoes about it: susceptibility, radius, place, blood's decay."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.tube_model import (
    BLOOD,
    CHI,
    CURVE,
    DECAY,
    N_PARAMETERS,
    NEIGHBOURS,
    RADIUS,
    VesselModel,
)

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

_STARTS_PPM = (0.3, 0.6)
_FIRST_STEPS, _STEPS, _TRIALS = 3, 14, 5
_SMALL = 0.01  # change of −2 ln likelihood: a tenth of a standard deviation
_LONGEST = np.array([0.25, 0.4, 0.5, 40.0, 1, 1, 0.2, 0.2, 0.05, 0.05, 0.5])

# Blood's signal over tissue's and its decay over tissue's, as they may be at 1.5 to 7 T; wide.
_PRIOR = {BLOOD: (math.log(0.9), 0.35), DECAY: (20.0, 40.0), NEIGHBOURS: (0.0, 0.3)}


@dataclass(frozen=True, slots=True, eq=False)
class TubeFit:
    """What a fit found; each ``sd`` is from its own residual, so it grows where the model fails.

    Parameters
    ----------
    parameters, covariance
        In the order of `streamrecon.analysis.tube_model` [11], [11, 11].
    angle_rad, angle_sd_rad
        Between the vessel at its middle and B0, 0 … π/2.
    flow_rad, flow_sd_rad
        Phase that blood has at TE = 0 beyond tissue's, by one step from the fit without it.
    noise
        Standard deviation of the residual, real or imaginary part, in the echoes' unit.
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


def fit_tube(model: VesselModel, echoes: Complex, basis: Real, start: Real) -> TubeFit:
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
    """
    runs = []
    for chi in _STARTS_PPM:
        first = np.array(start, float)
        first[CHI] = chi
        runs.append(_Run(model, _flattened(model, echoes, basis, first), basis, first))
    for run in runs:
        run.go(_FIRST_STEPS)
    best = min(runs, key=lambda run: run.cost)
    best.echoes = _flattened(model, best.echoes, basis, best.parameters)
    best.solve()
    best.go(_STEPS)
    return best.result()


def _flattened(model: VesselModel, echoes: Complex, basis: Real, parameters: Real) -> Complex:
    """Echoes without the phase of the tissue about the vessel, which is a polynomial too."""
    signal, _, _ = model(parameters)
    onto = np.linalg.pinv(basis)
    for _ in range(3):
        smooth = _times(_smooth(signal, echoes, basis), basis.T)
        turned = smooth * smooth.sum(axis=1, keepdims=True).conj()
        echoes = echoes * np.exp(-1j * (np.angle(turned) @ onto.T) @ basis.T)
    return echoes


def _smooth(signal: Complex, echoes: Complex, basis: Real) -> Complex:
    """Coefficients [E, Q] of the tissue that explain the echoes best."""
    right = _times(signal.conj() * echoes, basis)
    return np.asarray(np.linalg.solve(_normal(signal, basis), right[..., None])[..., 0])


def _normal(signal: Complex, basis: Real) -> Real:
    """Normal matrix of the tissue's coefficients at each echo [E, Q, Q]."""
    weighted = basis.T * (signal.real**2 + signal.imag**2)[:, None, :]
    return np.asarray(weighted @ basis)


def _times(numbers: Complex, real: Real) -> Complex:
    """Complex numbers times a real matrix: two real products are half of a complex one."""
    product = np.empty((*numbers.shape[:-1], real.shape[1]), np.complex128)
    product.real, product.imag = numbers.real @ real, numbers.imag @ real
    return product


class _Run:
    """One descent from one start."""

    def __init__(self, model: VesselModel, echoes: Complex, basis: Real, parameters: Real) -> None:
        self.model, self.echoes, self.basis = model, echoes, basis
        self.parameters = parameters
        self.damping = 1e-2
        self.converged = False
        self.solve()

    def solve(self) -> None:
        """Linearise at the parameters."""
        self.state = _State(self.model, self.echoes, self.basis, self.parameters)
        self.cost = self.state.cost

    def go(self, steps: int) -> None:
        """At most so many steps down."""
        self.converged = False
        for _ in range(steps):
            before = self.cost
            if not self._step() or before - self.cost < _SMALL:
                self.converged = True
                return

    def _step(self) -> bool:
        for _ in range(_TRIALS):
            normal, right = self.state.normal, self.state.right
            step = np.linalg.solve(normal + self.damping * np.diag(np.diag(normal)), right)
            step /= max(1.0, float((np.abs(step) / _LONGEST).max()))
            trial = _State(self.model, self.echoes, self.basis, self.parameters + step)
            if trial.cost < self.cost:
                self.parameters = self.parameters + step
                self.damping = max(self.damping / 10, 1e-6)
                self.state, self.cost = trial, trial.cost
                return True
            self.damping = min(self.damping * 10, 1e4)
        return False

    def result(self) -> TubeFit:
        """What was found, and how well it is known."""
        state = self.state
        covariance = np.asarray(np.linalg.inv(state.normal), np.float64)
        cos, by_curve = self.model.angle(self.parameters)
        slope = by_curve.ravel() / max(math.sqrt(1 - cos**2), 1e-3)
        curve = slice(CURVE, NEIGHBOURS)
        flow, flow_sd = state.flow()
        return TubeFit(
            parameters=self.parameters,
            covariance=covariance,
            angle_rad=math.acos(min(1.0, abs(cos))),
            angle_sd_rad=math.sqrt(float(slope @ covariance[curve, curve] @ slope)),
            flow_rad=flow,
            flow_sd_rad=flow_sd,
            noise=math.sqrt(state.variance),
            signal=float(np.median(np.abs(state.tissue[0]))),
            converged=self.converged,
            voxels=self.echoes.shape[1],
        )


class _State:
    """Residual, normal equations and cost at one set of parameters."""

    def __init__(self, model: VesselModel, echoes: Complex, basis: Real, parameters: Real) -> None:
        signal, by, self._blood = model(parameters)
        self._basis, self._signal = basis, signal
        self._normal = _normal(signal, basis)
        coefficients = self._solve(_times(signal.conj() * echoes, basis))
        self.tissue = _times(coefficients, basis.T)
        self._residual = echoes - signal * self.tissue
        squares = float(np.vdot(self._residual, self._residual).real)
        freedom = 2 * echoes.size - 2 * coefficients.size - N_PARAMETERS
        self.variance = squares / freedom
        self._jacobian = self._across(by)
        flat = self._jacobian.view(np.float64).reshape(N_PARAMETERS, -1)
        self.normal = flat @ flat.T / self.variance
        self.right = flat @ self._residual.view(np.float64).ravel() / self.variance
        self.cost = freedom * math.log(squares)
        for place, (middle, sd) in _PRIOR.items():
            away = parameters[place] - middle
            self.normal[place, place] += 1 / sd**2
            self.right[place] -= away / sd**2
            self.cost += (away / sd) ** 2

    def flow(self) -> tuple[float, float]:
        """Phase of blood at TE = 0 by one more step, and its standard deviation [rad]."""
        column = self._across(1j * self._blood[None]).ravel()
        flat = self._jacobian.reshape(N_PARAMETERS, -1)
        cross = (flat.conj() @ column).real / self.variance
        known = np.linalg.solve(self.normal, cross)
        remainder = float(np.vdot(column, column).real) / self.variance - float(cross @ known)
        right = float(np.vdot(column, self._residual).real) / self.variance
        right -= float(known @ self.right)
        return right / remainder, 1 / math.sqrt(remainder)

    def _across(self, by: Complex) -> Complex:
        """Change of the fitted signal, less what the tissue takes up (Kaufman)."""
        change = by * self.tissue
        taken = self._solve(_times(self._signal.conj() * change, self._basis))
        change -= self._signal * _times(taken, self._basis.T)
        return np.asarray(change)

    def _solve(self, right: Complex) -> Complex:
        """Tissue's coefficients [..., E, Q] from the right side."""
        return np.asarray(np.linalg.solve(self._normal, right[..., None])[..., 0])

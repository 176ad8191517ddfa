"""Compiled loops over the decay of each voxel; the front doors check and explain.

All arrays are flat, [E, V] or [V]; a loop works on the voxels ``first`` … ``last`` - 1.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Real = NDArray[np.float32]
Double = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LOOSE = {"contract", "reassoc", "arcp", "afn", "nsz"}  # fastmath that still knows infinity
_LEAST_FACTOR = 0.2  # an echo that keeps less than this of its signal says nothing of R2*
_SMALL = 1e-3  # steps of R2* TE below this are taken and end the search
# mean of a Rician variable: mu² = a² + s² (1 + C / (1 + P x + Q x²)), x = a² / 2s², to 0.001 s
_RICE_C, _RICE_P, _RICE_Q = np.pi / 2 - 1, 0.77743629, 0.21357527


@njit(cache=True, nogil=True)
def field_slopes(
    field: Real, inside: Flags, voxel: Double, first: int, last: int, slopes: Real
) -> None:
    """Slope of the field along each axis per mm: [Z, Y, X] to [3, Z, Y, X], slices first … last.

    Least squares over the nine lines of three voxels along the axis that are nearest; a line of
    which one end is outside uses its other half. Exact for a linear field, at edges too.
    """
    shape = field.shape
    for z in range(first, last):
        for y in range(shape[1]):
            for x in range(shape[2]):
                if not inside[z, y, x]:
                    continue
                for axis in range(3):
                    rise = run = 0.0
                    for line in range(9):
                        p, q = line // 3 - 1, line % 3 - 1
                        if axis == 0:
                            cz, cy, cx, dz, dy, dx = z, y + p, x + q, 1, 0, 0
                        elif axis == 1:
                            cz, cy, cx, dz, dy, dx = z + p, y, x + q, 0, 1, 0
                        else:
                            cz, cy, cx, dz, dy, dx = z + p, y + q, x, 0, 0, 1
                        if not known(inside, cz, cy, cx):
                            continue
                        ahead = 1 if known(inside, cz + dz, cy + dy, cx + dx) else 0
                        behind = 1 if known(inside, cz - dz, cy - dy, cx - dx) else 0
                        step = ahead + behind
                        rise += step * (
                            field[cz + ahead * dz, cy + ahead * dy, cx + ahead * dx]
                            - field[cz - behind * dz, cy - behind * dy, cx - behind * dx]
                        )
                        run += step * step
                    if run > 0.0:
                        slopes[axis, z, y, x] = rise / (run * voxel[axis])


@njit(cache=True, inline="always")
def known(inside: Flags, z: int, y: int, x: int) -> bool:
    """Whether the voxel is on the grid and inside."""
    nz, ny, nx = inside.shape
    on_grid = 0 <= z < nz and 0 <= y < ny and 0 <= x < nx
    return on_grid and bool(inside[z, y, x])


@njit(cache=True, inline="always")
def factor(slopes: Real, v: int, extent: Double, te: float) -> float:
    """Share of the signal that a linear field through the voxel leaves at ``te``.

    ``extent`` [3, 2]: length [mm], and 1 for a box, 0 for a Fourier-encoded axis. ``slopes`` may
    be empty: no loss.
    """
    share = 1.0
    for axis in range(slopes.shape[0]):
        turns = abs(slopes[axis, v] * extent[axis, 0] * te)
        if extent[axis, 1] == 0.0:
            share *= 1.0 if turns < 0.5 else 0.0
        elif turns > 1e-4:
            share *= np.sin(np.pi * turns) / (np.pi * turns)
    return share


@njit(cache=True, inline="always")
def lifted(signal: float, noise: float) -> tuple[float, float]:
    """Mean of the magnitude of ``signal`` in complex noise, and its derivative."""
    if noise == 0.0:
        return signal, 1.0
    x = signal * signal / (2 * noise * noise)
    below = 1 + _RICE_P * x + _RICE_Q * x * x
    mean = np.sqrt(signal * signal + noise * noise * (1 + _RICE_C / below))
    slope = signal * (1 - _RICE_C / 2 * (_RICE_P + 2 * _RICE_Q * x) / (below * below)) / mean
    return mean, slope


@njit(cache=True, inline="always")
def without_floor(magnitude: float, noise: float) -> float:
    """Signal behind a magnitude, as far as it stands above the noise."""
    power = magnitude * magnitude - noise * noise
    return float(np.sqrt(power)) if power > 0.0 else 0.0


@njit(cache=True, nogil=True)
def arlo(
    magnitude: Real, spacing: float, inside: Flags, noise: float, first: int, last: int, rate: Real
) -> None:
    """R2* by regression of the integrals over three echoes on their differences."""
    third = spacing / 3
    for v in range(first, last):
        if not inside[v]:
            continue
        ss = sd = dd = 0.0
        a = without_floor(magnitude[0, v], noise)
        b = without_floor(magnitude[1, v], noise)
        for e in range(2, magnitude.shape[0]):
            c = without_floor(magnitude[e, v], noise)
            area, drop = third * (a + 4 * b + c), a - c
            ss += area * area
            sd += area * drop
            dd += drop * drop
            a, b = b, c
        below = ss + third * sd
        rate[v] = (sd + third * dd) / below if below > 0.0 else 0.0


@njit(cache=True, nogil=True)
def log_line(
    magnitude: Real,
    te: Double,
    inside: Flags,
    noise: float,
    slopes: Real,
    extent: Double,
    first: int,
    last: int,
    rate: Real,
) -> None:
    """R2* from the line through the logarithms, weighted by the power above the noise."""
    for v in range(first, last):
        if not inside[v]:
            continue
        sw = st = stt = sl = stl = 0.0
        for e in range(te.size):
            share = factor(slopes, v, extent, te[e])
            signal = without_floor(magnitude[e, v], noise)
            if share < _LEAST_FACTOR or signal == 0.0:
                continue
            w, height = signal * signal, np.log(signal / share)
            sw += w
            st += w * te[e]
            stt += w * te[e] * te[e]
            sl += w * height
            stl += w * te[e] * height
        across = sw * stt - st * st
        rate[v] = (st * sl - sw * stl) / across if across > 1e-9 * sw * stt else 0.0


@njit(cache=True, nogil=True, fastmath=_LOOSE)
def refine(
    magnitude: Real,
    te: Double,
    inside: Flags,
    noise: float,
    slopes: Real,
    extent: Double,
    steps: int,
    most_rate: float,
    first: int,
    last: int,
    rate: Real,
    height: Real,
    misfit: Real,
    spread: Real,
    used: NDArray[np.uint8],
) -> None:
    """Gauss-Newton steps from ``rate``, shortened where they overshoot.

    ``height`` is the signal at TE = 0, ``misfit`` the sum of squares, ``spread`` 1 / variance of
    the rate for noise 1, ``used`` the number of echoes.
    """
    echoes = te.size
    share, shape = np.empty(echoes), np.empty(echoes)
    for v in range(first, last):
        if not inside[v]:
            continue
        count, up, down = 0, 0.0, 0.0
        r = min(max(float(rate[v]), 0.0), most_rate)
        for e in range(echoes):
            share[e] = factor(slopes, v, extent, te[e])
            if share[e] < _LEAST_FACTOR:
                share[e] = 0.0
                continue
            count += 1
            model = share[e] * np.exp(-r * te[e])
            up += model * without_floor(magnitude[e, v], noise)
            down += model * model
        used[v] = count
        if count < 2:
            continue
        a = up / down
        best_a, best_r, best, curved = a, r, np.inf, 0.0
        step_a = step_r = 0.0
        for _ in range(steps + 1):
            total = aa = ar = rr = ea = er = 0.0
            for e in range(echoes):
                if share[e] == 0.0:
                    continue
                shape[e] = share[e] * np.exp(-r * te[e])
                mean, slope = lifted(a * shape[e], noise)
                left = magnitude[e, v] - mean
                by_a, by_r = slope * shape[e], -slope * a * shape[e] * te[e]
                total += left * left
                aa += by_a * by_a
                ar += by_a * by_r
                rr += by_r * by_r
                ea += by_a * left
                er += by_r * left
            if total <= best:
                best, best_a, best_r = total, a, r
                curved = rr - ar * ar / aa if aa > 0.0 else 0.0
                across = aa * rr - ar * ar
                if across <= 1e-9 * aa * rr:
                    break
                step_a = (ea * rr - er * ar) / across
                step_r = (er * aa - ea * ar) / across
                if abs(step_r) * te[echoes - 1] < _SMALL:
                    best_a, best_r = a + step_a, r + step_r
                    break
            else:
                step_a, step_r = step_a / 4, step_r / 4
            a = max(best_a + step_a, 0.0)
            r = min(max(best_r + step_r, -most_rate), most_rate)
        rate[v], height[v], misfit[v], spread[v] = best_r, best_a, best, curved

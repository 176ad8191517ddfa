"""Compiled loops over the decay of each voxel; the front doors check and explain.

All arrays are flat, [E, V] or [V]; a loop works on the voxels ``first`` … ``last`` - 1.
"""

import math

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.compiled import njit

Real = NDArray[np.float32]
Double = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LOOSE = {"contract", "reassoc", "arcp", "afn", "nsz"}  # fastmath that still knows infinity
_LEAST_FACTOR = 0.2  # an echo that keeps less than this of its signal says nothing of R2*
_SAME_S = 1e-9  # spacings of echoes that differ less are equal
_SMALL = 1e-3  # steps of R2* TE below this are taken and end the search
_TAYLOR = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in range(10))  # of sin(x) / x
# mean of a Rician variable: mu² = a² + s² (1 + C / (1 + P x + Q x²)), x = a² / 2s², to 0.001 s
_RICE_C, _RICE_P, _RICE_Q = np.pi / 2 - 1, 0.77743629, 0.21357527


@njit(nogil=True)
def field_slopes(
    field: Real, inside: Flags, voxel: Double, first: int, last: int, slopes: Real
) -> None:
    """Slope of the field along each axis per mm: [Z, Y, X] to [3, Z, Y, X], slices first … last.

    Least squares over the nine lines of three voxels along the axis that are nearest; a line of
    which one end is outside uses its other half. Exact for a linear field, at edges too. Away
    from them the sums over three neighbouring columns of 3 × 3 voxels are all that is needed.
    """
    nz, ny, nx = field.shape
    for z in range(first, last):
        for y in range(ny):
            whole = 0 < z < nz - 1 and 0 < y < ny - 1 and nx > 2
            n, total, by_z, by_y = 0, 0.0, 0.0, 0.0  # of the column at x, behind it, ahead of it
            n_ahead, total_ahead, z_ahead, y_ahead = 0, 0.0, 0.0, 0.0
            if whole:
                n_ahead, total_ahead, z_ahead, y_ahead = column(field, inside, z, y, 0)
            for x in range(nx):
                n_behind, total_behind, z_behind, y_behind = n, total, by_z, by_y
                n, total, by_z, by_y = n_ahead, total_ahead, z_ahead, y_ahead
                n_ahead = 0
                if whole and x + 1 < nx:
                    n_ahead, total_ahead, z_ahead, y_ahead = column(field, inside, z, y, x + 1)
                if not inside[z, y, x]:
                    continue
                if n_behind + n + n_ahead == 27:
                    slopes[0, z, y, x] = (z_behind + by_z + z_ahead) / (18 * voxel[0])
                    slopes[1, z, y, x] = (y_behind + by_y + y_ahead) / (18 * voxel[1])
                    slopes[2, z, y, x] = (total_ahead - total_behind) / (18 * voxel[2])
                else:
                    slopes_at_edge(field, inside, voxel, z, y, x, slopes)


@njit(inline="always")
def column(field: Real, inside: Flags, z: int, y: int, x: int) -> tuple[int, float, float, float]:
    """Of the 3 × 3 voxels at ``x``: how many are inside, their sum, its rise along z and y."""
    count, total, by_z, by_y = 0, 0.0, 0.0, 0.0
    for p in range(-1, 2):
        for q in range(-1, 2):
            value = float(field[z + p, y + q, x])
            count += inside[z + p, y + q, x]
            total += value
            by_z += p * value
            by_y += q * value
    return count, total, by_z, by_y


@njit()
def slopes_at_edge(
    field: Real, inside: Flags, voxel: Double, z: int, y: int, x: int, slopes: Real
) -> None:
    """The slopes at one voxel of which not all neighbours are inside."""
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


@njit(inline="always")
def known(inside: Flags, z: int, y: int, x: int) -> bool:
    """Whether the voxel is on the grid and inside."""
    nz, ny, nx = inside.shape
    on_grid = 0 <= z < nz and 0 <= y < ny and 0 <= x < nx
    return on_grid and bool(inside[z, y, x])


@njit(inline="always")
def fill_fractions(slopes: Real, v: int, extent: Double, te: Double, fraction: Double) -> int:
    """Fraction of the signal that a linear field through the voxel leaves of each echo.

    ``extent`` [3, 2]: length [mm], and 1 for a box, 0 for a Fourier-encoded axis. ``slopes`` may
    be empty: no loss. 0 where too little is left to say anything; how many echoes are not.
    """
    count = 0
    for e in range(te.size):
        kept = 1.0
        for axis in range(slopes.shape[0]):
            turns = abs(slopes[axis, v] * extent[axis, 0] * te[e])
            if extent[axis, 1] == 0.0:
                kept *= 1.0 if turns < 0.5 else 0.0
            else:
                kept *= sinc(turns)
        fraction[e] = kept if kept >= _LEAST_FACTOR else 0.0
        count += kept >= _LEAST_FACTOR
    return count


@njit(inline="always")
def sinc(turns: float) -> float:
    """sin(πx) / πx to 2e-9, and 0 beyond its first zero, where it stays below what counts."""
    if turns >= 1.0:
        return 0.0
    square = (np.pi * turns) ** 2
    value = _TAYLOR[9]
    for k in range(8, -1, -1):
        value = value * square + _TAYLOR[k]
    return value


@njit(inline="always")
def fill_decay(r: float, te: Double, decay: Double) -> None:
    """exp(-r TE) of each echo; equal spacings share one exponential."""
    spacing, ratio = 0.0, 1.0
    decay[0] = np.exp(-r * te[0])
    for e in range(1, te.size):
        if abs(te[e] - te[e - 1] - spacing) > _SAME_S:
            spacing = te[e] - te[e - 1]
            ratio = np.exp(-r * spacing)
        decay[e] = decay[e - 1] * ratio


@njit(inline="always")
def lifted(signal: float, noise: float) -> tuple[float, float]:
    """Mean of the magnitude of ``signal`` in complex noise, and its derivative."""
    if noise == 0.0:
        return signal, 1.0
    x = signal * signal / (2 * noise * noise)
    below = 1 + _RICE_P * x + _RICE_Q * x * x
    mean = np.sqrt(signal * signal + noise * noise * (1 + _RICE_C / below))
    slope = signal * (1 - _RICE_C / 2 * (_RICE_P + 2 * _RICE_Q * x) / (below * below)) / mean
    return mean, slope


@njit(inline="always")
def without_floor(magnitude: float, noise: float) -> float:
    """Signal behind a magnitude, as far as it stands above the noise."""
    power = magnitude * magnitude - noise * noise
    return float(np.sqrt(power)) if power > 0.0 else 0.0


@njit(nogil=True)
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


@njit(nogil=True)
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
    fraction = np.empty(te.size)
    for v in range(first, last):
        if inside[v]:
            fill_fractions(slopes, v, extent, te, fraction)
            rate[v] = line_rate(magnitude, v, te, noise, fraction)


@njit(inline="always")
def line_rate(magnitude: Real, v: int, te: Double, noise: float, fraction: Double) -> float:
    """R2* of one voxel from the line through the logarithms."""
    sw = st = stt = sl = stl = 0.0
    for e in range(te.size):
        signal = without_floor(magnitude[e, v], noise)
        if fraction[e] == 0.0 or signal == 0.0:
            continue
        w, height = signal * signal, np.log(signal / fraction[e])
        sw += w
        st += w * te[e]
        stt += w * te[e] * te[e]
        sl += w * height
        stl += w * te[e] * height
    across = sw * stt - st * st
    return (st * sl - sw * stl) / across if across > 1e-9 * sw * stt else 0.0


@njit(nogil=True, fastmath=_LOOSE)
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

    Where ``rate`` is NaN they start from the line through the logarithms. ``height`` is the
    signal at TE = 0, ``misfit`` the sum of squares, ``spread`` 1 / variance of the rate for
    noise 1, ``used`` the number of echoes.
    """
    echoes = te.size
    fraction, decay = np.empty(echoes), np.empty(echoes)
    for v in range(first, last):
        if not inside[v]:
            continue
        used[v] = fill_fractions(slopes, v, extent, te, fraction)
        if np.isnan(rate[v]):
            rate[v] = line_rate(magnitude, v, te, noise, fraction)
        if used[v] < 2:
            continue
        up = down = 0.0
        r = min(max(float(rate[v]), 0.0), most_rate)
        fill_decay(r, te, decay)
        for e in range(echoes):
            model = fraction[e] * decay[e]
            up += model * without_floor(magnitude[e, v], noise)
            down += model * model
        a = up / down
        best_a, best_r, best, curved = a, r, np.inf, 0.0
        step_a = step_r = 0.0
        for _ in range(steps + 1):
            total = aa = ar = rr = ea = er = 0.0
            fill_decay(r, te, decay)
            for e in range(echoes):
                if fraction[e] == 0.0:
                    continue
                shape = fraction[e] * decay[e]
                mean, slope = lifted(a * shape, noise)
                residual = magnitude[e, v] - mean
                by_a, by_r = slope * shape, -slope * a * shape * te[e]
                total += residual * residual
                aa += by_a * by_a
                ar += by_a * by_r
                rr += by_r * by_r
                ea += by_a * residual
                er += by_r * residual
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

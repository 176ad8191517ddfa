"""Compiled loops of the image of a vessel; the front doors check and explain."""

import math

import numpy as np
from numpy.typing import NDArray

from streamrecon.compiled import njit

Real = NDArray[np.float64]


@njit(nogil=True, fastmath=True)
def cubic(x: float, weight: Real, slope: Real) -> None:
    """Weights [4] of the samples at −1, 0, 1, 2 for the value and the slope at x in 0 … 1."""
    weight[0] = -x * (x - 1) * (x - 2) / 6
    weight[1] = (x + 1) * (x - 1) * (x - 2) / 2
    weight[2] = -(x + 1) * x * (x - 2) / 2
    weight[3] = (x + 1) * x * (x - 1) / 6
    slope[0] = -(3 * x * x - 6 * x + 2) / 6
    slope[1] = (3 * x * x - 4 * x - 1) / 2
    slope[2] = -(3 * x * x - 2 * x - 2) / 2
    slope[3] = (3 * x * x - 1) / 6


@njit(nogil=True, fastmath=True)
def outside_spectrum(
    tables: Real,
    alpha_step: float,
    kappa_step: float,
    alpha: Real,
    radius: float,
    azimuth: float,
    k_length: Real,
    k_angle: Real,
    weight: Real,
    value: Real,
    slope: Real,
    by_radius: Real,
) -> None:
    """Transform of e^(iα cos 2φ/u²) − 1 outside a circle, its derivatives by α and the radius.

    ``alpha`` [E] of either sign, ``azimuth`` of the direction that φ counts from; ``k_length``,
    ``k_angle`` and ``weight`` [K]; ``value``, ``slope`` and ``by_radius`` [E, 2, K] get the real
    and imaginary part, times ``weight``.
    """
    orders, rows, columns = tables.shape
    wk, dk, wa, da = np.empty(4), np.empty(4), np.empty(4), np.empty(4)
    area = 2 * math.pi * radius * radius
    for e in range(alpha.size):
        sign = 1.0 if alpha[e] >= 0 else -1.0
        at = abs(alpha[e]) / alpha_step + 1
        row = min(int(at), rows - 3)
        cubic(at - row, wa, da)
        used = min(orders, int(abs(alpha[e]) * 1.05 + 6))
        for k in range(k_length.size):
            value[e, 0, k] = value[e, 1, k] = slope[e, 0, k] = slope[e, 1, k] = 0.0
            by_radius[e, 0, k] = by_radius[e, 1, k] = 0.0
            if weight[k] == 0.0:
                continue
            at = 2 * math.pi * k_length[k] * radius / kappa_step + 1
            column = min(int(at), columns - 3)
            cubic(at - column, wk, dk)
            growth = 2 * math.pi * k_length[k] / kappa_step  # columns of the table for each mm
            turn = 2 * (k_angle[k] - azimuth)
            twice = 2 * math.cos(turn)
            now, before = 1.0, math.cos(turn)
            for n in range(used):
                h = dh = hk = 0.0
                for i in range(4):
                    along = across = 0.0
                    for j in range(4):
                        entry = tables[n, row - 1 + i, column - 1 + j]
                        along += wk[j] * entry
                        across += dk[j] * entry
                    h += wa[i] * along
                    dh += da[i] * along
                    hk += wa[i] * across
                factor = area * weight[k] * now * (1.0 if n == 0 else 2.0)
                if n % 4 == 2 or n % 4 == 1:
                    factor = -factor
                part = n % 2
                if part == 1:
                    factor *= sign
                value[e, part, k] += factor * h
                slope[e, part, k] += factor * dh * sign / alpha_step
                by_radius[e, part, k] += factor * (2 * h / radius + hk * growth)
                now, before = twice * now - before, now


@njit(nogil=True, fastmath=True)
def sample(
    tables: Real,
    start: tuple[float, float],
    step: tuple[float, float],
    y: Real,
    x: Real,
    value: Real,
    slope: Real,
) -> None:
    """Cubic interpolation of ``tables`` [Y, X, T] at y, x [N].

    ``value`` [T, N] gets the values, ``slope`` [2, S, N] the slopes of the first S of them.

    Tables hold x from a step below 0 on, and are even: f(−y, −x) = f(y, x).
    """
    rows, columns, count = tables.shape
    wy, wx, dy, dx = np.empty(4), np.empty(4), np.empty(4), np.empty(4)
    sloped = slope.shape[1]
    v, sy, sx = np.empty(count), np.empty(sloped), np.empty(sloped)
    for i in range(y.size):
        side = 1.0 if x[i] >= 0 else -1.0
        at_y, at_x = (side * y[i] - start[0]) / step[0], (side * x[i] - start[1]) / step[1]
        row = min(max(int(at_y), 1), rows - 3)
        column = min(max(int(at_x), 1), columns - 3)
        cubic(at_y - row, wy, dy)
        cubic(at_x - column, wx, dx)
        v[:] = 0.0
        sy[:] = 0.0
        sx[:] = 0.0
        for r in range(4):
            for c in range(4):
                a, b, d = wy[r] * wx[c], dy[r] * wx[c], wy[r] * dx[c]
                for t in range(sloped):
                    f = tables[row - 1 + r, column - 1 + c, t]
                    v[t] += a * f
                    sy[t] += b * f
                    sx[t] += d * f
                for t in range(sloped, count):
                    v[t] += a * tables[row - 1 + r, column - 1 + c, t]
        for t in range(count):
            value[t, i] = v[t]
        for t in range(sloped):
            slope[0, t, i] = side * sy[t] / step[0]
            slope[1, t, i] = side * sx[t] / step[1]


@njit(nogil=True, fastmath=True)
def dipole_sum(source_mm: Real, moment: Real, place_mm: Real, b0: Real) -> Real:
    """Field [N, ppm] of dipoles [M, ppm·mm³] at places [N, 3], each (z, y, x) in mm."""
    field = np.zeros(len(place_mm))
    for n in range(len(place_mm)):
        total = 0.0
        for m in range(len(source_mm)):
            z = place_mm[n, 0] - source_mm[m, 0]
            y = place_mm[n, 1] - source_mm[m, 1]
            x = place_mm[n, 2] - source_mm[m, 2]
            squared = z * z + y * y + x * x
            if squared > 0.0:
                along = z * b0[0] + y * b0[1] + x * b0[2]
                total += moment[m] * (3 * along * along / squared - 1) / squared**1.5
        field[n] = total / (4 * math.pi)
    return field

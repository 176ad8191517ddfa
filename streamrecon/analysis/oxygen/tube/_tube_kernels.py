"""Compiled loops of the image of a vessel; the front doors check and explain."""

import math

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.compiled import njit

Real = NDArray[np.float64]
Single = NDArray[np.float32]
Complex = NDArray[np.complex128]
Places = NDArray[np.intp]


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
    steps: tuple[float, float],
    alpha: Real,
    radius: float,
    azimuth: float,
    k_length: Real,
    k_angle: Real,
    weight: Real,
    made: Single,
) -> None:
    """Transform of e^(iα cos 2φ/u²) − 1 outside a circle, its derivatives by α and the radius.

    ``alpha`` [E] of either sign, ``azimuth`` of the direction that φ counts from; ``k_length``,
    ``k_angle`` and ``weight`` [K]; ``steps`` of α and κ in ``tables``. ``made`` [K, T] gets them
    times ``weight``, real and imaginary part, in the order of
    `streamrecon.analysis.oxygen.tube.tube_image.VesselImage`; what is of the blood is left.
    """
    orders, rows, columns = tables.shape
    wk, dk, wa, da = np.empty(4), np.empty(4), np.empty(4), np.empty(4)
    h, by_alpha = np.empty((orders, columns)), np.empty((orders, columns))
    area = 2 * math.pi * radius * radius
    count = 2 * alpha.size
    for e in range(alpha.size):
        sign = 1.0 if alpha[e] >= 0 else -1.0
        at = abs(alpha[e]) / steps[0] + 1
        row = min(int(at), rows - 3)
        cubic(at - row, wa, da)
        used = min(orders, int(abs(alpha[e]) * 1.05 + 6))
        for n in range(used):
            for c in range(columns):
                h[n, c] = by_alpha[n, c] = 0.0
            for i in range(4):
                for c in range(columns):
                    h[n, c] += wa[i] * tables[n, row - 1 + i, c]
                    by_alpha[n, c] += da[i] * tables[n, row - 1 + i, c]
        for k in range(k_length.size):
            for first in (0, count + 1, 2 * count + 1):
                made[k, first + 2 * e] = made[k, first + 2 * e + 1] = 0.0
            if weight[k] == 0.0:
                continue
            growth = 2 * math.pi * k_length[k] / steps[1]  # columns of the table for each mm
            at = growth * radius + 1
            column = min(int(at), columns - 3)
            cubic(at - column, wk, dk)
            turn = 2 * (k_angle[k] - azimuth)
            twice = 2 * math.cos(turn)
            now, before = 1.0, math.cos(turn)
            for n in range(used):
                along = across = slope = 0.0
                for j in range(4):
                    along += wk[j] * h[n, column - 1 + j]
                    across += dk[j] * h[n, column - 1 + j]
                    slope += wk[j] * by_alpha[n, column - 1 + j]
                factor = area * weight[k] * now * (1.0 if n == 0 else 2.0)
                if n % 4 == 2 or n % 4 == 1:
                    factor = -factor
                at_e = 2 * e + n % 2
                if n % 2 == 1:
                    factor *= sign
                made[k, at_e] += factor * along
                made[k, count + 1 + at_e] += factor * slope * sign / steps[0]
                made[k, 2 * count + 1 + at_e] += factor * (2 * along / radius + across * growth)
                now, before = twice * now - before, now


@njit(nogil=True, fastmath=True)
def sample(
    tables: Single,
    start: tuple[float, float],
    step: tuple[float, float],
    y: float,
    x: float,
    value: Real,
    slope: Real,
) -> None:
    """Cubic interpolation of ``tables`` [Y, X, T] at y, x.

    ``value`` [T] gets the values, ``slope`` [2, S] the slopes of the first S of them.

    Tables hold x from a step below 0 on, and are even: f(−y, −x) = f(y, x).
    """
    rows, columns, count = tables.shape
    wy, wx, dy, dx = np.empty(4), np.empty(4), np.empty(4), np.empty(4)
    sloped = slope.shape[1]
    side = 1.0 if x >= 0 else -1.0
    at_y, at_x = (side * y - start[0]) / step[0], (side * x - start[1]) / step[1]
    row = min(max(int(at_y), 1), rows - 3)
    column = min(max(int(at_x), 1), columns - 3)
    cubic(at_y - row, wy, dy)
    cubic(at_x - column, wx, dx)
    value[:] = 0.0
    slope[:] = 0.0
    for r in range(4):
        for c in range(4):
            a = wy[r] * wx[c]
            b, d = side * dy[r] * wx[c] / step[0], side * wy[r] * dx[c] / step[1]
            for t in range(sloped):
                f = tables[row - 1 + r, column - 1 + c, t]
                value[t] += a * f
                slope[0, t] += b * f
                slope[1, t] += d * f
            for t in range(sloped, count):
                value[t] += a * tables[row - 1 + r, column - 1 + c, t]


@njit(nogil=True)
def add_vessel(
    tables: Single,
    start: tuple[float, float],
    step: tuple[float, float],
    place: Real,
    along: Real,
    members: Places,
    radius: float,
    by_curve: Real,
    echoes: Complex,
    turn: Complex,
    signal: Complex,
    by: NDArray[np.complex64],
) -> None:
    """Signal and derivatives at the voxels ``members`` [M] of one straight vessel.

    ``tables`` are of its image, in the order of `VesselImage` of the room ``tube_image``;
    ``place`` [N, 2] across it and ``along`` it [N]; ``by_curve`` [3, 2] is the change of its cosine
    to B0. ``echoes`` [5, E]: blood over tissue; changes of the wall's phase and of blood's by χ,
    and of both by the cosine, the latter imaginary; minus the echo time. ``turn`` [E, N] multiplies
    all. ``signal`` [E, N] and ``by`` [parameters, E, N] are overwritten there.
    """
    count = echoes.shape[1]
    disc = 2 * count  # its place among the tables; the derivatives follow
    value, slope = np.empty(tables.shape[2]), np.empty((2, disc + 1))
    for i in members:
        sample(tables, start, step, place[i, 0], place[i, 1], value, slope)
        for e in range(count):
            ratio, around = echoes[0, e], turn[e, i]
            blood = ratio * value[disc]
            by_wall = complex(value[disc + 1 + 2 * e], value[disc + 2 + 2 * e])
            at = 2 * disc + 1 + 2 * e
            by_radius = complex(value[at], value[at + 1]) + (ratio - 1) * value[3 * disc + 1]
            outside = complex(value[2 * e], value[2 * e + 1])
            signal[e, i] = around * (1 + outside + blood - value[disc])
            by[0, e, i] = around * (echoes[1, e] * by_wall + echoes[2, e] * blood)
            by[1, e, i] = around * radius * by_radius
            by[2, e, i] = around * blood
            by[3, e, i] = around * echoes[4, e] * blood
            by_cosine = echoes[3, e] * (1j * blood - by_wall)
            for axis in range(2):
                moved = complex(slope[axis, 2 * e], slope[axis, 2 * e + 1])
                moved += (ratio - 1) * slope[axis, disc]
                power = 1.0
                for j in range(3):
                    change = by_curve[j, axis] * by_cosine - power * moved
                    by[4 + 2 * j + axis, e, i] = around * change
                    power *= along[i]


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

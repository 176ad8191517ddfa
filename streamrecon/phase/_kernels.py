"""Compiled loops of the phase stages, shared out over ``first … last`` by their front doors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.compiled import njit

Real = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]

_TURN = np.float32(2 * np.pi)


@njit(inline="always")
def wrapped(angle: float) -> float:
    """The angle moved into ±π."""
    return float(angle - _TURN * np.rint(angle / _TURN))


@njit(inline="always")
def straightness(before: float, here: float, after: float) -> float:
    """1 where three collinear phases grow evenly, 0 where they bend by 2 rad or more."""
    return max(0.0, 1.0 - abs(float(wrapped(before - 2 * here + after))) / 2)


@njit(nogil=True)
def edge_costs(
    phase: Real,
    other: Real,
    ratio: float,
    magnitude: Real,
    inside: Flags,
    shape: tuple[int, int, int],
    axis: int,
    cost: Bytes,
    first: int,
    last: int,
) -> None:
    """Cost 1 (sure) … 255 of the edge from each voxel to the next along ``axis``; 0 where none.

    All arrays flat [V]; ``other`` is a second echo whose TE is 1/``ratio`` of this one's, or empty.
    """
    _, ny, nx = shape
    step = (ny * nx, nx, 1)[axis]
    length = shape[axis]
    for z in range(first, last):
        for v in range(z * ny * nx, (z + 1) * ny * nx):
            at = v // step % length
            cost[v] = 0
            if at == length - 1 or not (inside[v] and inside[v + step]):
                continue
            w = v + step
            jump = wrapped(phase[w] - phase[v])
            weight = 0.1 + 0.9 * (1 - abs(jump) / np.pi)
            if other.size:
                spread = abs(jump - wrapped(other[w] - other[v]) * ratio)
                weight *= 0.1 + 0.9 * max(0.0, 1 - spread)
            even = 0.9
            if 0 < at < length - 2 and inside[v - step] and inside[w + step]:
                even = straightness(phase[v - step], phase[v], phase[w])
                even *= straightness(phase[v], phase[w], phase[w + step])
            weight *= 0.1 + 0.9 * even
            high = max(magnitude[v], magnitude[w])
            alike = min(magnitude[v], magnitude[w]) / high if high > 0 else 0.0
            weight *= 0.1 + 0.9 * alike * alike
            cost[v] = max(1, np.rint((1 - weight) * 255))


@njit(nogil=True)
def push_edges(v: int, cost: Bytes, step: Ints, region: Ints, head: Ints, behind: Ints) -> int:
    """Put the edges from ``v`` to voxels not reached yet into their buckets; the cheapest cost."""
    voxels = region.size
    least = 256
    for axis in range(3):
        for side in range(2):
            base = v - side * step[axis]
            if base < 0 or cost[axis, base] == 0:
                continue
            far = base if side else base + step[axis]
            if region[far]:
                continue
            edge = axis * voxels + base
            bucket = int(cost[axis, base])
            behind[edge] = head[bucket]
            head[bucket] = edge
            least = min(least, bucket)
    return least


@njit(nogil=True)
def grow(phase: Real, cost: Bytes, step: Ints, seeds: Ints, turns: Ints, region: Ints) -> None:
    """Whole turns to add to each voxel, along the cheapest edges (Prim's tree, 256 buckets).

    ``region`` > 0 marks voxels whose turns are given; others are reached from them, then from the
    ``seeds`` in their order, each of which opens a region of its own.
    """
    voxels = phase.size
    head = np.full(257, -1, np.int32)
    behind = np.empty(3 * voxels, np.int32)
    least, latest = 256, 0
    for v in range(voxels):
        if region[v]:
            latest = max(latest, region[v])
            least = min(least, push_edges(v, cost, step, region, head, behind))
    for seed in range(-1, seeds.size):
        if seed >= 0:
            if region[seeds[seed]]:
                continue
            latest += 1
            region[seeds[seed]] = latest
            least = push_edges(seeds[seed], cost, step, region, head, behind)
        while least < 256:
            edge = head[least]
            if edge < 0:
                least += 1
                continue
            head[least] = behind[edge]
            near = edge % voxels
            far = near + step[edge // voxels]
            if region[near] and region[far]:
                continue
            if region[far]:
                near, far = far, near
            turns[far] = turns[near] + np.int32(np.rint((phase[near] - phase[far]) / _TURN))
            region[far] = region[near]
            least = min(least, push_edges(far, cost, step, region, head, behind))


@njit(nogil=True)
def mean_trust(cost: Bytes, step: Ints, inside: Flags, out: Real, first: int, last: int) -> None:
    """Mean weight of the six edges of each voxel, 0 … 1; a missing edge counts as 0."""
    for v in range(first, last):
        total = 0.0
        if inside[v]:
            for axis in range(3):
                if cost[axis, v]:
                    total += 1 - cost[axis, v] / 255
                back = v - step[axis]
                if back >= 0 and cost[axis, back]:
                    total += 1 - cost[axis, back] / 255
        out[v] = total / 6


@njit(nogil=True)
def fit_lines(
    phase: Real,
    magnitude: Real,
    te: NDArray[np.float64],
    inside: Flags,
    steps: int,
    looseness: float,
    floor: float,
    slope: Real,
    intercept: Real,
    misfit: Real,
    spread: Real,
    power: Real,
    first: int,
    last: int,
) -> None:
    """Line through the phases of each voxel, weighted by m², then ``steps`` on wrapped residuals.

    In those steps the intercept is held near 0 with the standard deviation ``looseness`` [rad; 0:
    free] against the voxel's own misfit, or ``floor`` where that is smaller. [E, V] in; out [V]:
    rad/s, rad, Σm²r², Σm²(t - t̄)² and Σm². One echo: the line through 0. A magnitude that is not
    finite has no weight.
    """
    echoes = len(phase)
    squared = np.empty(echoes, np.float64)
    for v in range(first, last):
        if not inside[v]:
            continue
        a = b = rest = hold = across = 0.0
        total = 0.0
        for e in range(echoes):
            m = float(magnitude[e, v])
            squared[e] = m * m if np.isfinite(m) else 0.0
            total += squared[e]
        power[v] = total
        for step in range(steps + 1):
            sw, st, stt, sp, stp = hold, 0.0, 0.0, -hold * b, 0.0
            for e in range(echoes):
                w = squared[e]
                residual = phase[e, v] - b - a * te[e]
                residual = wrapped(residual) if step else residual
                sw += w
                st += w * te[e]
                stt += w * te[e] * te[e]
                sp += w * residual
                stp += w * te[e] * residual
            line = echoes > 1 and sw > 0.0
            across = stt - st * st / sw if line else stt
            if across > 0.0:
                rise = (stp - st * sp / sw) / across if line else stp / across
                a += rise
                b += (sp - st * rise) / sw if line else 0.0
            rest = 0.0
            for e in range(echoes):
                residual = wrapped(phase[e, v] - b - a * te[e])
                rest += squared[e] * residual * residual
            if looseness > 0.0 and echoes > 2:
                hold = max(floor * floor, rest / (echoes - 2)) / looseness**2
        slope[v], intercept[v], misfit[v], spread[v] = a, b, rest, across

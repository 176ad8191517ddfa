"""Compiled loops of the susceptibility stages, over ``first … last``.

The front doors check, explain and share the work out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.compiled import njit

Real = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Double = NDArray[np.float64]
Spectrum = NDArray[np.complex64]
Codes = NDArray[np.uint16]

BLOCK = 1 << 14
"""Values that `add_scaled` adds up in one."""


@njit(nogil=True)
def voxel_dipole(
    along: Double, squared: Double, weights: Double, out: Real, first: int, last: int
) -> None:
    """Dipole weighted over two aliases on every axis.

    ``along[axis, alias, index]`` is b·k, ``squared`` k², ``weights`` theirs; ``out`` [Z, Y, X].
    """
    _, ny, nx = out.shape
    for z in range(first, last):
        for y in range(ny):
            for x in range(nx):
                total = 0.0
                for alias in range(8):
                    i, j, k = alias >> 2, (alias >> 1) & 1, alias & 1
                    kb = along[0, i, z] + along[1, j, y] + along[2, k, x]
                    power = squared[0, i, z] + squared[1, j, y] + squared[2, k, x]
                    weight = weights[0, i, z] * weights[1, j, y] * weights[2, k, x]
                    if power > 0.0:
                        total += weight * (1 / 3 - kb * kb / power)
                out[z, y, x] = total


@njit(nogil=True, fastmath=True)
def shrink_row(
    there: Real,
    here: Real,
    state: Real,
    weight: Bytes,
    limit: float,
    per_mm: float,
    relaxation: float,
    flow: Real,
) -> None:
    """One step of the gradients' split along one row of edges, from ``here`` to ``there``.

    ``state`` is the shrunken slope z and its dual u together: u is ``state`` clipped to ``limit *
    weight``, z the rest. ``flow`` becomes z - u. Rows of one dimension and nothing else: only so do
    they fill the vector units.
    """
    for x in range(here.size):
        most = limit * weight[x]
        old = state[x]
        slope = (there[x] - here[x]) * per_mm
        new = old + relaxation * (slope - old + min(max(old, -most), most))
        clipped = min(max(new, -most), most)
        state[x] = new
        flow[x] = new - clipped - clipped


@njit(nogil=True, fastmath=True)
def diverge_row(
    below: Real, up: Real, south: Real, north: Real, east: Real, per_mm: Real, out: Real
) -> None:
    """What flows into a row of voxels less what flows out; ``below`` and ``south`` move on."""
    for x in range(out.size):
        across = (below[x] - up[x]) * per_mm[0] + (south[x] - north[x]) * per_mm[1]
        out[x] = across + (east[x] - east[x + 1]) * per_mm[2]
        below[x] = up[x]
        south[x] = north[x]


@njit(nogil=True, fastmath=True)
def shrink_gradients(
    chi: Real,
    state: Real,
    weight: Bytes,
    limit: float,
    per_mm: Real,
    relaxation: float,
    below: Real,
    above: Real,
    out: Real,
    first: int,
    last: int,
) -> None:
    """`shrink_row` along three axes, then the adjoint of the gradient on what flows; periodic.

    ``chi`` and ``out`` [Z, Y, X] may be the same memory, hence what the planes beside these layers
    were: ``below``, the flow into plane ``first`` (used up), and ``above``, χ of plane ``last``.
    """
    _, ny, nx = chi.shape
    here, east = np.empty((2, nx + 1), np.float32)
    up, south, north, front = np.empty((4, nx), np.float32)
    for z in range(first, last):
        front[:] = chi[z, 0]
        shrink_row(
            front, chi[z, ny - 1], state[1, z, ny - 1].copy(), weight[1, z, ny - 1],
            limit, per_mm[1], relaxation, south,
        )  # fmt: skip
        for y in range(ny):
            here[:nx] = chi[z, y]
            here[nx] = here[0]
            row = here[:nx]
            over = above[y] if z + 1 == last else chi[z + 1, y]
            ahead = front if y + 1 == ny else chi[z, y + 1]
            shrink_row(
                over, row, state[0, z, y], weight[0, z, y],
                limit, per_mm[0], relaxation, up,
            )  # fmt: skip
            shrink_row(
                ahead, row, state[1, z, y], weight[1, z, y],
                limit, per_mm[1], relaxation, north,
            )  # fmt: skip
            shrink_row(
                here[1:], row, state[2, z, y], weight[2, z, y],
                limit, per_mm[2], relaxation, east[1:],
            )  # fmt: skip
            east[0] = east[nx]
            diverge_row(below[y], up, south, north, east, per_mm, out[z, y])


@njit(nogil=True, fastmath=True, error_model="numpy")
def split_data(
    model: Real,
    state: Real,
    field: Real,
    weight: Real,
    rho: float,
    relaxation: float,
    first: int,
    last: int,
) -> None:
    """One step of the data's split, least squares: ``state``, z + u, is renewed [Z, Y, X].

    ``model`` becomes z - u, where z minimises weight (z - field)² + rho (z - state)². Field and
    weight are those of the first corner; there are none beyond. Planes ``first`` … ``last``.
    """
    nz, ny, nx = field.shape
    for z in range(first, last):
        for y in range(model.shape[1]):
            known = nx if z < nz and y < ny else 0
            for x in range(known):
                there = field[z, y, x]
                part = rho / (weight[z, y, x] + rho)
                old = state[z, y, x] - there
                new = old + relaxation * (model[z, y, x] - there - part * old)
                kept = part * new
                state[z, y, x] = new + there
                model[z, y, x] = there + kept + kept - new
            follow_model(model[z, y, known:], state[z, y, known:], relaxation)


@njit(nogil=True, fastmath=True)
def split_data_absolute(
    model: Real,
    state: Real,
    field: Real,
    weight: Real,
    rho: float,
    relaxation: float,
    first: int,
    last: int,
) -> None:
    """As `split_data` for weight |z - field|: z is pulled towards the field by weight / rho."""
    nz, ny, nx = field.shape
    for z in range(first, last):
        for y in range(model.shape[1]):
            known = nx if z < nz and y < ny else 0
            for x in range(known):
                most = weight[z, y, x] / rho
                old, there = state[z, y, x], field[z, y, x]
                new = old + relaxation * (model[z, y, x] - old + min(max(old - there, -most), most))
                state[z, y, x] = new
                model[z, y, x] = new - 2 * min(max(new - there, -most), most)
            follow_model(model[z, y, known:], state[z, y, known:], relaxation)


@njit(nogil=True, fastmath=True)
def follow_model(model: Real, state: Real, relaxation: float) -> None:
    """A split's step where nothing is known of the field: z is the state."""
    for x in range(model.size):
        state[x] += relaxation * (model[x] - state[x])
        model[x] = state[x]


@njit(nogil=True, fastmath=True)
def mix_spectra(
    data: Spectrum,
    flow: Spectrum,
    dipole: Real,
    from_both: Real,
    data_part: float,
    first: int,
    last: int,
) -> None:
    """χ = b·(part·D·data + flow) goes into ``flow``, its field into ``data``; flat."""
    for k in range(first, last):
        chi = (data[k] * (data_part * dipole[k]) + flow[k]) * from_both[k]
        flow[k] = chi
        data[k] = chi * dipole[k]


@njit(nogil=True, fastmath=True)
def add_scaled(
    values: Real, own: float, others: Real, part: float, sums: Double, first: int, last: int
) -> None:
    """``values`` become ``own * values + part * others``; flat, and their energy block by block."""
    for block in range(first, last):
        energy = 0.0
        for v in range(block * BLOCK, min((block + 1) * BLOCK, values.size)):
            new = own * values[v] + part * others[v]
            values[v] = new
            energy += np.float64(new) * np.float64(new)
        sums[block] = energy


@njit(inline="always")
def beside(index: int, on_edges: bool, length: int) -> tuple[int, int, float]:
    """Coarse index nearest to a fine one, the next nearest, and the weight of the latter."""
    near = index >> 1
    if on_edges:
        return near, (near - 1) % length, 0.0 if index & 1 else 0.5
    return near, (near + 1 if index & 1 else near - 1) % length, 0.25


@njit(nogil=True, fastmath=True)
def double(coarse: Real, edges: int, out: Real, first: int, last: int) -> None:
    """Linear interpolation, periodic: ``out`` [2Z, 2Y, 2X] of ``coarse`` [Z, Y, X].

    Values sit in the middle of voxels; along the axis ``edges`` (3: none) between one voxel and
    the next.
    """
    nz, ny, nx = coarse.shape
    row = np.empty(nx + 2, np.float32)
    for z in range(first, last):
        z_near, z_far, wz = beside(z, edges == 0, nz)
        for y in range(2 * ny):
            y_near, y_far, wy = beside(y, edges == 1, ny)
            a, b = np.float32((1 - wz) * (1 - wy)), np.float32((1 - wz) * wy)
            c, d = np.float32(wz * (1 - wy)), np.float32(wz * wy)
            for x in range(nx):
                row[x + 1] = (
                    a * coarse[z_near, y_near, x]
                    + b * coarse[z_near, y_far, x]
                    + c * coarse[z_far, y_near, x]
                    + d * coarse[z_far, y_far, x]
                )
            row[0], row[nx + 1] = row[nx], row[1]
            if edges == 2:
                for x in range(nx):
                    out[z, y, 2 * x] = np.float32(0.5) * (row[x] + row[x + 1])
                    out[z, y, 2 * x + 1] = row[x + 1]
            else:
                for x in range(nx):
                    here = np.float32(0.75) * row[x + 1]
                    out[z, y, 2 * x] = here + np.float32(0.25) * row[x]
                    out[z, y, 2 * x + 1] = here + np.float32(0.25) * row[x + 2]


@njit(nogil=True)
def sum_by_code(
    values: Real, codes: Codes, sums: Double, lowest: int, first: int, last: int
) -> None:
    """``sums[z, code]`` of the values of one plane [Z, Y, X] that have it, from ``lowest`` on."""
    _, ny, nx = values.shape
    for z in range(first, last):
        for y in range(ny):
            for x in range(nx):
                code = codes[z, y, x]
                if code >= lowest:
                    sums[z, code] += values[z, y, x]


@njit(nogil=True, fastmath=True)
def scale_by_code(
    values: Real, codes: Codes, factor: Real, added: Real, out: Real, first: int, last: int
) -> None:
    """``out`` becomes ``factor[code] * values + added[code]``; it may be the values."""
    _, ny, nx = values.shape
    for z in range(first, last):
        for y in range(ny):
            for x in range(nx):
                code = codes[z, y, x]
                out[z, y, x] = factor[code] * values[z, y, x] + added[code]

"""Chooses the phase of coil sensitivities that is as smooth as the coils allow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]

_SMOOTHING_STEPS = 60


def align_phase(vectors: Complex, power: Real) -> Complex:
    r"""Vectors with phases chosen so that neighbours agree as well as they can.

    An eigenvector's phase is free. It is carried from cell to cell along the strongest
    connections, and then smoothed by steps up the gradient of
    :math:`\sum \sqrt{p_i p_j} \, \mathrm{Re}\, v_i^H v_j` over neighbours: no reference coil, and
    so no zeros at which a fringe line would end. The phase of the whole stays unknown.

    Parameters
    ----------
    vectors
        Unit vectors [K, Z, Y, X].
    power
        How much each cell counts [Z, Y, X], not negative.
    """
    phasors = _carry_phase(vectors, power)
    for _ in range(_SMOOTHING_STEPS):
        aligned = vectors * phasors
        pull = np.zeros_like(aligned)
        for axis in (1, 2, 3):
            there, here = _neighbours(axis)
            weight = np.sqrt(power[there[1:]] * power[here[1:]])
            pull[here] += weight * aligned[there]
            pull[there] += weight * aligned[here]
        overlap = (vectors.conj() * pull).sum(axis=0)
        size = np.abs(overlap)
        phasors = np.where(size > 0, overlap / np.maximum(size, 1e-30), phasors)
    return vectors * phasors.astype(np.complex64)


def _neighbours(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Indices of all pairs of neighbours along an axis of [K, Z, Y, X]."""
    there, here = [slice(None)] * 4, [slice(None)] * 4
    there[axis], here[axis] = slice(1, None), slice(None, -1)
    return tuple(there), tuple(here)


def _carry_phase(vectors: Complex, power: Real) -> Complex:
    """Phasors that align each cell with its parent in the tree of strongest connections."""
    shape, n = power.shape, power.size
    cells = np.arange(n).reshape(shape)
    rows, columns, strength = [], [], []
    for axis in (1, 2, 3):
        there, here = _neighbours(axis)
        overlap = np.abs((vectors[there].conj() * vectors[here]).sum(axis=0))
        strength.append((overlap * np.sqrt(power[there[1:]] * power[here[1:]])).ravel())
        rows.append(cells[here[1:]].ravel())
        columns.append(cells[there[1:]].ravel())
    weight = np.concatenate(strength)
    cost = 2.0 - weight / max(float(weight.max(initial=0.0)), 1e-30)  # positive, strongest least
    ends = (np.concatenate(rows), np.concatenate(columns))
    tree = minimum_spanning_tree(coo_array((cost, ends), shape=(n, n)).tocsr())
    order, parent = breadth_first_order(tree, int(power.argmax()), directed=False)
    parent[order[0]] = order[0]
    flat = vectors.reshape(len(vectors), n)
    turn = np.angle((flat.conj() * flat[:, parent]).sum(axis=0))
    phase = np.zeros(n)
    for cell in order[1:].tolist():
        phase[cell] = phase[parent[cell]] + turn[cell]
    return np.asarray(np.exp(1j * phase).reshape(shape), np.complex64)

"""Chooses the phase of coil sensitivities that is as smooth as the coils allow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import EllipsisType

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]
Where = tuple[EllipsisType | slice, ...]

_AXES = (-3, -2, -1)
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
    links = [_links(vectors, power, axis) for axis in _AXES]
    phasors = _carry_phase(vectors, links, int(power.argmax()))
    for _ in range(_SMOOTHING_STEPS):
        pull = np.zeros_like(phasors)
        for axis, link in zip(_AXES, links, strict=True):
            there, here = _neighbours(axis)
            pull[here] += link * phasors[there]
            pull[there] += link.conj() * phasors[here]
        size = np.abs(pull)
        phasors = np.where(size > 0, pull / np.maximum(size, 1e-30), phasors)
    return vectors * phasors


def _links(vectors: Complex, power: Real, axis: int) -> Complex:
    """How strongly, and with what phase, a cell and the next one along an axis belong together."""
    there, here = _neighbours(axis)
    overlap = (vectors[here].conj() * vectors[there]).sum(axis=0)
    link: Complex = overlap * np.sqrt(power[there] * power[here])
    return link


def _neighbours(axis: int) -> tuple[Where, Where]:
    """Where all pairs of neighbours along an axis of [..., Z, Y, X] are, the farther ones first."""
    behind = (slice(None),) * (-1 - axis)
    return (..., slice(1, None), *behind), (..., slice(None, -1), *behind)


def _carry_phase(vectors: Complex, links: Sequence[Complex], root: int) -> Complex:
    """Phasors that align each cell with its parent in the tree of strongest connections."""
    shape = vectors.shape[1:]
    n = math.prod(shape)
    cells = np.arange(n).reshape(shape)
    there, here = (
        np.concatenate([cells[_neighbours(axis)[side]].ravel() for axis in _AXES])
        for side in (0, 1)
    )
    weight = np.concatenate([np.abs(link).ravel() for link in links])
    cost = 2.0 - weight / max(float(weight.max(initial=0.0)), 1e-30)  # positive, strongest least
    tree = minimum_spanning_tree(coo_array((cost, (here, there)), shape=(n, n)).tocsr())
    order, parent = breadth_first_order(tree, root, directed=False)
    parent[order[0]] = order[0]
    flat = vectors.reshape(len(vectors), n)
    turn = np.angle((flat.conj() * flat[:, parent]).sum(axis=0))
    phase = np.zeros(n)
    for cell in order[1:].tolist():
        phase[cell] = phase[parent[cell]] + turn[cell]
    return np.asarray(np.exp(1j * phase).reshape(shape), np.complex64)

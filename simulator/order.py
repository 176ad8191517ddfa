"""The sequence of lines: which echo, step, average and repetition is measured when."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.scene import Order, Scene

LINE = np.dtype(
    [
        ("echo", "<i4"),
        ("kz", "<i4"),
        ("ky", "<i4"),
        ("average", "<i4"),
        ("repetition", "<i4"),
        ("shot", "<i4"),
    ]
)
"""One line; lines of a shot share an excitation. For slices kz is the slice."""


def line_order(scene: Scene) -> NDArray[np.void]:
    """Imaging lines in the order of time [N], `LINE`; lost and never-reached ones are left out."""
    steps = _steps(scene)
    n_echoes = len(scene.te_s)
    lines = np.zeros(
        (scene.repetitions, scene.averages, *_shape(scene, len(steps), n_echoes)), dtype=LINE
    )
    lines["repetition"] = np.arange(scene.repetitions)[:, None, None, None]
    lines["average"] = np.arange(scene.averages)[:, None, None]
    if scene.order is Order.ECHO_OUTER:
        lines["echo"] = np.arange(n_echoes)[:, None]
        lines["kz"], lines["ky"] = steps.T
        lines["shot"] = np.arange(lines.size).reshape(lines.shape)
    else:
        lines["echo"] = np.arange(n_echoes)
        lines["kz"], lines["ky"] = steps.T[:, :, None]
        lines["shot"] = np.arange(lines[..., :1].size).reshape(lines[..., :1].shape)
    kept = np.setdiff1d(np.arange(lines.size), scene.dropped)
    if scene.stop_after is not None:
        kept = kept[kept < scene.stop_after]
    return lines.ravel()[kept]


def _shape(scene: Scene, n_steps: int, n_echoes: int) -> tuple[int, int]:
    return (n_echoes, n_steps) if scene.order is Order.ECHO_OUTER else (n_steps, n_echoes)


def _steps(scene: Scene) -> NDArray[np.intp]:
    """(kz, ky) in the order they are played out [N, 2]."""
    nz, ny, _ = scene.encoded_matrix
    kz, ky = (axis.ravel() for axis in np.mgrid[:nz, :ny])
    match scene.order:
        case Order.LINEAR | Order.ECHO_OUTER:
            order = np.arange(nz * ny)
        case Order.KZ_INNER:
            order = np.lexsort((kz, ky))
        case Order.CENTRE_OUT if scene.slices:
            order = np.lexsort((ky, abs(ky - ny // 2), kz))
        case Order.CENTRE_OUT:
            radius = np.hypot((kz - nz // 2) / nz, (ky - ny // 2) / ny)
            order = np.lexsort((ky, kz, radius))
        case Order.RANDOM:
            order = np.random.default_rng(scene.seed).permutation(nz * ny)
    return np.stack([kz[order], ky[order]], axis=1)

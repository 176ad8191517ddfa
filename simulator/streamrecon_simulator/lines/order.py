"""The sequence of lines: which echo, step, average, slab and repetition is measured when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrecon_simulator.scene import Order, Scene

LINE = np.dtype(
    [
        ("echo", "<i4"),
        ("kz", "<i4"),
        ("ky", "<i4"),
        ("average", "<i4"),
        ("repetition", "<i4"),
        ("slab", "<i4"),
        ("segment", "<i4"),
        ("shot", "<i4"),
        ("calibrates", "?"),
        ("images", "?"),
        ("navigates", "?"),
    ]
)
"""One line; lines of a shot share an excitation. For slices kz is the slice."""

_STEP = np.dtype([(name, LINE[name]) for name in ("kz", "ky", "segment", "calibrates", "images")])


def line_order(scene: Scene) -> NDArray[np.void]:
    """Imaging lines in the order of time [N], `LINE`; lost and never-reached ones are left out."""
    measured = scene.measured()
    embedded = np.zeros_like(measured.calibration)
    if not scene.sampling.separate_calibration:
        embedded = measured.calibration
    steps = _steps(scene, measured.imaging | embedded)
    steps["images"] = measured.imaging[steps["kz"], steps["ky"]]
    steps["calibrates"] = embedded[steps["kz"], steps["ky"]]
    shape = (scene.repetitions, scene.averages, scene.slabs)
    lines = _with_echoes(scene, steps, shape)
    lines["repetition"] = np.arange(scene.repetitions)[:, None, None, None]
    lines["average"] = np.arange(scene.averages)[:, None, None]
    lines["slab"] = np.arange(scene.slabs)[:, None]
    lines = lines.ravel()
    if scene.sampling.separate_calibration:
        lines = np.concatenate([_calibration_scan(scene, measured.calibration), lines])
    lines["shot"] = _shots(scene, lines)
    kept = np.setdiff1d(np.arange(lines.size), scene.dropped)
    if scene.stop_after is not None:
        kept = kept[kept < scene.stop_after]
    return lines[kept]


def _with_echoes(scene: Scene, steps: NDArray[np.void], shape: tuple[int, ...]) -> NDArray[np.void]:
    """Lines [*shape, N] of one pass over the steps: every echo, and the navigators."""
    n_echoes = len(scene.te_s)
    one = np.zeros((len(steps), n_echoes + scene.sampling.navigators), LINE)
    for name in _STEP.names or ():
        one[name] = steps[name][:, None]
    one["echo"] = np.minimum(np.arange(one.shape[1]), n_echoes - 1)
    if scene.sampling.navigators:
        for name, value in zip(("kz", "ky"), scene.centre_step, strict=True):
            one[name][:, -1] = one[name][:, -1] if scene.slices and name == "kz" else value
        one["navigates"][:, -1] = True
        one["images"][:, -1] = one["calibrates"][:, -1] = False
    one = one.T if scene.order is Order.ECHO_OUTER else one
    return np.broadcast_to(one.ravel(), (*shape, one.size)).copy()


def _shots(scene: Scene, lines: NDArray[np.void]) -> NDArray[np.intp]:
    """Number of the excitation of each line."""
    per_shot = len(scene.te_s) + scene.sampling.navigators
    numbers = np.arange(len(lines))
    return numbers if scene.order is Order.ECHO_OUTER else numbers // per_shot


def _calibration_scan(scene: Scene, calibration: NDArray[np.bool_]) -> NDArray[np.void]:
    """Lines of a calibration of its own, before everything else, in linear order."""
    linear = replace(scene, order=Order.LINEAR)
    steps = _steps(linear, calibration)
    steps["calibrates"] = True
    lines = _with_echoes(linear, steps, (scene.slabs,))
    lines["slab"] = np.arange(scene.slabs)[:, None]
    return lines.ravel()


def _steps(scene: Scene, wanted: NDArray[np.bool_]) -> NDArray[np.void]:
    """Steps in the order they are played out [N], `_STEP`, without what they are for."""
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
    order = order[wanted.ravel()[order]]
    steps = np.zeros(len(order), _STEP)
    steps["kz"], steps["ky"] = kz[order], ky[order]
    return _with_repeats(scene, _in_segments(scene.sampling.segments, steps))


def _in_segments(count: int, steps: NDArray[np.void]) -> NDArray[np.void]:
    steps["segment"] = np.arange(len(steps)) % count
    return steps[np.argsort(steps["segment"], kind="stable")]


def _with_repeats(scene: Scene, steps: NDArray[np.void]) -> NDArray[np.void]:
    """The steps, and copies of the central one spread evenly among them."""
    count = scene.sampling.centre_repeats
    if not count:
        return steps
    z, y = scene.centre_step
    centre = steps[(steps["ky"] == y) & ((steps["kz"] == z) | scene.slices)][:1]
    places = np.linspace(0, len(steps), count + 1)[1:].astype(int)
    return np.asarray(np.insert(steps, places, np.repeat(centre, count)))

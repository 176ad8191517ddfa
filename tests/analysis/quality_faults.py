"""Usual faults of a scan and its reconstruction, each planted into images that are good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, gaussian_filter
from streamrecon_simulator.images import noisy_images
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import receive, truth

from streamrecon.analysis.quality.quality_maps import QualityMaps
from streamrecon.model.geometry import Geometry
from streamrecon.phase.magnitude import signal_mask
from streamrecon.qsm.inversion.closed_form import invert_tkd
from streamrecon.qsm.pipeline import Quality, invert, local_field
from streamrecon.qsm.total_field import TotalField, total_field
from streamrecon.units import hz_per_ppm

Complex = NDArray[np.complex64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Images:
    """What a reconstruction starts from, and how it goes on."""

    echoes: Complex
    te_s: tuple[float, ...]
    geometry: Geometry
    mask: Flags | None = None
    jump: bool = False  # a wrap is left in the field
    threshold: float | None = None  # of a bare division instead of the preset's inversion


def images_of(scene: Scene) -> Images:
    """Combined images of a scene, with noise and coil phase, without a fault."""
    echoes = noisy_images(scene, truth(scene), receive(scene))
    return Images(echoes, scene.te_s, scene.geometry)


def wrong_sign(given: Images) -> Images:
    """The phase falls with the field, and nobody knows."""
    return replace(given, echoes=given.echoes.conj())


def wrong_direction(given: Images) -> Images:
    """B0 is taken for the axis of the rows, 90° away."""
    turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    grid = given.geometry
    return replace(given, geometry=replace(grid, axes_lps=grid.axes_lps @ turn))


def tilted_direction(given: Images) -> Images:
    """B0 is taken to lie 45° away: the slab was tilted, and the header forgot it."""
    c = np.sqrt(0.5)
    turn = np.array([[1.0, 0, 0], [0, c, -c], [0, c, c]])
    grid = given.geometry
    return replace(given, geometry=replace(grid, axes_lps=grid.axes_lps @ turn))


def small_mask(given: Images) -> Images:
    """The mask lost a third of the brain."""
    brain = _brain(given)
    cut = int(np.quantile(np.nonzero(brain)[1], 0.66))
    brain[:, cut:] = False
    return replace(given, mask=brain)


def large_mask(given: Images) -> Images:
    """The mask holds scalp and bone."""
    head = signal_mask(np.abs(given.echoes[0]))
    return replace(given, mask=np.asarray(binary_erosion(head, iterations=2)))


def streaks(given: Images) -> Images:
    """The inversion divides by small numbers."""
    return replace(given, threshold=0.02)


def wraps(given: Images) -> Images:
    """A part of the field is off by a turn."""
    return replace(given, jump=True)


def filtered(given: Images) -> Images:
    """The scanner's high-pass filter for SWI has gone over the phase."""
    widths = [6.0 / mm for mm in given.geometry.voxel_mm]
    echoes = np.empty_like(given.echoes)
    for echo, image in enumerate(given.echoes):
        smooth = gaussian_filter(image.real, widths) + 1j * gaussian_filter(image.imag, widths)
        echoes[echo] = image * np.exp(-1j * np.angle(smooth))
    return replace(given, echoes=echoes)


def alternating(given: Images) -> Images:
    """Readouts alternate, and the phase of their polarity was left in."""
    along = np.linspace(-0.8, 0.8, given.geometry.shape[2], dtype=np.float32)
    signs = np.reshape((-1.0) ** np.arange(len(given.te_s)), (-1, 1, 1, 1))
    echoes = given.echoes * np.exp(1j * signs * (0.4 + along))
    return replace(given, echoes=echoes.astype(np.complex64))


def motion(given: Images) -> Images:
    """The head nods to and fro by 4 mm along y, with the period of eight lines."""
    axes = (1, 2, 3)
    kspace = scipy.fft.fftn(given.echoes, axes=axes)
    n, mm = given.geometry.shape[1], given.geometry.voxel_mm[1]
    line = np.fft.fftfreq(n)[:, None]
    moved = (np.arange(n) % 8 < 3)[:, None]
    shift = np.exp(-2j * np.pi * line * np.where(moved, 4.0 / mm, 0.0))
    return replace(given, echoes=scipy.fft.ifftn(kspace * shift, axes=axes).astype(np.complex64))


def noise(given: Images) -> Images:
    """The signal is a tenth of what it should be."""
    inside = signal_mask(np.abs(given.echoes[0]))
    level = float(np.median(np.abs(given.echoes[0])[inside])) / 6
    random = np.random.default_rng(3)
    parts = random.normal(0, level, (2, *given.echoes.shape))
    return replace(given, echoes=(given.echoes + parts[0] + 1j * parts[1]).astype(np.complex64))


FAULTS: dict[str, Callable[[Images], Images]] = {
    "none": lambda given: given,
    "wrong sign": wrong_sign,
    "wrong B0 direction, 90°": wrong_direction,
    "wrong B0 direction, 45°": tilted_direction,
    "mask too small": small_mask,
    "mask too large": large_mask,
    "streaks": streaks,
    "wraps": wraps,
    "filtered phase": filtered,
    "polarity's phase left": alternating,
    "motion": motion,
    "low SNR": noise,
}
"""Every fault under its name, and none."""


def maps_of(given: Images, *, b0_t: float = 3.0, quality: Quality = Quality.FAST) -> QualityMaps:
    """Reconstruct, and give what the quality is read from."""
    grid = given.geometry
    total = total_field(given.echoes, given.te_s, b0_t, grid, mask=given.mask)
    if given.jump:
        total = _with_a_wrap(total, given.te_s, b0_t)
    local = local_field(total, grid, quality=quality)
    found = invert(total, local, grid, quality=quality)
    chi_ppm, mask = found.map.chi_ppm, found.mask
    if given.threshold is not None:
        chi_ppm = invert_tkd(local.field_ppm, mask, grid, threshold=given.threshold)
        chi_ppm = np.where(mask, chi_ppm - chi_ppm[mask].mean(), 0).astype(np.float32)
    return QualityMaps(
        chi_ppm=chi_ppm,
        mask=mask,
        geometry=grid,
        echoes=given.echoes,
        has_phase=True,
        te_s=given.te_s,
        b0_t=b0_t,
        field_hz=total.fit.field_ppm * np.float32(hz_per_ppm(b0_t)),
    )


def _brain(given: Images) -> Flags:
    return np.array(total_field(given.echoes, given.te_s, 3.0, given.geometry).mask)


def _with_a_wrap(total: TotalField, te_s: tuple[float, ...], b0_t: float) -> TotalField:
    """A block from the middle to one side of the brain is off by a turn between two echoes."""
    field = total.fit.field_ppm.copy()
    z, y, x = (int(np.median(places)) for places in np.nonzero(total.mask))
    turn = 1 / (te_s[1] - te_s[0]) / hz_per_ppm(b0_t)
    field[z:, :y, x:] += np.float32(turn)
    return replace(total, fit=replace(total.fit, field_ppm=field))

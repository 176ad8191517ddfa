"""From an object to the k-space of its coil images.

``S(k) = Σ_r ρ(r) c(r) exp(−2πi k·r)``, r counted from the slab's centre, over a grid of points
``supersampling`` times finer than the encoded voxels; the encoded k is the middle of its spectrum.
It is scaled so that the unitary centred inverse transform of the encoded grid has the amplitude
of ρ.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from streamrecon.units import hz_per_ppm
from streamrecon_simulator.lines.coils import sensitivity
from streamrecon_simulator.phantoms.objects import object_at
from streamrecon_simulator.phantoms.phantom import Properties
from streamrecon_simulator.scene import Scene, slab_axes
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.sampling import response_of_cells
from streamrecon_simulator.whole_head.tissues import FAT_SHIFT_PPM

_WORKERS = 2  # threads of the transform: what the smallest supported machine has


def readout_polarity(scene: Scene) -> tuple[int, ...]:
    """Sign of the readout gradient of each echo.

    >>> readout_polarity(Scene("three echoes", te_s=(0.005, 0.01, 0.015), bipolar=True))
    (1, -1, 1)
    """
    return tuple(-1 if scene.bipolar and echo % 2 else 1 for echo in range(len(scene.te_s)))


def sample_object(scene: Scene) -> Properties:
    """Tissue and field in the cells of the fine grid [Z, Y, X], in the transform's own order."""
    n_planes = scene.encoded_matrix[0] * scene.supersampling
    n_rows, n_columns = (n * scene.supersampling for n in scene.encoded_matrix[1:])
    maps = {
        each.name: np.empty((n_planes, n_rows, n_columns), np.float32)
        for each in fields(Properties)
    }
    pitch_mm = np.array(scene.encoded_geometry.voxel_mm)
    if scene.slices:  # gaps are no part of them
        pitch_mm[0] = scene.voxel_mm[0]
    edges_mm = slab_axes(scene).T * pitch_mm / scene.supersampling
    for number, points in enumerate(_planes(scene)):
        plane = object_at(scene.phantom, points, edges_mm=edges_mm)
        for name, values in maps.items():
            values[number] = getattr(plane, name)
    return Properties(**maps)


def encode(scene: Scene, fine: Properties) -> NDArray[np.complex64]:
    """Noiseless k-space of every echo and coil.

    Parameters
    ----------
    scene
        The scan.
    fine
        Its object, from `sample_object`.

    Returns
    -------
    K-space [E, C, Z, Y, X] of the encoded grid, centre at ``n // 2``; for slices Z is the slice.
    Reversed readouts are in the order of k here; their gradient delay is in.

    Notes
    -----
    One fine-grid transform per echo and coil; memory is the result, one fine-grid volume per echo
    and three more. The readout takes no time: TE is that of the whole line, off-resonance does not
    distort along x.
    """
    kspace = np.empty((len(scene.te_s), scene.n_coils, *scene.encoded_matrix), np.complex64)
    echoes = [
        magnetisation(scene, fine, te_s, sign)
        for te_s, sign in zip(scene.te_s, readout_polarity(scene), strict=True)
    ]
    for channel, coil in enumerate(scene.coils):
        if channel in scene.faults.dead_coils:
            kspace[:, channel] = 0
            continue
        received = np.stack(
            [sensitivity(scene.n_coils, coil, points, scene.helmet) for points in _planes(scene)]
        )
        for echo, image in enumerate(echoes):
            kspace[echo, channel] = transform(scene, image * received)
    return kspace


def magnetisation(scene: Scene, fine: Properties, te_s: float, sign: int) -> NDArray[np.complex64]:
    """Complex signal of the fine grid at an echo time, with what its readout's polarity does.

    ``ρ exp(−R2* TE) exp(±2πi γ̄ B0 ΔB TE) (1 − f + f exp(±2πi γ̄ B0 δ TE))`` with the part f that
    is fat and its chemical shift δ, the sign being the scanner's: fat and water of a point have
    each their own frequency, and none between. A delay of d samples makes sample k of a line
    ``S(k ∓ d)``; a ``sign`` of 0 leaves it out, as it does the phase of the polarity.
    """
    turn = scene.phase_sign * 2 * np.pi * hz_per_ppm(scene.b0_t) * te_s
    exponent = np.empty(fine.density.shape, dtype=np.complex64)
    exponent.real = fine.r2_star_hz * -te_s
    exponent.imag = fine.field_ppm * turn
    signal = np.exp(exponent, out=exponent)
    signal *= fine.density
    if fine.fat.any():
        signal *= 1 + fine.fat * np.complex64(np.exp(1j * turn * FAT_SHIFT_PPM) - 1)
    if scene.delay_samples:
        x_mm = _offsets_mm(scene)[2]
        shift = -sign * scene.delay_samples
        signal *= np.exp(-2j * np.pi * shift * x_mm / scene.encoded_fov_mm[2]).astype(np.complex64)
    if scene.faults.polarity_rad or scene.faults.polarity_slow_rad:
        _, y, x = (
            mm / fov for mm, fov in zip(_offsets_mm(scene), scene.encoded_fov_mm, strict=True)
        )
        signal *= np.exp(1j * sign * scene.faults.polarity_phase(y, x)).astype(np.complex64)
    return signal


def transform(scene: Scene, image: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """K-space [Z, Y, X] of a fine-grid image that is in the transform's own order."""
    n_slices = scene.encoded_matrix[0]
    if scene.slices:
        image = image.reshape(n_slices, scene.supersampling, *image.shape[1:]).mean(axis=1)
    axes = (1, 2) if scene.slices else (0, 1, 2)
    spectrum = scipy.fft.fftn(image, axes=axes, workers=_WORKERS, overwrite_x=True)
    shifted = scipy.fft.fftshift(spectrum, axes=axes)
    middle = tuple(
        slice(fine // 2 - n // 2, fine // 2 - n // 2 + n)
        for fine, n in zip(shifted.shape, scene.encoded_matrix, strict=True)
    )
    kspace = shifted[middle]
    for axis in axes:
        n = scene.encoded_matrix[axis]
        scale = np.full(n, 1 / (np.sqrt(n) * scene.supersampling))
        if isinstance(scene.phantom, WholeHead) and scene.supersampling > 1:
            scale /= response_of_cells((np.arange(n) - n // 2) / (n * scene.supersampling))
        kspace = kspace * np.expand_dims(
            scale.astype(np.float32), [a for a in range(3) if a != axis]
        )
    return np.asarray(kspace, dtype=np.complex64)


def _offsets_mm(scene: Scene) -> list[NDArray[np.float64]]:
    """Fine points from the slab's centre along z, y, x; in FFT order, slices in their own."""
    fine = scene.supersampling
    offsets = []
    for n, pitch in zip(scene.encoded_matrix, scene.encoded_geometry.voxel_mm, strict=True):
        steps = np.arange(n * fine) - n * fine // 2
        offsets.append(scipy.fft.ifftshift(steps * pitch / fine))
    if scene.slices:
        n, pitch = scene.encoded_matrix[0], scene.encoded_geometry.voxel_mm[0]
        within = ((np.arange(fine) + 0.5) / fine - 0.5) * scene.voxel_mm[0]
        offsets[0] = ((np.arange(n) - n // 2)[:, None] * pitch + within).ravel()
    return offsets


def _planes(scene: Scene) -> Iterator[NDArray[np.float64]]:
    """Positions (L, P, S) [3, Y, X] of the fine points, plane after plane."""
    along_z, along_y, along_x = slab_axes(scene)
    z_mm, y_mm, x_mm = _offsets_mm(scene)
    plane = along_y[:, None, None] * y_mm[:, None] + along_x[:, None, None] * x_mm
    plane += np.array(scene.centre_lps_mm)[:, None, None]
    for z in z_mm:
        yield plane + z * along_z[:, None, None]

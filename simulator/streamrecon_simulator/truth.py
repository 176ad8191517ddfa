"""What a perfect reconstruction of a scene gives."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ConfigError
from streamrecon.model.geometry import Geometry
from streamrecon_simulator.lines.coils import sensitivity
from streamrecon_simulator.lines.encode import magnetisation, sample_object, transform
from streamrecon_simulator.lines.order import line_order
from streamrecon_simulator.phantoms.phantom import Phantom, Properties, properties_at
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.whole_head.band_limit import Resolution, band_limited_chi
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.voxel_means import voxel_means


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Arrays on the image's grid [Z, Y, X].

    Parameters
    ----------
    echoes
        Complex image of each echo for a coil of sensitivity 1, complex64 [E, Z, Y, X]: the plain
        inverse transform of exactly the samples that were sent (unsampled ones are 0), and of those
        that acceleration skipped, with the amplitude of the object also where the recon matrix is
        larger than the encoded one. Positive fields turn the phase forwards whatever the
        scanner's sign. Of a gradient delay and the phase of polarity nothing is left in a bipolar
        scan, where opposite polarities tell them; all of it in others. No breath moves it.
    coil_rss
        Root sum of squares of the sensitivities, dead ones left out; coil images combined that way
        are ``abs(echoes) * coil_rss``, nearly so where the object has edges and
        ``supersampling > 1``.
    density, r2_star_hz, chi_ppm, field_ppm
        The object at the centre of each voxel, of a whole head its mean; the field in ppm of B0,
        without chemical shift, also outside of it.
    mask
        Where there is signal.
    affine_lps
        From the index (z, y, x, 1) to the position (L, P, S, 1) in mm [4, 4].
    te_s
        Echo times [s].
    local_field_ppm, labels, brain
        Of a whole head, else ``None``: the field of the sources in the brain alone, the `Label` at
        the voxel's centre, and where at least half of the voxel is brain.
    band_limited_chi_ppm
        Of a whole head, else ``None``: χ of the brain, its mean around it, cut off in k-space as
        the images are. A map without any error shows this, which is sharper than means over voxels.
    """

    echoes: NDArray[np.complex64]
    coil_rss: NDArray[np.float32]
    density: NDArray[np.float32]
    r2_star_hz: NDArray[np.float32]
    chi_ppm: NDArray[np.float32]
    field_ppm: NDArray[np.float32]
    mask: NDArray[np.bool_]
    affine_lps: NDArray[np.float64]
    te_s: NDArray[np.float64]
    local_field_ppm: NDArray[np.float32] | None = None
    labels: NDArray[np.uint8] | None = None
    brain: NDArray[np.bool_] | None = None
    band_limited_chi_ppm: NDArray[np.float32] | None = None

    def save(self, path: Path) -> None:
        """Write every array that is there under its name into a compressed .npz file."""
        arrays = {each.name: getattr(self, each.name) for each in fields(self)}
        np.savez_compressed(path, **{name: a for name, a in arrays.items() if a is not None})


def truth(scene: Scene) -> Truth:
    """Work out the truth of a scene of any size; no fast transform is used.

    Raises
    ------
    ConfigError
        If it has several slabs: each of its `Scene.slab_scenes` has a truth.
    """
    if scene.slabs > 1:
        raise ConfigError(f"truth: found {scene.slabs} slabs, needed one of them")
    match scene.phantom:
        case WholeHead():
            means = voxel_means(scene.phantom, scene.geometry)
            known = _known(scene, means.properties)
            return replace(
                known,
                local_field_ppm=means.local_field_ppm,
                labels=means.labels,
                brain=means.brain,
                band_limited_chi_ppm=band_limited_chi(
                    scene.phantom, scene.geometry, _resolution(scene)
                ),
            )
        case Phantom():
            points = voxel_centres(scene.geometry)
            return _known(scene, properties_at(scene.phantom, points, field_everywhere=True))


def _known(scene: Scene, here: Properties) -> Truth:
    return Truth(
        echoes=_images(scene),
        coil_rss=np.abs(receive(scene)),
        density=here.density,
        r2_star_hz=here.r2_star_hz,
        chi_ppm=here.chi_ppm,
        field_ppm=here.field_ppm,
        mask=here.density > 0,
        affine_lps=scene.geometry.affine_lps(),
        te_s=np.array(scene.te_s),
    )


def receive(scene: Scene) -> NDArray[np.complex64]:
    """What a combination of the coils that keeps phase does to a uniform object [Z, Y, X].

    Its magnitude is the root sum of squares of the sensitivities, its phase that of their sum as
    seen from the isocentre.
    """
    points = voxel_centres(scene.geometry)
    square = np.zeros(scene.geometry.shape, np.float32)
    total = np.zeros(scene.geometry.shape, np.complex64)
    for channel, coil in enumerate(scene.coils):
        if channel in scene.faults.dead_coils:
            continue
        here = sensitivity(scene.n_coils, coil, points, scene.helmet)
        middle = sensitivity(scene.n_coils, coil, np.zeros(3), scene.helmet)
        square += np.abs(here) ** 2
        total += here * middle.conj()
    return np.asarray(np.sqrt(square) * np.exp(1j * np.angle(total)), dtype=np.complex64)


def voxel_centres(geometry: Geometry) -> NDArray[np.float64]:
    """Positions (L, P, S) [3, Z, Y, X] of the voxels of a grid, mm."""
    z, y, x = (np.arange(n, dtype=np.float64) for n in geometry.shape)
    affine = geometry.affine_lps()
    across = (
        affine[:3, 0, None, None, None] * z[:, None, None]
        + affine[:3, 1, None, None, None] * y[:, None]
    )
    return np.asarray(
        across + affine[:3, 2, None, None, None] * x + affine[:3, 3, None, None, None]
    )


def sampled_lines(scene: Scene) -> NDArray[np.bool_]:
    """Which lines are there [E, Z, Y] in the first repetition, in any average.

    Lines that acceleration skips count as there: unfolding shall bring them back.
    """
    nz, ny, _ = scene.encoded_matrix
    if scene.sampling.accelerated:
        extent = scene.sampling.extent(nz, ny, slices=scene.slices)
        return np.broadcast_to(extent, (len(scene.te_s), nz, ny))
    lines = line_order(scene)
    lines = lines[(lines["repetition"] == 0) & ~lines["navigates"]]
    sampled = np.zeros((len(scene.te_s), nz, ny), dtype=bool)
    sampled[lines["echo"], lines["kz"], lines["ky"]] = True
    return sampled


def _images(scene: Scene) -> NDArray[np.complex64]:
    fine = sample_object(scene)
    sign = 0 if scene.bipolar else 1  # of the delay that stays
    images = np.empty((len(scene.te_s), *scene.recon_shape), np.complex64)
    for echo, (te_s, sampled) in enumerate(zip(scene.te_s, sampled_lines(scene), strict=True)):
        kspace = transform(scene, magnetisation(scene, fine, te_s, sign)) * sampled[..., None]
        kspace[..., : scene.skipped_samples] = 0
        images[echo] = _inverse(scene, kspace)
    return images if scene.phase_sign > 0 else images.conj()


def _resolution(scene: Scene) -> Resolution:
    z_mm, y_mm, x_mm = scene.encoded_geometry.voxel_mm
    return Resolution(
        (scene.voxel_mm[0] if scene.slices else z_mm, y_mm, x_mm), sliced=scene.slices
    )


def _inverse(scene: Scene, kspace: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Sum of plane waves, axis after axis, at the voxels of the image."""
    image = kspace
    for axis in (1, 2) if scene.slices else (0, 1, 2):
        n, m = scene.encoded_matrix[axis], scene.recon_shape[axis]
        voxel = scene.geometry.voxel_mm[axis] / scene.encoded_fov_mm[axis]
        turns = np.outer((np.arange(m) - m // 2) * voxel, np.arange(n) - n // 2)
        waves = (np.exp(2j * np.pi * turns) / np.sqrt(n)).astype(np.complex64)
        image = np.moveaxis(np.tensordot(waves, image, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(image)

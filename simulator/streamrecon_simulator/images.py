"""Images of a scene as NIfTI files with sidecars, as scanners' are, and the truth beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ConfigError
from streamrecon.model.geometry import Geometry
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import Truth, receive, truth

_SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT: millimetres from the magnet's isocentre
_LARGEST = 4095  # of 12 bits


def write_images(
    scene: Scene, folder: Path, *, name: str, twelve_bit: bool = False
) -> Iterator[Path]:
    """Write magnitude and phase of every echo and all maps of the truth; tell each file.

    The images are those of the truth, seen through the combined coils, with white noise: of what
    happens to lines they have only what `Truth.echoes` has of it.

    Parameters
    ----------
    scene
        What is scanned; one slab.
    folder
        Made where it is not there.
    name
        What the files begin with: ``NAME_echo-1_part-mag_MEGRE.nii.gz``, ``NAME_truth-chi.nii.gz``.
    twelve_bit
        Magnitude in whole numbers up to 4095, phase in even ones from -4096 to 4094 for one turn,
        instead of float32 and radians.

    Raises
    ------
    ConfigError
        If the scene is a noise scan or has several slabs.
    """
    if scene.noise_only:
        raise ConfigError("images: found a noise scan, needed a scene with an object")
    folder.mkdir(parents=True, exist_ok=True)
    known, seen = truth(scene), receive(scene)
    images = noisy_images(scene, known, seen)
    for part, values in _parts(images, twelve_bit=twelve_bit):
        units = "rad" if part == "phase" and not twelve_bit else "arbitrary"
        for echo, volume in enumerate(values):
            path = folder / f"{name}_echo-{echo + 1}_part-{part}_MEGRE.nii.gz"
            _write(path, volume, scene.geometry)
            _write_sidecar(path, scene, echo, units)
            yield path
    for title, volume in truth_maps(known, seen):
        path = folder / f"{name}_truth-{title}.nii.gz"
        _write(path, volume, scene.geometry)
        yield path


def noisy_images(scene: Scene, known: Truth, seen: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Complex images [E, Z, Y, X] with the scanner's sign of phase.

    Parameters
    ----------
    scene
        Gives the noise and the sign.
    known
        Its truth.
    seen
        Sensitivity of the combined coils, from `receive` [Z, Y, X].
    """
    echoes = known.echoes if scene.phase_sign > 0 else known.echoes.conj()
    images = echoes * seen
    level = scene.phantom.signal / scene.snr
    random = np.random.default_rng(scene.seed)
    for echo in range(len(images) if level else 0):
        images[echo] += np.float32(level) * _white(random, seen.shape)
    return images


def truth_maps(
    known: Truth, seen: NDArray[np.complex64]
) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Every map of the truth [Z, Y, X] by the name it is written under; fields and χ in ppm."""
    yield "chi", known.chi_ppm
    yield "field", known.field_ppm
    yield "r2star", known.r2_star_hz
    yield "density", known.density
    yield "signal", known.mask.astype(np.uint8)
    yield "bias", np.abs(seen)
    yield "coilphase", np.angle(seen)
    if known.local_field_ppm is not None:
        yield "localfield", known.local_field_ppm
    if known.band_limited_chi_ppm is not None:
        yield "bandlimitedchi", known.band_limited_chi_ppm
    if known.labels is not None:
        yield "labels", known.labels
    if known.brain is not None:
        yield "brain", known.brain.astype(np.uint8)


def _parts(
    images: NDArray[np.complex64], *, twelve_bit: bool
) -> Iterator[tuple[str, NDArray[np.generic]]]:
    magnitude, phase_rad = np.abs(images), np.angle(images)
    yield "mag", twelve_bit_magnitude(magnitude) if twelve_bit else magnitude
    yield "phase", twelve_bit_phase(phase_rad) if twelve_bit else phase_rad


def twelve_bit_magnitude(magnitude: NDArray[np.float32]) -> NDArray[np.int16]:
    """Whole numbers, the largest of all echoes being 4095."""
    scale = np.float32(_LARGEST / magnitude.max())
    return np.asarray(np.rint(magnitude * scale), dtype=np.int16)


def twelve_bit_phase(phase_rad: NDArray[np.float32]) -> NDArray[np.int16]:
    """Even numbers from -4096, half a turn back, to 4094.

    >>> twelve_bit_phase(np.float32([-np.pi, 0, np.pi / 2, np.pi])).tolist()
    [-4096, 0, 2048, -4096]
    """
    steps = np.rint(phase_rad * np.float32(2048 / np.pi)).astype(np.int32) + 2048
    return np.asarray(2 * (steps % 4096) - 4096, dtype=np.int16)


def _white(random: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.complex64]:
    return random.standard_normal((*shape, 2), dtype=np.float32).view(np.complex64)[..., 0]


def _write(path: Path, values: NDArray[np.generic], geometry: Geometry) -> None:
    """Axes in NIfTI's order, place in RAS; nothing is flipped."""
    affine = geometry.affine_lps()[:, [2, 1, 0, 3]]
    affine[:2] *= -1
    image = nibabel.Nifti1Image(values.transpose(2, 1, 0), affine)
    image.set_qform(affine, code=_SCANNER)
    image.set_sform(affine, code=_SCANNER)
    image.header.set_xyzt_units("mm", "sec")
    image.to_filename(path)


def _write_sidecar(path: Path, scene: Scene, echo: int, units: str) -> None:
    facts = {
        "EchoNumber": echo + 1,
        "EchoTime": scene.te_s[echo],
        "RepetitionTime": scene.tr_s,
        "FlipAngle": scene.flip_deg,
        "MagneticFieldStrength": scene.b0_t,
        "Units": units,
        "ConversionSoftware": "streamrecon-simulate",
    }
    if scene.says_phase_sign:
        facts["PhaseSign"] = scene.phase_sign
    beside = path.with_name(path.name.removesuffix(".nii.gz") + ".json")
    beside.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")

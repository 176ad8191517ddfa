"""An accelerated scan written by another program, unfolded down to its noise."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from streamrecon_gadgets import REGISTRY

from streamrecon.mrd.files.hdf5_reader import read_scan
from streamrecon.recon.images.coil_combination import combine_coils
from streamrecon.recon.kspace.assemble import KSpace
from streamrecon.recon.parallel.coil_sensitivities import Sensitivities, cubic_taps
from streamrecon.recon.parallel.grappa import estimate_kernels, unmix_with
from streamrecon.stream.chainfile.build import build_chain

pytestmark = pytest.mark.shared

UNWHITENED = """<configuration><version>2</version><stream>
<gadget><name>AssembleKSpace</name></gadget></stream></configuration>"""
NOISE_FLAG = np.uint64(1 << 18)  # ACQ_IS_NOISE_MEASUREMENT, the 19th
R = 2


def complex_of(pairs: np.ndarray) -> np.ndarray:
    return np.asarray(pairs["real"] + 1j * pairs["imag"])


def noise_deviation(path: Path) -> float:
    """Of a complex sample, all channels alike, from the file's own noise lines."""
    with h5py.File(path) as file:
        lines = file["dataset"]["data"][:]
    heads = lines["head"]
    noise = [
        line["data"]
        for line, head in zip(lines, heads, strict=True)
        if np.uint64(head["flags"]) & NOISE_FLAG
    ]
    parts = np.concatenate(noise)
    return float(np.sqrt(2 * (parts.astype(np.float64) ** 2).mean()))


def noise_of_best_unfolding(coils: np.ndarray) -> np.ndarray:
    """Deviation [Y, X] of the combined image for samples of deviation 1, by the true coils.

    Half of the lines give each alias the variance 1/2; SENSE divides by the share 1/2.
    """
    folded = np.stack([coils, np.roll(coils, coils.shape[1] // R, axis=1)], axis=-1)
    pairs = folded.transpose(1, 2, 0, 3)
    inverse = np.linalg.inv(pairs.conj().swapaxes(-1, -2) @ pairs)[..., 0, 0].real
    deviation: np.ndarray = np.sqrt(R * inverse) * np.linalg.norm(coils, axis=0)
    return deviation


def true_sensitivities(coils: np.ndarray) -> Sensitivities:
    unit = coils / np.linalg.norm(coils, axis=0)
    taps_z, taps_y = cubic_taps(1, 1, 1.0), cubic_taps(coils.shape[1], coils.shape[1], 1.0)
    return Sensitivities(unit.astype(np.complex64)[:, None], taps_z, taps_y)


def scale_and_error(image: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Complex error after one global complex scale."""
    scale = np.vdot(truth, image) / np.vdot(truth, truth).real
    return abs(scale), float(np.linalg.norm(image / scale - truth) / np.linalg.norm(truth))


def test_the_complex_image_is_at_the_noise_limit_in_every_repetition(shared_data: Path) -> None:
    path = shared_data / "raw-ismrmrdtools" / "ismrmrdtools_sl128_c8_a2_w24.h5"
    with h5py.File(path) as file:
        known, coils = (complex_of(file["dataset"][name][0]) for name in ("phantom", "csm"))
    body = np.abs(known) > 0
    truth = (known * np.linalg.norm(coils, axis=0))[body]
    noise = noise_deviation(path) * noise_of_best_unfolding(coils)[body]
    true = true_sensitivities(coils)
    emitted: list[object] = []

    build_chain(UNWHITENED, REGISTRY).run(read_scan(path), emitted.append)

    spaces = [item for item in emitted if isinstance(item, KSpace)]
    assert [space.repetition for space in spaces] == [0, 1, 2, 3]
    for item in spaces:
        space, grid = item.space, item.space.grid
        unmixing = unmix_with(estimate_kernels(space.calibration, space.lattice, grid), true, grid)
        scale, error = scale_and_error(combine_coils(space, unmixing)[0, 0][body], truth)
        _, aliased = scale_and_error(combine_coils(space, true)[0, 0][body], truth)
        limit = np.linalg.norm(noise) / scale / np.linalg.norm(truth)  # 0.20
        assert scale == pytest.approx(1, abs=0.02)
        assert error < 1.1 * limit  # 1.02 to 1.06
        assert aliased > 2.4 * limit  # 0.51 and 0.81, as repetitions alternate

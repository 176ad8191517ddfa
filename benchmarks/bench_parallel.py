"""GRAPPA and SENSE in the combination's pass beside BART's ``ecalib`` and ``pics``, and bare FFTs.

One run, one data set: 2 x 2 CAIPIRINHA with 24 x 24 calibration lines, whitened coils compressed
to eight. ``--matrix 96 192 192 --echoes 4`` is the size the project's aim is stated for; it needs
12 GB. BART gets the same k-space by file, and its reading and writing are not counted against it
beyond what ``bart`` itself does. It takes 5 steps, or 10, or 30: until its error is no larger than
GRAPPA's.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _cost import MeasuredPlan
from PIL import Image
from streamrecon_simulator.lines.encode import encode, sample_object
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import truth

from streamrecon.fourier import fft, ifft
from streamrecon.model.lattice import Lattice
from streamrecon.model.scan import CounterRange
from streamrecon.recon.images.coil_combination import Weights, combine_coils
from streamrecon.recon.kspace.assemble import HybridSpace
from streamrecon.recon.kspace.coil_compression import compression_matrix
from streamrecon.recon.kspace.encoding_grid import Grid, axis
from streamrecon.recon.parallel.unfolding import sense_unfolding, unfolding

LATTICE, CALIBRATION, CHANNELS, SNR = Lattice(2, 2, 1), 24, 8, 40.0
THREADS = "2"
STEPS = (5, 10, 30)  # of conjugate gradients


def main() -> None:
    """Measure, print, and put the images side by side."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--matrix", type=int, nargs=3, default=(48, 96, 96), help="z y x")
    parser.add_argument("--echoes", type=int, default=2)
    parser.add_argument("--coils", type=int, default=16)
    parser.add_argument("--ridge", default="0.001", help="of BART's least squares")
    parser.add_argument("--figure", type=Path, default=None, help="PNG of the middle slice")
    options = parser.parse_args()
    scene = scene_of(tuple(options.matrix), options.echoes, options.coils)
    known = truth(scene)
    expected = np.abs(known.echoes) * known.coil_rss
    signal = np.abs(known.echoes).min(axis=0) > 0.1 * np.abs(known.echoes[0]).max()
    lines, calibration = sampled(scene)
    grid = grid_of(scene)
    print(f"{scene.matrix}, {options.echoes} echoes, {options.coils} to {lines.shape[1]} channels")

    bare = seconds_of_transforms(lines)
    images = [expected[0]]
    results = {}
    for name, way in (("GRAPPA here", unfolding), ("SENSE here", sense_unfolding)):
        taken, ours = reconstructed(lines, calibration, grid, way)
        results[name] = taken, report(name, taken, bare, ours, expected, signal)
        images.append(np.abs(ours[0]))
    if shutil.which("bart"):
        limits = results["GRAPPA here"]
        images.append(
            beside_bart(lines, calibration, options.ridge, bare, limits, expected, signal)
        )
    if options.figure:
        side_by_side(images).save(options.figure)


def beside_bart(
    lines: np.ndarray,
    calibration: np.ndarray,
    ridge: str,
    bare: float,
    limits: tuple[float, float],
    expected: np.ndarray,
    signal: np.ndarray,
) -> np.ndarray:
    """Report BART until its error is within ``limits`` (time, error); its first echo."""
    for steps in STEPS:
        taken, theirs = reconstructed_by_bart(lines, calibration, ridge, steps)
        name = f"BART ecalib + pics, {steps}"
        error = report(name, taken, bare, theirs, expected, signal)
        print(f"BART / GRAPPA here: {taken / limits[0]:.1f}", flush=True)
        if error <= limits[1]:
            break
    return np.asarray(np.abs(theirs[0]))


def scene_of(matrix: tuple[int, int, int], n_echoes: int, n_coils: int) -> Scene:
    """A head that fills the field of view whatever the matrix."""
    fov = (192.0, 211.0, 211.0)
    dz, dy, dx = (size / n for size, n in zip(fov, matrix, strict=True))
    te_s = tuple(0.005 + 0.0053 * echo for echo in range(n_echoes))
    return Scene(
        "parallel imaging", matrix=matrix, voxel_mm=(dz, dy, dx), oversampling=(1.0, 1.0, 1.0),
        te_s=te_s, n_coils=n_coils,
    )  # fmt: skip


def grid_of(scene: Scene) -> Grid:
    """Axes without oversampling."""
    z, y, x = [
        axis(n, n * size, n, n * size) for n, size in zip(scene.matrix, scene.voxel_mm, strict=True)
    ]
    n_z, n_y, _ = scene.matrix
    return Grid(
        z,
        y,
        x,
        ky=CounterRange(0, n_y - 1, n_y // 2),
        kz=CounterRange(0, n_z - 1, n_z // 2),
        n_slices=1,
    )


def sampled(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Lattice and centre [E, C, Z, Y, X], an image along X: the lines, and the calibration."""
    kspace = encode(scene, sample_object(scene))
    random = np.random.default_rng(5)
    for channels in kspace:
        for channel in channels:
            noise = random.standard_normal((*channel.shape, 2), np.float32) / np.float32(SNR)
            channel[...] += noise.view(np.complex64)[..., 0]
    z, y = (slice(n // 2 - CALIBRATION // 2, n // 2 + CALIBRATION // 2) for n in scene.matrix[:2])
    centre = np.moveaxis(kspace[:, :, z, y], 1, 0).reshape(1, scene.n_coils, -1)
    mix = compression_matrix(centre, most=CHANNELS)
    kspace = np.stack([np.tensordot(mix, echo, 1) for echo in kspace])
    hybrid = ifft(kspace, (4,))
    calibration = np.ascontiguousarray(hybrid[:, :, z, y])
    n_z, n_y, _ = scene.matrix
    taken = LATTICE.mask((n_z, n_y), (n_z // 2, n_y // 2))
    hybrid *= taken[:, :, None]
    return hybrid, calibration


def seconds_of_transforms(lines: np.ndarray) -> float:
    """FFTs of the filled grid along the three axes and nothing else."""
    plan = MeasuredPlan(lines.shape[2:], (0, 1, 2), inverse=True, threads=int(THREADS))
    start = time.perf_counter()
    for _ in range(lines.shape[0] * lines.shape[1]):
        plan.run()
    return time.perf_counter() - start


def reconstructed(
    lines: np.ndarray, calibration: np.ndarray, grid: Grid, way: Callable[..., Weights]
) -> tuple[float, np.ndarray]:
    """From lines to combined echoes: calibration, both transforms, unfolding."""
    way(calibration[:1, :, :, :, ::4], LATTICE, grid)  # compiled code is loaded
    start = time.perf_counter()
    weights = way(calibration, LATTICE, grid)
    planes = np.stack([ifft(echo, (2,)) for echo in lines])
    space = HybridSpace(planes, "z", calibration, np.ones(1, bool), grid, LATTICE)
    images = combine_coils(space, weights)
    return time.perf_counter() - start, images


def reconstructed_by_bart(
    lines: np.ndarray, calibration: np.ndarray, ridge: str, steps: int
) -> tuple[float, np.ndarray]:
    """The same lines, and the first echo's calibration, through BART's programs."""
    n_z, n_y = lines.shape[2:4]
    whole = lines[0].copy()
    z, y = (slice(n // 2 - CALIBRATION // 2, n // 2 + CALIBRATION // 2) for n in (n_z, n_y))
    whole[:, z, y] = calibration[0]
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        write_cfl(at / "lines", fft(lines.copy(), (4,)))
        write_cfl(at / "calibration", fft(whole[None], (4,)))
        start = time.perf_counter()
        bart(at, "ecalib", "-m1", f"-r{CALIBRATION}", "calibration", "coils")
        bart(at, "pics", "-l2", f"-r{ridge}", f"-i{steps}", "lines", "coils", "image")
        taken = time.perf_counter() - start
        shape = (len(lines), n_z, n_y, lines.shape[4])
        return taken, np.fromfile(at / "image.cfl", np.complex64).reshape(shape)


def write_cfl(path: Path, kspace: np.ndarray) -> None:
    """[E, C, Z, Y, X] as BART's file: X fastest, then Y, Z, C, one set of maps, echoes."""
    e, c, z, y, x = kspace.shape
    path.with_suffix(".hdr").write_text(f"# Dimensions\n{x} {y} {z} {c} 1 {e}\n")
    kspace.astype(np.complex64).tofile(path.with_suffix(".cfl"))


def bart(folder: Path, *words: str) -> None:
    """One of BART's programs, with as many threads as ours."""
    environment = {**os.environ, "OMP_NUM_THREADS": THREADS}
    subprocess.run(["bart", *words], cwd=folder, env=environment, check=True, capture_output=True)


def report(
    name: str,
    seconds: float,
    bare: float,
    images: np.ndarray,
    expected: np.ndarray,
    signal: np.ndarray,
) -> float:
    """Time in units of bare transforms; error of the magnitude after one scale, returned."""
    found, known = np.abs(images)[:, signal], expected[:, signal]
    scale = (found * known).sum() / (found**2).sum()
    error = np.linalg.norm(found * scale - known) / np.linalg.norm(known)
    print(f"{name:22} {seconds / bare:7.1f} x the FFTs   error {100 * error:5.1f} %", flush=True)
    return float(error)


def side_by_side(images: list[np.ndarray]) -> Image.Image:
    """Middle slices, each with its own white."""
    planes = [image[len(image) // 2] / np.percentile(image, 99.8) for image in images]
    row = np.concatenate(planes, axis=1).clip(0, 1) * 255
    return Image.fromarray(row.astype(np.uint8))


if __name__ == "__main__":
    main()

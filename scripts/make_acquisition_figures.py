"""Pictures of partial, breathing and accelerated scans.

They stand in docs/explanation/acquisitions.md and docs/explanation/reconstruction.md. It prints
the numbers that stand beside them.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import binary_erosion
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.lines.imperfections import Faults
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Order, Scene

from streamrecon.model.images import Echoes, Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.library import find_chain_file

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
CHAIN = find_chain_file("gre_recon")
HEAD = Scene(
    "noiseless head", matrix=(24, 96, 96), voxel_mm=(6.0, 2.2, 2.2), n_coils=4,
    snr=float("inf"), noise_lines=0, supersampling=2, oversampling=(1.0, 1.0, 1.0),
)  # fmt: skip
SCALE = 3  # pixels a voxel
GAP = 8
COLOURS = {"full": "#202020", "zero": "#1f77b4", "pocs": "#d62728"}


def main() -> int:
    """Draw all pictures."""
    IMAGES.mkdir(exist_ok=True)
    _draw_partial()
    _draw_breath()
    _draw_accelerated()
    return 0


def _echoes(scene: Scene, **parameters: str) -> NDArray[np.complex64]:
    """Combined echoes [E, Z, Y, X] of a scene through the packaged chain."""
    emitted: list[object] = []
    chain = build_chain(CHAIN, REGISTRY, overrides=parameters)
    chain.run(simulate(scene).messages(), emitted.append)
    return next(item.data for item in emitted if isinstance(item, Echoes))


def _draw_partial() -> None:
    scene = replace(HEAD, sampling=Sampling(partial=(1.0, 0.75)))
    found = {
        "full": _echoes(HEAD),
        "zero": _echoes(scene),
        "pocs": _echoes(scene, **{"FillPartialFourier.method": "pocs"}),
    }
    full = found["full"]
    inner = binary_erosion(np.abs(full[0]) > 0.3 * np.abs(full[0]).max(), iterations=2)
    errors = {}
    for name in ("zero", "pocs"):
        relative = found[name] * full.conj()
        first = np.angle(relative[0])  # coils are seen through other lines: their phase is smooth
        errors[name] = np.angle(relative * np.exp(-1j * first))[3]
        size = np.abs(np.abs(found[name]) - np.abs(full))[:, inner]
        print(
            f"partial 6/8 {name}: magnitude error "
            f"{np.linalg.norm(size) / np.linalg.norm(np.abs(full)[:, inner]):.4f}, "
            f"phase of echo 4 against echo 1: {errors[name][inner].std():.4f} rad, "
            f"99 % below {np.quantile(np.abs(errors[name][inner]), 0.99):.3f} rad"
        )
    z, x = 12, 48
    profiles = {name: np.abs(image[0, z, 4:30, x]) for name, image in found.items()}
    maps = [_grey(np.where(inner[z], errors[name][z], 0), -0.15, 0.15) for name in errors]
    plot = _plot(profiles, (2 * maps[0].width + GAP, 220))
    _save(_stack([plot, _row(maps)]), "partial_fourier.png")


def _draw_breath() -> None:
    slow = replace(HEAD, te_s=(0.005, 0.015, 0.025, 0.035), tr_s=0.04, order=Order.KZ_INNER)
    breath = replace(slow, faults=Faults(breathing_hz=3.0))
    true = _echoes(slow)
    found = [_echoes(breath), _echoes(replace(breath, sampling=Sampling(navigators=True)))]
    for name, image in zip(("without", "with"), found, strict=True):
        left = np.linalg.norm(image[3] - true[3]) / np.linalg.norm(true[3])
        print(f"breath of 3 Hz, TE 35 ms, {name} navigators: error {left:.4f}")
    bright = np.quantile(np.abs(true[3]), 0.99)
    shown = [true, *found]
    images = _row([_grey(np.abs(image[3, 12]), 0, bright) for image in shown])
    ghosts = _row([_grey(np.abs(image[3, 12]), 0, 0.15 * bright) for image in shown])
    _save(_stack([images, ghosts]), "breathing.png")


def _draw_accelerated() -> None:
    """Columns: all lines, then the accelerated scenes; with noise, brighter, aliases alone, g."""
    scenes = [SCENES[name] for name in ("r2", "r3", "caipi-2x2")]
    scenes = [replace(scenes[0], sampling=Sampling()), *scenes]
    noisy = [_with_g_factor(scene) for scene in scenes]
    quiet = [np.abs(_with_g_factor(replace(s, snr=float("inf")))[0]) for s in scenes]
    bright = np.quantile(quiet[0], 0.99)
    whitened = np.quantile(np.abs(noisy[0][0]), 0.99)  # in units of the noise
    z = quiet[0].shape[0] // 2
    planes = [np.abs(image[z]) for image, _ in noisy]
    rows = [
        [_grey(plane, 0, whitened) for plane in planes],
        [_grey(plane, 0, 0.2 * whitened) for plane in planes],
        [_grey(np.abs(image - quiet[0])[z], 0, 0.2 * bright) for image in quiet],
        [_grey(g[z], 0, 6) for _, g in noisy],
    ]
    for scene, image, (_, g) in zip(scenes, quiet, noisy, strict=True):
        signal = quiet[0] > 0.1 * bright
        left = np.linalg.norm((image - quiet[0])[signal]) / np.linalg.norm(quiet[0][signal])
        print(f"{scene.summary}: aliases {left:.4f}, g {np.median(g[signal]):.2f}")
    _save(_stack([_row(row) for row in rows]), "accelerated.png")


def _with_g_factor(scene: Scene) -> tuple[NDArray[np.complex64], NDArray[np.floating]]:
    """Second echo [Z, Y, X] of a scene, and its g-factor: 1 where all lines were taken."""
    scene = replace(scene, te_s=scene.te_s[:2], oversampling=(1.0, 1.0, 1.0), noise_lines=256)
    emitted: list[object] = []
    chain = build_chain(CHAIN, REGISTRY, overrides={"CombineCoils.send_out_gfactor": "true"})
    chain.run(simulate(scene).messages(), emitted.append)
    echoes = next(item.data for item in emitted if isinstance(item, Echoes))
    maps: list[np.ndarray] = [
        np.asarray(item.values)
        for item in emitted
        if isinstance(item, Volume) and item.quantity is Quantity.G_FACTOR
    ]
    return echoes[1], maps[0] if maps else np.ones(echoes.shape[1:], np.float32)


def _grey(plane: NDArray[np.floating], low: float, high: float) -> Image.Image:
    levels = np.clip((plane - low) / (high - low), 0, 1) * 255
    return Image.fromarray(np.kron(levels.astype(np.uint8), np.ones((SCALE, SCALE), np.uint8)))


def _plot(curves: dict[str, NDArray[np.floating]], size: tuple[int, int]) -> Image.Image:
    """Curves over one another, with their names."""
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    top = 1.15 * max(float(curve.max()) for curve in curves.values())
    for number, (name, curve) in enumerate(curves.items()):
        points = [
            (i * size[0] / (len(curve) - 1), size[1] * (1 - float(value) / top))
            for i, value in enumerate(curve)
        ]
        draw.line(points, fill=COLOURS[name], width=2)
        draw.text((8 + 60 * number, 4), name, fill=COLOURS[name])
    return picture


def _row(pictures: list[Image.Image]) -> Image.Image:
    width = sum(each.width for each in pictures) + GAP * (len(pictures) - 1)
    row = Image.new("RGB", (width, pictures[0].height), "white")
    left = 0
    for each in pictures:
        row.paste(each, (left, 0))
        left += each.width + GAP
    return row


def _stack(pictures: list[Image.Image]) -> Image.Image:
    height = sum(each.height for each in pictures) + GAP * (len(pictures) - 1)
    stack = Image.new("RGB", (pictures[0].width, height), "white")
    top = 0
    for each in pictures:
        stack.paste(each, (0, top))
        top += each.height + GAP
    return stack


def _save(picture: Image.Image, name: str) -> None:
    picture.save(IMAGES / name, optimize=True)
    print(IMAGES.name + "/" + name)


if __name__ == "__main__":
    sys.exit(main())

"""The picture of docs/reference/simulator.md: the whole head's images and truth in three planes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from streamrecon_simulator.images import noisy_images
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.truth import receive, truth
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.tissues import Label

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
SCENE = replace(
    SCENES["whole-head"],
    phantom=WholeHead(anatomy=2, calcification=True, bleed=True),
    matrix=(168, 162, 134),
    centre_lps_mm=(0.0, -4.0, -28.0),
)
PLANES = (0.68, 0.52, 0.47)  # of the axial, coronal and sagittal plane, as shares of the axes
GAP, TITLE_HEIGHT, GREYS = 4, 14, 64


def main() -> int:
    """Draw it."""
    IMAGES.mkdir(exist_ok=True)
    known, seen = truth(SCENE), receive(SCENE)
    images = noisy_images(SCENE, known, seen)
    assert known.labels is not None
    assert known.local_field_ppm is not None
    columns = [
        _column("magnitude, 4 ms", np.abs(images[0]), 0, 1.4),
        _column("magnitude, 22.6 ms", np.abs(images[3]), 0, 0.9),
        _column("phase, 22.6 ms", np.angle(images[3]), -np.pi, np.pi),
        _column("labels", _shuffled(known.labels), 0, 1),
        _column("chi, -0.1 to 0.2 ppm", known.chi_ppm, -0.1, 0.2),
        _column("field, ±1.5 ppm", known.field_ppm, -1.5, 1.5),
        _column("local field, ±50 ppb", known.local_field_ppm, -0.05, 0.05),
        _column("R2*, 0 to 80 /s", known.r2_star_hz, 0, 80),
    ]
    rows = [np.hstack(columns[:4]), np.hstack(columns[4:])]
    picture = Image.fromarray(np.vstack(rows))
    picture.quantize(GREYS).save(IMAGES / "whole_head.png", optimize=True)
    return 0


def _column(title: str, volume: NDArray[np.generic], low: float, high: float) -> NDArray[np.uint8]:
    """Axial, coronal and sagittal plane below one another, head up, nose left."""
    values = np.clip((volume.astype(np.float32) - low) / (high - low), 0, 1) * 255
    grey = values.astype(np.uint8)
    z, y, x = (int(share * n) for share, n in zip(PLANES, grey.shape, strict=True))
    planes = [grey[z], grey[::-1, y], grey[::-1, :, x]]
    width = max(plane.shape[1] for plane in planes) + GAP
    padded = [
        np.pad(plane, ((0, GAP), (0, width - plane.shape[1])), constant_values=0)
        for plane in planes
    ]
    head = Image.new("L", (width, TITLE_HEIGHT))
    ImageDraw.Draw(head).text((2, 1), title, fill=255)
    return np.vstack([np.asarray(head), *padded])


def _shuffled(labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A grey for each label, far from those of its neighbours in number; air is black."""
    grey = np.zeros(max(Label) + 1, np.float32)
    known = [label for label in Label if label > Label.CAVITY]
    for number, label in enumerate(known):
        grey[label] = 0.25 + 0.75 * ((number * 11) % len(known)) / len(known)
    return np.asarray(grey[labels], dtype=np.float32)


if __name__ == "__main__":
    sys.exit(main())

"""A small picture of a scan for the overview: magnitude, SWI and χ through the middle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.preview.colours import coloured, window_of
from streamrecon.output.preview.planes import View, planes_of
from streamrecon.output.stored_volumes import StoredVolume, volumes_at

SIDE = 64
"""Pixels of a tile; three of them are beside one another."""

_SHOWN = (
    (Quantity.MAGNITUDE, Quantity.MAGNITUDE_COMBINED),
    (Quantity.SWI, Quantity.TSWI),
    (Quantity.CHI, Quantity.CHI_PREVIEW),
)
"""From left to right: of each the first that is there."""
_NIFTI = ".nii.gz"


def thumbnail_of(files: Iterable[Path]) -> Image.Image | None:
    """Tiles of what is there, black where one is missing; ``None`` where none is.

    Parameters
    ----------
    files
        NIfTI files of a scan's results, with their JSON beside them.
    """
    by_label: dict[str, Path] = {}
    for path in files:
        by_label.setdefault(_label(path), path)
    picture, drawn = Image.new("RGB", (len(_SHOWN) * SIDE, SIDE)), False
    for place, quantities in enumerate(_SHOWN):
        found = next((by_label[q.label] for q in quantities if q.label in by_label), None)
        if found is not None:
            tile = _tile(volumes_at(found)[0])
            left, top = (SIDE - tile.width) // 2, (SIDE - tile.height) // 2
            picture.paste(tile, (place * SIDE + left, top))
            drawn = True
    return picture if drawn else None


def median_snr(files: Iterable[Path]) -> float | None:
    """Median of the SNR map where it is known, ``None`` where there is none."""
    for path in files:
        if _label(path) == Quantity.SNR.label:
            values = np.asarray(volumes_at(path)[0].values, np.float32)
            known = values[np.isfinite(values) & (values > 0)]
            return float(np.median(known)) if known.size else None
    return None


def _label(path: Path) -> str:
    beside = path.with_name(path.name.removesuffix(_NIFTI) + ".json")
    facts: Mapping[str, Any] = json.loads(beside.read_text(encoding="utf-8"))
    return str(facts.get("Quantity", ""))


def _tile(volume: StoredVolume) -> Image.Image:
    """The axial cut in its true proportions."""
    plane = planes_of(volume.values, volume.geometry, View())[0]
    window = window_of(volume.quantity, volume.unit, [plane.pixels])
    picture = Image.fromarray(coloured(window.fraction(plane.pixels), window.colours))
    high, wide = plane.size_mm
    scale = SIDE / max(high, wide)
    size = max(1, round(wide * scale)), max(1, round(high * scale))
    return picture.resize(size, Image.Resampling.BICUBIC)

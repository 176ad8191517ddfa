"""Reads the volumes of a results folder for display: cuts, windows, facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from streamrecon.model.geometry import Geometry
from streamrecon.output.preview.planes import Plane, middle_planes
from streamrecon.output.preview.tiles import PHASE_WINDOW, Window, positive_window, signed_window
from streamrecon.output.stored_volumes import StoredVolume, volumes_at

_HALF_TURN = 3.2  # rad: phase goes no further


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A volume as it is shown.

    Parameters
    ----------
    name
        That of its file, or of its series.
    planes
        Cuts through its middle.
    window
        Values drawn black and white, common to its planes.
    unit
        Of the values; empty where the scale is arbitrary.
    grid
        Where its voxels are.
    facts
        What stands beside it: names and values, as a person reads them.
    """

    name: str
    planes: Sequence[Plane]
    window: Window
    unit: str
    grid: Geometry
    facts: dict[str, str]


def pictures_of(folder: Path) -> list[Picture]:
    """All volumes of a folder; errors and their order are those of `volumes_at`."""
    return [_picture(volume) for volume in volumes_at(folder)]


def _picture(volume: StoredVolume) -> Picture:
    """The volume's cuts and window; of complex numbers the magnitude."""
    values = volume.values
    shown = np.abs(values) if np.iscomplexobj(values) else values
    planes = middle_planes(shown, volume.geometry)
    window = _window(planes, volume.unit)
    return Picture(volume.name, planes, window, volume.unit, volume.geometry, volume.facts)


def _window(planes: Sequence[Plane], unit: str) -> Window:
    pixels = [plane.pixels.astype(np.float32) for plane in planes]
    low = min((float(np.nanmin(p)) for p in pixels if np.isfinite(p).any()), default=0.0)
    high = max((float(np.nanmax(p)) for p in pixels if np.isfinite(p).any()), default=0.0)
    if unit == "rad" and max(-low, high) <= _HALF_TURN:
        return PHASE_WINDOW
    if low < 0:
        return signed_window(pixels)
    window = positive_window(pixels)
    return window if window.high > 0 else Window(0.0, high or 1.0)  # thin masks

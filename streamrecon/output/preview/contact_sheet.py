"""Lays out the volumes of a scan on a contact sheet: echoes side by side, then maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from streamrecon.mrd.images.volumes_from_images import Stack
from streamrecon.output.preview.planes import Plane, middle_planes
from streamrecon.output.preview.tiles import (
    PHASE_WINDOW,
    Tile,
    Window,
    draw_sheet,
    positive_window,
    signed_window,
)

_COLUMNS = 6  # side by side, more are continued below


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    stack: Stack
    plane: Plane


def contact_sheet(stacks: Sequence[Stack], protocol: str) -> Image.Image:
    """Draw the cuts through the middle of all ``stacks``, which belong to one repetition.

    Every quantity has one window for all its echoes, so that their decay is seen; phase goes from
    -π (black) to π (white). Complex volumes are shown by magnitude and phase.
    """
    shown = list(_drawable(stacks))
    cuts = [
        _Cut(stack, plane)
        for stack in shown
        for plane in middle_planes(stack.values, stack.geometry)
    ]
    labels = list(dict.fromkeys(stack.label for stack in shown))
    windows = {
        label: _window(label, [c.plane for c in cuts if c.stack.label == label]) for label in labels
    }
    rows = [
        [_tile(cut, windows[cut.stack.label]) for cut in row]
        for name in dict.fromkeys(cut.plane.name for cut in cuts)
        for row in _rows([cut for cut in cuts if cut.plane.name == name], labels)
    ]
    return draw_sheet(_title(shown[0], protocol), rows)


def _drawable(stacks: Sequence[Stack]) -> Iterator[Stack]:
    """Real-valued volumes; complex ones are taken apart unless the server did so itself."""
    apart = any(stack.label == "magnitude" for stack in stacks)
    for stack in stacks:
        if not np.iscomplexobj(stack.values):
            yield stack
        elif not apart:
            values = stack.values.astype(np.complex64, copy=False)
            yield replace(stack, label="magnitude", values=np.abs(values))
            yield replace(stack, label="phase", unit="rad", values=np.angle(values))


def _window(label: str, planes: list[Plane]) -> Window:
    pixels = [plane.pixels for plane in planes]
    if label == "phase":
        return PHASE_WINDOW
    if any((values[np.isfinite(values)] < 0).any() for values in pixels):
        return signed_window(pixels)
    return positive_window(pixels)


def _rows(cuts: list[_Cut], labels: list[str]) -> Iterator[list[_Cut]]:
    """Cuts of one plane: a row for each quantity of several echoes, one for all the maps."""
    maps = []
    for label in labels:
        echoes = sorted((c for c in cuts if c.stack.label == label), key=lambda c: c.stack.echo)
        if len(echoes) > 1:
            yield from _wrapped(echoes)
        else:
            maps += echoes
    yield from _wrapped(maps)


def _wrapped(cuts: list[_Cut]) -> Iterator[list[_Cut]]:
    for start in range(0, len(cuts), _COLUMNS):
        yield cuts[start : start + _COLUMNS]


def _tile(cut: _Cut, window: Window) -> Tile:
    stack = cut.stack
    echo = "" if stack.te_s is None else f"  TE {stack.te_s * 1e3:.2f} ms"
    unit = f" {stack.unit}" if stack.unit else ""
    return Tile(
        plane=cut.plane,
        window=window,
        label=f"{stack.label}{echo}  {window}{unit}",
        smooth=stack.label != "phase",
    )


def _title(stack: Stack, protocol: str) -> str:
    voxels = " x ".join(str(n) for n in stack.geometry.shape[::-1])
    spacing = " x ".join(f"{mm:.2f}" for mm in stack.geometry.voxel_mm[::-1])
    place = f"{voxels} voxels of {spacing} mm"
    return f"{protocol or 'scan'}   {place}   repetition {stack.repetition + 1}"

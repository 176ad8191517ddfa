"""Draws how many voxels have two values together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from streamrecon.output.font_letters import in_font

_SIDE, _EDGE, _BINS = 360, 44, 120  # pixels, pixels, cells
_PAPER, _INK = (255, 255, 255), (20, 20, 20)
_PERCENTILES = (0.1, 99.9)  # of the voxels, between which the axes reach


def joint_histogram(
    across: NDArray[np.floating], up: NDArray[np.floating], names: tuple[str, str]
) -> Image.Image:
    """Cells dark by the logarithm of how many voxels they hold.

    Parameters
    ----------
    across, up
        Two values of the same voxels [N]; the outermost of a thousand on each axis are left out.
    names
        What stands at the axes, with units.
    """
    ends = [_ends(values) for values in (across, up)]
    cells, _, _ = np.histogram2d(across, up, bins=_BINS, range=ends)
    level = np.log1p(cells.T[::-1])
    grey = np.uint8(255) - (255 * level / max(float(level.max()), 1e-9)).astype(np.uint8)
    plot = Image.fromarray(grey).resize((_SIDE, _SIDE), Image.Resampling.NEAREST)
    sheet = Image.new("RGB", (_SIDE + 2 * _EDGE, _SIDE + 2 * _EDGE), _PAPER)
    sheet.paste(plot.convert("RGB"), (_EDGE, _EDGE))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    pen.rectangle((_EDGE, _EDGE, _EDGE + _SIDE, _EDGE + _SIDE), outline=_INK)
    (low, high), bottom = ends[0], _EDGE + _SIDE + 6
    pen.text((_EDGE, bottom), f"{low:.0f}", fill=_INK, font=font)
    pen.text((_EDGE + _SIDE, bottom), f"{high:.0f}", fill=_INK, font=font, anchor="ra")
    pen.text((_EDGE + _SIDE / 2, bottom), in_font(names[0]), fill=_INK, font=font, anchor="ma")
    (low, high) = ends[1]
    pen.text((_EDGE - 4, _EDGE + _SIDE), f"{low:.0f}", fill=_INK, font=font, anchor="rb")
    pen.text((_EDGE - 4, _EDGE), f"{high:.0f}", fill=_INK, font=font, anchor="rt")
    pen.text((_EDGE, _EDGE - 6), in_font(names[1]), fill=_INK, font=font, anchor="lb")
    return sheet


def _ends(values: NDArray[np.floating]) -> tuple[float, float]:
    low, high = np.percentile(values, _PERCENTILES).tolist() if values.size else (0.0, 1.0)
    return low, max(high, low + 1e-6)

"""Draws one reading as one picture: what was found, how sure it is, the pictures, the first rows.

For archives and consoles, which show pictures and no pages. The rows that do not fit are counted.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from streamrecon.analysis.reading import Light, Outcome, Reading, Value
from streamrecon.output.font_letters import in_font
from streamrecon.output.readings.drawings.figures import Figure

_WIDTH, _MARGIN, _LINE = 1000, 16, 18  # pixels
_HIGHEST_FIGURE = 900
_MOST_ROWS, _CHARACTERS = 30, 128
_INK, _DIM, _WARNING = (225, 225, 225), (150, 150, 150), (221, 153, 0)
_GREEN, _GREY, _AMBER, _RED = (51, 170, 51), (136, 136, 136), (221, 153, 0), (204, 51, 51)
_BARS = {Outcome.GIVEN: _GREEN, Outcome.FLAGGED: _AMBER, Outcome.REFUSED: _RED}
_BARS_OF_LIGHTS = {
    Light.GREEN: _GREEN,
    Light.UNJUDGED: _GREY,
    Light.AMBER: _AMBER,
    Light.RED: _RED,
}
_WORDS = {
    Outcome.GIVEN: "given",
    Outcome.FLAGGED: "given with a flag",
    Outcome.REFUSED: "refused",
}

Ink = tuple[int, int, int]
Line = tuple[str, Ink]


def page_picture(
    reading: Reading, figures: Sequence[Figure], *, research: str
) -> NDArray[np.uint8]:
    """Pixels [rows, columns, 3] of a page.

    Parameters
    ----------
    reading
        What is shown.
    figures
        Its pictures, in their order; wide ones are made narrower.
    research
        The sentence that it may not be used for diagnosis.
    """
    shown = [_fitted(figure.image) for figure in figures]
    head, rows = list(_head(reading, research)), list(_rows(reading.values))
    height = 3 * _MARGIN + _LINE * (len(head) + len(rows) + len(shown))
    height += sum(picture.height + _MARGIN for picture in shown)
    page = Image.new("RGB", (_WIDTH, height), (17, 17, 17))
    pen = ImageDraw.Draw(page)
    light = reading.light
    bar = _BARS[reading.outcome] if light is None else _BARS_OF_LIGHTS[light]
    pen.rectangle((0, 0, 6, height), fill=bar)
    top = _write(pen, head, _MARGIN)
    for figure, picture in zip(figures, shown, strict=True):
        page.paste(picture, (_MARGIN, top))
        top = _write(pen, [(figure.caption, _DIM)], top + picture.height)
        top += _MARGIN
    _write(pen, rows, top)
    return np.asarray(page)


def _head(reading: Reading, research: str) -> Iterator[Line]:
    light = "" if reading.light is None else f", light: {reading.light.value}"
    yield f"{reading.kind}: {_WORDS[reading.outcome]}{light}", _INK
    yield research, _WARNING
    for reason in reading.reasons:
        for line in textwrap.wrap(f"- {reason}", _CHARACTERS):
            yield line, _INK
    for line in textwrap.wrap(reading.method, _CHARACTERS):
        yield line, _DIM


def _rows(values: Sequence[Value]) -> Iterator[Line]:
    """The first values, then how many more there are."""
    for value in values[:_MOST_ROWS]:
        sigma = "" if value.sigma is None else f" ± {value.sigma:.2g}"
        shown = f"{value.number:.4g}{sigma} {value.unit}"
        doubt = "; ".join(filter(None, (value.reference, value.quality, *value.flags)))
        yield f"{value.subject:32.32} {value.name:26.26} {shown:26} {doubt:.40}", _INK
    if len(values) > _MOST_ROWS:
        yield f"and {len(values) - _MOST_ROWS} more values in the report", _DIM


def _write(pen: ImageDraw.ImageDraw, lines: Sequence[Line], top: int) -> int:
    font = ImageFont.load_default(13)
    for text, ink in lines:
        pen.text((_MARGIN, top), in_font(text)[: 2 * _CHARACTERS], fill=ink, font=font)
        top += _LINE
    return top


def _fitted(picture: Image.Image) -> Image.Image:
    scale = min(1.0, (_WIDTH - 2 * _MARGIN) / picture.width, _HIGHEST_FIGURE / picture.height)
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    return picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)

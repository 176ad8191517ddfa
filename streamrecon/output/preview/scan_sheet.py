"""Lays out scans on a page: one in three planes and all its maps, or many, each in a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw

from streamrecon.model.outputs.look import Kind
from streamrecon.output.preview.caption import Caption
from streamrecon.output.preview.cuts import Cuts, by_kind, leading
from streamrecon.output.preview.tiles import FAINT, GAP, PAPER, draw_columns, font

_LARGE, _SMALL, _OF_ROWS = 268, 130, 210  # width [pixels]; two small and a gap make a large one
_HEADING, _MARGIN, _PAUSE = 22, 12, 10
_FEWEST_COLUMNS = 2  # large ones: the caption needs their width


def contact_sheet(cuts: Sequence[Cuts], caption: Caption) -> Image.Image:
    """One scan: three planes of what matters most, then a plane of everything else, by kind."""
    large = leading(cuts)
    columns = max(len(large), _FEWEST_COLUMNS)
    width = columns * (_LARGE + GAP) - GAP
    rest = by_kind([each for each in cuts if each not in large])
    return _below_one_another(
        [
            caption.drawn(width),
            draw_columns(large, _LARGE),
            *(
                _with_kinds(rest[start : start + 2 * columns])
                for start in range(0, len(rest), 2 * columns)
            ),
        ],
        width,
    )


def scan_row(cuts: Sequence[Cuts], caption: Caption) -> Image.Image:
    """One scan of many: its leading maps side by side, axial, under its name."""
    large = [Cuts(each.shown, each.label, each.window, each.planes[:1]) for each in leading(cuts)]
    tiles = draw_columns(large, _OF_ROWS)
    width = max(tiles.width, _FEWEST_COLUMNS * _OF_ROWS)
    return _below_one_another([caption.drawn(width), tiles], width)


def rows_sheet(rows: Sequence[Image.Image]) -> Image.Image:
    """The rows of many scans in one picture."""
    return _below_one_another(rows, max(row.width for row in rows))


def _below_one_another(parts: Sequence[Image.Image], width: int) -> Image.Image:
    height = sum(part.height for part in parts)
    page = Image.new("RGB", (width + 2 * _MARGIN, height + 2 * _MARGIN), PAPER)
    top = _MARGIN
    for part in parts:
        page.paste(part, (_MARGIN, top))
        top += part.height
    return page


def _with_kinds(cuts: Sequence[Cuts]) -> Image.Image:
    """A row of small tiles; over the first of a kind its name, over all of them a line."""
    tiles = draw_columns([Cuts(c.shown, c.label, c.window, c.planes[:1]) for c in cuts], _SMALL)
    picture = Image.new("RGB", (tiles.width, _PAUSE + _HEADING + tiles.height), PAPER)
    picture.paste(tiles, (0, _PAUSE + _HEADING))
    pen = ImageDraw.Draw(picture)
    for kind, first, last in _spans(cuts):
        left, right = first * (_SMALL + GAP), last * (_SMALL + GAP) + _SMALL
        foot = _PAUSE + _HEADING - 5
        pen.line([(left, foot), (right, foot)], fill=FAINT)
        pen.text((left, foot - 3), kind.value, fill=FAINT, font=font(11), anchor="ls")
    return picture


def _spans(cuts: Sequence[Cuts]) -> Iterator[tuple[Kind, int, int]]:
    """Each kind with its first and last column."""
    kinds = [each.shown.kind for each in cuts]
    for kind in dict.fromkeys(kinds):
        yield kind, kinds.index(kind), len(kinds) - 1 - kinds[::-1].index(kind)

"""Shows all volumes of a folder in one picture, and on one page without other files."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from html import escape

from PIL import Image

from streamrecon import __version__
from streamrecon.output.preview.read_back import Picture
from streamrecon.output.preview.tiles import Tile, draw_sheet, draw_tile

_LONGEST_LABEL = 36  # letters over a cut
_STYLE = """
body { background: #111; color: #ddd; font: 15px/1.4 sans-serif; margin: 1.5em; }
h1 { font-size: 1.3em; } h2 { font-size: 1em; margin: 0 0 .3em; overflow-wrap: anywhere; }
article { background: #1b1b1b; border-radius: 6px; padding: .8em; margin: 0 0 1em; }
article.preview { border-left: 5px solid #d90; }
img { margin: 0 .4em .2em 0; } dl { margin: .4em 0 0; color: #aaa; font-size: .85em; }
dt { float: left; clear: left; width: 15em; } dd { margin: 0 0 0 15.5em; min-height: 1.4em; }
footer { color: #777; font-size: .85em; }
"""


def picture_sheet(pictures: Sequence[Picture], title: str) -> Image.Image:
    """A row for each volume: its cuts, with name, window and unit above."""
    rows = [list(_tiles(picture)) for picture in pictures]
    return draw_sheet(title, rows)


def picture_page(pictures: Sequence[Picture], title: str) -> str:
    """HTML with the pictures inside: nothing is loaded from anywhere."""
    articles = "\n".join(map(_article, pictures))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n{articles}\n"
        f"<footer>streamrecon {__version__}, {len(pictures)} volumes. For research, not for "
        "diagnosis.</footer>\n</body></html>\n"
    )


def _article(picture: Picture) -> str:
    facts = {"Window": _window(picture), "Voxels": _voxels(picture), **picture.facts}
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in facts.items()
    )
    images = "".join(
        f'<img alt="{escape(tile.plane.name)}" src="data:image/png;base64,{_png(tile)}">'
        for tile in _tiles(picture)
    )
    kind = ' class="preview"' if "preview" in picture.name.lower() else ""
    return f"<article{kind}><h2>{escape(picture.name)}</h2>{images}<dl>{rows}</dl></article>"


def _tiles(picture: Picture) -> Iterator[Tile]:
    """The cuts; the end of the name is over the first, the window over the second."""
    labels = [picture.name[-_LONGEST_LABEL:], _window(picture), ""]
    for plane, label in zip(picture.planes, labels, strict=False):
        yield Tile(plane, picture.window, label, smooth=picture.unit != "rad")


def _png(tile: Tile) -> str:
    buffer = io.BytesIO()
    draw_tile(tile).save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _window(picture: Picture) -> str:
    return f"{picture.window} {picture.unit}".rstrip()


def _voxels(picture: Picture) -> str:
    shape = " x ".join(str(n) for n in picture.grid.shape[::-1])
    spacing = " x ".join(f"{mm:.2f}" for mm in picture.grid.voxel_mm[::-1])
    return f"{shape} of {spacing} mm"

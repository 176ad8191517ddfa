"""Shows a folder's scans on one HTML page without other files."""

from __future__ import annotations

import base64
import io
from html import escape

from PIL import Image

from streamrecon import __version__
from streamrecon.output.preview.caption import grid_words
from streamrecon.output.preview.cuts import Cuts
from streamrecon.output.preview.read_back import ScanPictures
from streamrecon.output.preview.scan_sheet import contact_sheet, scan_row
from streamrecon.output.preview.tiles import draw_columns, words_of

_TILE = 240  # pixels
_STYLE = """
body { background: #000; color: #ddd; font: 15px/1.4 sans-serif; margin: 1.5em; }
h1 { font-size: 1.3em; } h2 { font-size: 1em; margin: 0 0 .3em; overflow-wrap: anywhere; }
article { background: #1b1b1b; border-radius: 6px; padding: .8em; margin: 0 0 1em; }
article.preview { border-left: 5px solid #d90; } section img { max-width: 100%; }
summary { cursor: pointer; margin: .8em 0; } img { margin: 0 .4em .2em 0; display: block; }
dl { margin: .4em 0 0; color: #aaa; font-size: .85em; }
dt { float: left; clear: left; width: 15em; } dd { margin: 0 0 0 15.5em; min-height: 1.4em; }
footer { color: #777; font-size: .85em; }
"""


def scan_page(scan: ScanPictures, title: str) -> str:
    """HTML of one scan: its contact sheet, then each volume with what stands beside it."""
    sheet = contact_sheet(scan.cuts, scan.caption)
    articles = "\n".join(map(_article, scan.cuts))
    body = (
        f"{_section(sheet, scan.caption.title)}\n<details><summary>every volume</summary>\n"
        f"{articles}\n</details>"
    )
    return _page(title, body, f"{len(scan.cuts)} volumes")


def rows_page(rows: list[tuple[str, Image.Image]], title: str) -> str:
    """HTML of many scans, each a row."""
    body = "\n".join(_section(row, name) for name, row in rows)
    return _page(title, body, f"{len(rows)} scans")


def named_row(scan: ScanPictures) -> tuple[str, Image.Image]:
    """The row of a scan, and its name for those who do not see it."""
    return scan.caption.title, scan_row(scan.cuts, scan.caption)


def _page(title: str, body: str, count: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n{body}\n"
        f"<footer>streamrecon {__version__}, {count}. For research, not for "
        "diagnosis.</footer>\n</body></html>\n"
    )


def _section(picture: Image.Image, name: str) -> str:
    return f"<section>{_image(picture, name)}</section>"


def _article(cuts: Cuts) -> str:
    shown = cuts.shown
    facts = {"Window": _window(cuts), "Voxels": grid_words(shown.geometry), **shown.facts}
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in facts.items()
    )
    images = _image(_planes(cuts), ", ".join(plane.name for plane in cuts.planes))
    name = shown.name or shown.label
    kind = ' class="preview"' if "preview" in name.lower() else ""
    return f"<article{kind}><h2>{escape(name)}</h2>{images}<dl>{rows}</dl></article>"


def _planes(cuts: Cuts) -> Image.Image:
    """The planes of one volume side by side."""
    each = [Cuts(cuts.shown, "", cuts.window, (plane,)) for plane in cuts.planes]
    return draw_columns(each, _TILE)


def _image(picture: Image.Image, words: str) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f'<img alt="{escape(words)}" src="data:image/png;base64,{data}">'


def _window(cuts: Cuts) -> str:
    low, high, unit = words_of(cuts.window, cuts.shown.unit)
    return f"{low} to {high} {unit}".rstrip()

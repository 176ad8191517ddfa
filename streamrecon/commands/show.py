"""`streamrecon show`: shows everything in a folder of results."""

from __future__ import annotations

import argparse
from pathlib import Path

from streamrecon.output.preview.html_page import picture_page, picture_sheet
from streamrecon.output.preview.read_back import pictures_of
from streamrecon.storage.atomic_file import whole

_PAGE, _SHEET = "show.html", "show.png"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Draw every volume of a folder, with windows and units: one PNG, and one HTML page that "
        "needs no other file. Reads NIfTI with its JSON, else MRD images, else DICOM."
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder of results")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help=f"where {_PAGE}, {_SHEET} go (DIR itself)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, draw, write, and print the paths."""
    pictures = pictures_of(options.folder)
    title = options.folder.resolve().name
    folder: Path = options.output or options.folder
    with whole(folder / _SHEET) as scratch:
        picture_sheet(pictures, title).save(scratch)
    with whole(folder / _PAGE) as scratch:
        scratch.write_text(picture_page(pictures, title), encoding="utf-8")
    print(folder / _SHEET)
    print(folder / _PAGE)
    return 0

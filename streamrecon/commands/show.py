"""`streamrecon show`: shows everything in a folder of results."""

from __future__ import annotations

import argparse
from itertools import chain, islice
from pathlib import Path

from PIL import Image

from streamrecon.commands.run_setup.existing import there
from streamrecon.output.preview.html_page import named_row, rows_page, scan_page
from streamrecon.output.preview.read_back import pictures_of
from streamrecon.output.preview.scan_sheet import contact_sheet, rows_sheet
from streamrecon.storage.atomic_file import whole

_PAGE, _SHEET = "show.html", "show.png"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Draw the volumes of a folder, with windows and units: one PNG, and one HTML page that "
        "needs no other file. Of many scans each has a row. Reads NIfTI with its JSON, else MRD "
        "images, else DICOM."
    )
    parser.add_argument("folder", type=there, metavar="DIR", help="folder of results")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help=f"where {_PAGE}, {_SHEET} go (DIR itself)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, draw, write, and print the paths."""
    title = options.folder.resolve().name
    scans = pictures_of(options.folder)
    first = list(islice(scans, 2))
    if len(first) == 1:
        sheet = contact_sheet(first[0].cuts, first[0].caption)
        page = scan_page(first[0], title)
    else:
        rows = [named_row(scan) for scan in chain(first, scans)]
        sheet, page = rows_sheet([row for _, row in rows]), rows_page(rows, title)
    _write(sheet, page, options.output or options.folder)
    return 0


def _write(sheet: Image.Image, page: str, folder: Path) -> None:
    with whole(folder / _SHEET) as scratch:
        sheet.save(scratch)
    with whole(folder / _PAGE) as scratch:
        scratch.write_text(page, encoding="utf-8")
    print(folder / _SHEET)
    print(folder / _PAGE)

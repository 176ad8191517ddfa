"""Moves what BIDS has no room for to the folder that is kept for ourselves: sheets and DICOM."""

from __future__ import annotations

import shutil
from pathlib import Path

DICOM_FOLDER = "dicom"
"""Has a folder for each scan."""


def keep_sheets(name: str, made: Path, own: Path) -> list[Path]:
    """Move a scan's contact sheets, one a repetition, and give them.

    Parameters
    ----------
    name
        Of the scan.
    made
        Folder in which its results were left.
    own
        Folder of the records, logs and sheets.
    """
    kept = []
    for number, sheet in enumerate(sorted(made.rglob("*_sheet.png")), start=1):
        path = own / "sheets" / f"{name}{'' if number == 1 else f'_{number}'}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        kept.append(sheet.replace(path))
    return kept


def keep_dicom(name: str, made: Path, own: Path) -> list[Path]:
    """Move a scan's DICOM files, as `keep_sheets`, into a folder of its own that holds no others.

    Those of other work, or of a run that was killed, go.
    """
    folder = own / DICOM_FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    kept = []
    for file in sorted(made.rglob("dicom/*.dcm")):
        folder.mkdir(parents=True, exist_ok=True)
        kept.append(file.replace(folder / file.name))
    return kept

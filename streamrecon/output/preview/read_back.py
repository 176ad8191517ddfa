"""Reads the scans of a results folder for display, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from streamrecon.output.preview.caption import Caption, caption_of_files
from streamrecon.output.preview.cuts import Cuts, cuts_of
from streamrecon.output.preview.shown import shown_stored
from streamrecon.output.readings import lesion_below
from streamrecon.output.stored_volumes import StoredVolume, scans_at


@dataclass(frozen=True, slots=True, eq=False)
class ScanPictures:
    """One scan as it is shown: its words, its cuts."""

    caption: Caption
    cuts: Sequence[Cuts]


def pictures_of(folder: Path) -> Iterator[ScanPictures]:
    """All scans of a folder; errors and the order of volumes are those of `volumes_at`."""
    for volumes in scans_at(folder):
        yield _pictures(volumes, folder)


def _pictures(volumes: Sequence[StoredVolume], folder: Path) -> ScanPictures:
    shown = [shown_stored(volume) for volume in volumes]
    name = volumes[0].scan.removesuffix(".")
    caption = caption_of_files(shown, name or folder.resolve().name)
    return ScanPictures(caption, cuts_of(shown, lesion_below(folder)))

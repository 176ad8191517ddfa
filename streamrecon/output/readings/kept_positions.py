"""Keeps how a head lay in the scans of one examination, for as long as that may last.

An examination is known by its study. A UID names a patient's: folders carry its hash, all of it is
its owner's alone, and what is older than a day is removed.
"""

from __future__ import annotations

import hashlib
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from streamrecon.analysis.positions.position_reading import HeadPosition
from streamrecon.errors import HeaderError, StorageError
from streamrecon.model.geometry import Geometry
from streamrecon.storage.atomic_file import whole_private

MAX_AGE_S = 86400.0
_FOLDER = "positions"
_SUFFIX = ".position.npz"


def positions_so_far(
    storage: Path | None, study_uid: str, scan: str, now: HeadPosition
) -> tuple[list[HeadPosition], str]:
    """Positions of a study, the first of them first and this scan's the last, which is kept.

    Parameters
    ----------
    storage
        The service's.
    study_uid, scan
        Whose position it is.
    now
        That of this scan.

    Returns
    -------
    positions
        This one alone where the others cannot be had.
    doubt
        Why they cannot; empty where they can.
    """
    if storage is None:
        return [now], "orientations: found no storage, needed it for earlier positions"
    kept = KeptPositions(storage / _FOLDER)
    try:
        kept.keep(study_uid, scan, now)
        return kept.of_study(study_uid), ""
    except StorageError as e:
        return [now], f"orientations: {e}"


class KeptPositions:
    """A folder of positions; any number of processes may use it at once.

    Parameters
    ----------
    folder
        Made by the first `keep`, for its owner only.
    clock
        Seconds since 1970.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    def keep(self, study_uid: str, scan: str, position: HeadPosition) -> None:
        """Keep a scan's position, in place of an earlier one of that name.

        Raises
        ------
        StorageError
            If the folder cannot be written.
        """
        folder, grid = self._of(study_uid), position.geometry
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._remove_old()
            with whole_private(folder / f"{_hash(scan)}{_SUFFIX}") as file:
                np.savez_compressed(
                    file,
                    image=position.image,
                    voxel_mm=grid.voxel_mm,
                    axes_lps=grid.axes_lps,
                    centre_lps_mm=grid.centre_lps_mm,
                    when_s=self._clock(),
                )
        except OSError as e:
            raise StorageError(f"positions: not writable: {e.strerror}") from e

    def of_study(self, study_uid: str) -> list[HeadPosition]:
        """Positions of a study that are not too old, in the order in which they were kept.

        Raises
        ------
        StorageError
            If one of them cannot be read.
        """
        found = [_read(path) for path in self._of(study_uid).glob(f"*{_SUFFIX}")]
        oldest = self._clock() - MAX_AGE_S
        kept = [(when_s, position) for when_s, position in found if when_s >= oldest]
        return [position for _, position in sorted(kept, key=lambda each: each[0])]

    def _of(self, study_uid: str) -> Path:
        return self._folder / _hash(study_uid)

    def _remove_old(self) -> None:
        """Remove studies in which nothing was kept for a day."""
        oldest = self._clock() - MAX_AGE_S
        for folder in self._folder.iterdir():
            if folder.is_dir() and folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)  # another process may be faster


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:40]


def _read(path: Path) -> tuple[float, HeadPosition]:
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            image = file["image"].astype(np.float32)
            (z, y, x), (dz, dy, dx), (left, posterior, superior) = (
                image.shape, file["voxel_mm"].tolist(), file["centre_lps_mm"].tolist()
            )  # fmt: skip
            grid = Geometry((z, y, x), (dz, dy, dx), file["axes_lps"], (left, posterior, superior))
            return float(file["when_s"]), HeadPosition(image, grid)
    except (OSError, ValueError, KeyError, EOFError, HeaderError, zipfile.BadZipFile) as e:
        raise StorageError("positions: one that was kept is not readable") from e

"""Keeps noise covariances by measurement id for the scans that depend on them.

Ids come from a peer and can name a patient's examination: files carry their hash, the folder is
its owner's alone, and what is older than the age limit is removed.
"""

from __future__ import annotations

import hashlib
import logging
import time
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError, StorageError
from streamrecon.storage.atomic_file import whole_private

_log = logging.getLogger(__name__)

MAX_AGE_DAYS = 14.0  # noise belongs to an examination; coils and gains change between them
_SUFFIX = ".noise.npz"
_DAY_S = 86400.0


@dataclass(frozen=True, slots=True, eq=False)
class NoiseRecord:
    """What a noise scan has shown.

    Parameters
    ----------
    covariance
        [C, C], complex: the mean of n·nᴴ over the samples.
    dwell_s
        Dwell time of the noise samples [s].
    labels
        Names of the channels, as far as known.
    bandwidth_ratio
        Receiver noise bandwidth relative to the sampling rate, or ``None``.
    when_s
        When it was measured [s since 1970].

    Raises
    ------
    DataError
        If the covariance is not square and finite, or the dwell time not positive.
    """

    covariance: NDArray[np.complex128]
    dwell_s: float
    labels: tuple[str, ...] = ()
    bandwidth_ratio: float | None = None
    when_s: float = 0.0

    def __post_init__(self) -> None:
        covariance = np.array(self.covariance, np.complex128)
        shape = covariance.shape
        if len(shape) != 2 or shape[0] != shape[1] or not np.isfinite(covariance).all():
            raise DataError(f"noise covariance: found {shape}, needed a square of finite numbers")
        if not self.dwell_s > 0:
            raise DataError(f"noise dwell time: found {self.dwell_s} s, needed a positive one")
        object.__setattr__(self, "covariance", covariance)


class NoiseStore:
    """A folder of noise records; any number of processes may use it at once.

    Parameters
    ----------
    folder
        Made by the first `save`, for its owner only.
    max_age_days
        Older records are not found any more, and are removed by the next `save`.
    clock
        Seconds since 1970.

    Examples
    --------
    >>> import tempfile
    >>> store = NoiseStore(Path(tempfile.mkdtemp()))
    >>> store.save("4711", NoiseRecord(np.eye(2), dwell_s=5e-6, when_s=time.time()))
    >>> store.load("4711").dwell_s
    5e-06
    >>> store.load("4712") is None
    True
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_age_days: float = MAX_AGE_DAYS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._max_age_s = max_age_days * _DAY_S
        self._clock = clock

    def save(self, measurement: str, record: NoiseRecord) -> None:
        """Keep ``record`` for scans that depend on ``measurement``; a reader sees all or nothing.

        Raises
        ------
        StorageError
            If the folder cannot be written.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._remove_old()
            with whole_private(self._path(measurement)) as file:
                np.savez(
                    file,
                    covariance=record.covariance,
                    dwell_s=record.dwell_s,
                    labels=np.array(record.labels, dtype=np.str_),
                    bandwidth_ratio=np.nan
                    if record.bandwidth_ratio is None
                    else record.bandwidth_ratio,
                    when_s=record.when_s,
                )
        except OSError as e:
            raise StorageError(f"noise store: not writable: {e.strerror}") from e

    def load(self, measurement: str) -> NoiseRecord | None:
        """The record of ``measurement``, or ``None`` if there is none or it is too old.

        Raises
        ------
        StorageError
            If there is a file that is not readable, or the folder is none.
        """
        try:
            with (
                self._path(measurement).open("rb") as opened,
                np.load(opened, allow_pickle=False) as file,
            ):
                ratio = float(file["bandwidth_ratio"])
                record = NoiseRecord(
                    covariance=file["covariance"],
                    dwell_s=float(file["dwell_s"]),
                    labels=tuple(str(label) for label in file["labels"]),
                    bandwidth_ratio=None if np.isnan(ratio) else ratio,
                    when_s=float(file["when_s"]),
                )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, DataError, zipfile.BadZipFile) as e:
            raise StorageError("noise store: a record is not readable") from e
        return record if self._clock() - record.when_s <= self._max_age_s else None

    def _path(self, measurement: str) -> Path:
        return self._folder / (hashlib.sha256(measurement.encode()).hexdigest()[:40] + _SUFFIX)

    def _remove_old(self) -> None:
        oldest = self._clock() - self._max_age_s
        for path in [*self._folder.glob("*" + _SUFFIX), *self._folder.glob(".unfinished-*")]:
            with suppress(FileNotFoundError):  # another process was faster
                if path.stat().st_mtime < oldest:
                    path.unlink()


def noise_known(folder: Path | None, measurement: str) -> NoiseRecord | None:
    """The record of a measurement, for a client that can be told no reason why there is none."""
    if folder is None or not measurement:
        return None
    try:
        return NoiseStore(folder).load(measurement)
    except StorageError as e:
        _log.error("%s", e)
        return None

"""Keeps images on disk until every destination has them: nothing accepted is ever lost.

``batches/<name>/`` holds the files of one volume and ``batch.json``, which lists them;
``journal.sqlite3`` knows what became of each. A batch is promised once it has its name: a crash
before leaves nothing, a crash after is repaired from ``batch.json`` when the spool is next opened.
At worst an image is sent twice, which for an archive is once, since its UID is the same. So is a
damaged journal repaired; a batch whose list cannot be read moves to ``damaged/``.

The files hold patient data: the folder is its owner's alone.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Self

from streamrecon.dicom.delivery.journal import Batch, Entry, Listed, State, Tally
from streamrecon.dicom.delivery.journal_repair import is_damaged
from streamrecon.dicom.delivery.process_names import own_name
from streamrecon.dicom.delivery.spool_repair import BATCH_LIST, WAITING, open_journal, renewed
from streamrecon.dicom.delivery.wakeup import WakeupPipe, notify_all
from streamrecon.dicom.objects.mr_images import part10
from streamrecon.dicom.objects.series import Images
from streamrecon.errors import ConfigError, DeliveryError
from streamrecon.storage.durable_files import write_folder

_FULL = {errno.ENOSPC, errno.EDQUOT}
_LOOK_AGAIN_S = 0.5  # at a full disk, which nobody tells when it has room again


class Spool:
    """A spool folder; an object belongs to one thread, the folder to any number of processes.

    Parameters
    ----------
    folder
        Made with mode 0700 if it is not there.
    quota_bytes
        What the images may take; what arrived everywhere makes room, oldest first.
    room_s
        How long `add` waits for room that a sender makes, or that comes back to a full disk.

    Raises
    ------
    ConfigError
        If the folder is another user's, or others may look into it.
    """

    def __init__(
        self, folder: Path, *, quota_bytes: int | None = None, room_s: float = 0.0
    ) -> None:
        _own(folder)
        self.folder = folder
        self._quota_bytes = quota_bytes
        self._room_s = room_s
        for name in ("batches", "incoming", "bells", WAITING):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        self.journal = open_journal(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()

    def add(self, images: Images, destinations: Iterable[str]) -> str:
        """Keep one volume's images until all ``destinations`` have them; give the batch's name.

        When it returns the files and the promise are on the disk: one flush for all files and
        one for the journal.

        Raises
        ------
        DeliveryError
            If the quota leaves no room in time, or the disk takes no more: nothing was kept.
        """
        files = {f"{int(image.InstanceNumber):06d}.dcm": part10(image) for image in images.datasets}
        name = uuid.uuid4().hex
        listed = [
            Listed(
                str(image.SOPInstanceUID),
                str(image.SOPClassUID),
                file,
                len(files[file]),
                hashlib.sha256(files[file]).hexdigest(),
            )
            for image, file in zip(images.datasets, files, strict=True)
        ]
        batch = Batch(
            name,
            images.series_number,
            images.output,
            images.priority,
            time.time(),
            tuple(destinations),
            tuple(listed),
        )
        files[BATCH_LIST] = json.dumps(asdict(batch)).encode()
        try:
            self._keep_in_time(batch, files)
        except sqlite3.DatabaseError as e:
            self.close()
            self.journal = renewed(self.folder, e)
            self._keep_in_time(batch, files)
        notify_all(self.folder / "bells")
        return name

    def _keep_in_time(self, batch: Batch, files: dict[str, bytes]) -> None:
        """Keep a batch; on a full disk what arrived everywhere makes way, then time may help."""
        self._make_room(sum(image.bytes for image in batch.images))
        end = time.monotonic() + self._room_s
        while True:
            try:
                self._keep(batch, files)
            except (OSError, sqlite3.Error) as e:
                if is_damaged(e):
                    raise
                if not _is_full(e) or time.monotonic() >= end:
                    reason = e.strerror if isinstance(e, OSError) else e
                    raise DeliveryError(
                        f"spool: {len(batch.images)} images of {batch.output} not kept: {reason}"
                    ) from e
            else:
                return
            with contextlib.suppress(OSError, sqlite3.Error):
                self._delete([name for name, _, _ in self.journal.finished()])
            time.sleep(_LOOK_AGAIN_S)

    def _keep(self, batch: Batch, files: dict[str, bytes]) -> None:
        folder = self.folder / "batches" / batch.name
        scratch = self.folder / "incoming" / f"{own_name()}-{batch.name}"
        try:
            write_folder(folder, files, scratch=scratch)
            with self.journal.alone():
                self.journal.add(batch)
        except (OSError, sqlite3.Error):
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def path(self, entry: Entry) -> Path:
        """Where the file of an image is."""
        return self.folder / "batches" / entry.batch / entry.file

    def damage(self, entry: Entry) -> str:
        """What is wrong with the file of an image; an empty text where it is as it was written."""
        path = self.path(entry)
        if not path.is_file():
            return "its file is gone from the spool"
        try:
            data = path.read_bytes()
        except OSError as e:
            return f"its file in the spool cannot be read: {e.strerror}"
        if len(data) != entry.bytes:
            return f"its file in the spool is damaged: {len(data)} bytes of {entry.bytes}"
        if entry.sha256 and hashlib.sha256(data).hexdigest() != entry.sha256:
            return "its file in the spool is damaged: another checksum than when it was written"
        return ""

    def tallies(self) -> list[Tally]:
        """All series, by destination and state."""
        return self.journal.tallies()

    def retry(self, *, destination: str = "", output: str = "", series: int | None = None) -> int:
        """Have everything that failed, was refused or waits tried at once; give how many."""
        with self.journal.alone():
            for name in {tally.destination for tally in self.tallies()}:
                if destination in {"", name}:
                    self.journal.set_pause(name, 0, 0.0, "")
            moved = self.journal.move(
                (State.WAITING, State.REFUSED, State.FAILED),
                State.WAITING,
                destination=destination,
                output=output,
                series=series,
            )
        notify_all(self.folder / "bells")
        return moved

    def give_up(self, *, destination: str = "", output: str = "", series: int | None = None) -> int:
        """Move what waits or was refused to the failed; `retry` brings it back."""
        with self.journal.alone():
            return self.journal.move(
                (State.WAITING, State.REFUSED),
                State.FAILED,
                destination=destination,
                output=output,
                series=series,
            )

    def age_out(self, older_than_s: float) -> int:
        """Delete batches that arrived everywhere and are old; give how many."""
        horizon = time.time() - older_than_s
        old = [name for name, added, _ in self.journal.finished() if added <= horizon]
        self._delete(old)
        return len(old)

    def made_room(self) -> None:
        """Wake the writers that wait for room."""
        notify_all(self.folder / WAITING)

    def _make_room(self, needed: int) -> None:
        if self._quota_bytes is None:
            return
        end = time.monotonic() + self._room_s
        path = self.folder / WAITING / f"{own_name()}-{uuid.uuid4().hex}"
        try:
            with WakeupPipe(path) as wakeup:
                while (excess := self._excess(needed, self._quota_bytes)) > 0:
                    remaining_s = end - time.monotonic()
                    if remaining_s <= 0:
                        raise DeliveryError(_too_much(needed, self._quota_bytes, excess))
                    wakeup.wait(remaining_s)
        finally:
            path.unlink(missing_ok=True)

    def _excess(self, needed: int, quota_bytes: int) -> int:
        """Bytes too many, after what arrived everywhere has made way."""
        excess = self.journal.bytes_held() + needed - quota_bytes
        gone = []
        for name, _, size in self.journal.finished() if excess > 0 else []:
            gone.append(name)
            excess -= size
            if excess <= 0:
                break
        self._delete(gone)
        return excess

    def _delete(self, batches: list[str]) -> None:
        """Move each batch away before deleting it: half a batch is never taken for one."""
        for name in batches:
            gone = self.folder / "incoming" / f"{own_name()}-{name}"
            with self.journal.alone():
                with contextlib.suppress(FileNotFoundError):  # another process was faster
                    (self.folder / "batches" / name).rename(gone)
                self.journal.forget([name])
            shutil.rmtree(gone, ignore_errors=True)


def _too_much(needed: int, quota_bytes: int, excess: int) -> str:
    return (
        f"spool: {needed} bytes would exceed the quota of {quota_bytes} bytes by {excess},"
        " and nothing more has arrived everywhere"
    )


def _is_full(error: OSError | sqlite3.Error) -> bool:
    if isinstance(error, OSError):
        return error.errno in _FULL
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def _own(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid():
        raise ConfigError(f"spool {folder}: owned by user {found.st_uid}, needed {os.geteuid()}")
    if found.st_mode & 0o077:
        raise ConfigError(f"spool {folder}: found mode {found.st_mode & 0o777:o}, needed 700")

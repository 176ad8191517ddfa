"""A power cut costs a raw copy less than a second of lines, a kill nothing that was flushed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from streamrecon.storage import regular_flush
from streamrecon.storage.raw_archive import RawFile, claimed, cut_copies, settle

_PATIENCE_S = 30.0


class ForgetfulDisk:
    """Keeps of each file what was flushed; a power cut leaves that, and names that were flushed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kept: dict[int, int] = {}
        self.names: set[str] = set()
        self.flushes = 0
        for name in ("fsync", "fdatasync"):
            monkeypatch.setattr(os, name, self._flushed)

    def _flushed(self, descriptor: int) -> None:
        facts = os.fstat(descriptor)
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        if place.is_dir():
            self.names |= {str(path) for path in place.iterdir()}
        else:
            self.kept[facts.st_ino] = facts.st_size
            self.flushes += 1

    def cut_power(self, folder: Path) -> None:
        for path in folder.iterdir():
            if str(path) in self.names:
                os.truncate(path, self.kept.get(path.stat().st_ino, 0))
            else:
                path.unlink()


def test_a_power_cut_leaves_all_that_was_written_before_the_last_flush(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = ForgetfulDisk(monkeypatch)
    file = RawFile(tmp_path, "4f2a", quota_bytes=1e9)
    line, before = bytes(range(256)) * 40, {0: 0}
    ends = time.monotonic() + _PATIENCE_S
    n = 0
    while disk.flushes < 5 and time.monotonic() < ends:
        before[disk.flushes] = n  # written before the next flush began, whichever that is
        file.append([line])
        n += 1
        time.sleep(0.005)
    flushes = disk.flushes

    disk.cut_power(tmp_path)
    (left,) = tmp_path.iterdir()
    data = left.read_bytes()
    file.close()

    assert flushes >= 5
    assert data == (line * n)[: len(data)]
    assert len(data) >= before[flushes - 1] * len(line) > 0
    assert regular_flush.PERIOD_S <= 0.5  # and the flush itself: less than a second is lost


def test_a_complete_copy_outlives_a_power_cut_whole_and_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = ForgetfulDisk(monkeypatch)
    file = RawFile(tmp_path, "4f2a", quota_bytes=1e9)
    file.append([b"header", b"lines"])
    file.append([b"close"])
    file.complete()

    disk.cut_power(tmp_path)

    (left,) = tmp_path.iterdir()
    assert left.suffix == ".mrd"
    assert left.read_bytes() == b"headerlinesclose"


def test_a_copy_is_cut_when_nobody_writes_it_any_more(tmp_path: Path) -> None:
    running = RawFile(tmp_path, "run", quota_bytes=1e9)
    running.append([b"header"])
    ended = RawFile(tmp_path, "cut", quota_bytes=1e9)
    ended.append([b"header"])
    ended.close()
    whole = RawFile(tmp_path, "whole", quota_bytes=1e9)
    whole.append([b"header"])
    whole.complete()

    found = cut_copies(tmp_path)
    running.close()

    assert [path.name.partition("-")[2] for path in found] == ["cut.mrd.part"]
    assert len(cut_copies(tmp_path)) == 2


def test_a_copy_that_is_worked_on_is_found_by_nobody_else_and_once_only(tmp_path: Path) -> None:
    file = RawFile(tmp_path, "cut", quota_bytes=1e9)
    file.append([b"header"])
    file.close()
    (copy,) = cut_copies(tmp_path)

    with claimed(copy) as first, claimed(copy) as second:
        found = cut_copies(tmp_path)
        settle(copy, ".recovered")

    assert (first, second) == (True, False)
    assert found == []
    assert cut_copies(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == [copy.name.replace("part", "recovered")]


def test_a_failure_of_the_flush_ends_the_copy_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fails)
    file = RawFile(tmp_path, "4f2a", quota_bytes=1e9)
    ends = time.monotonic() + _PATIENCE_S
    while not file.is_ended and time.monotonic() < ends:
        file.append([b"line"])
        time.sleep(0.01)

    assert file.loss == "the raw copy ends early: Input/output error"

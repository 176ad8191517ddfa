"""Raw copies: what replay needs is in them, and they go when they must."""

import os
import stat
import time
from pathlib import Path

import pytest
from toy_client import HEADER, chain, gadget, lines, service

from streamrecon.mrd.files.open_scan import open_scan
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Close,
    ConfigFile,
    Header,
    Message,
    Query,
    Text,
)
from streamrecon.mrd.wire.writer import encode
from streamrecon.server.sessions.raw_copy import RawCopy
from streamrecon.storage.raw_archive import RawFile, prune


def wire(*messages: Message) -> bytes:
    return b"".join(bytes(piece) for message in messages for piece in encode(message))


def test_a_finished_copy_is_the_scan_without_the_conversation(tmp_path: Path) -> None:
    copy = RawCopy(RawFile(tmp_path / "raw", "4f2a", quota_bytes=1e6))

    for message in (ConfigFile("x"), Query("y"), HEADER, Text("z"), lines(3), Close()):
        copy.take(message)
    copy.close()

    (file,) = (tmp_path / "raw").iterdir()
    assert file.name.endswith("-4f2a.mrd")
    assert file.read_bytes() == wire(HEADER, lines(3), Close())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_copy_without_close_is_marked_as_unfinished(tmp_path: Path) -> None:
    copy = RawCopy(RawFile(tmp_path, "4f2a", quota_bytes=1e6))

    copy.take(HEADER)
    copy.take(lines(1))
    copy.close()

    (file,) = tmp_path.iterdir()
    assert file.name.endswith(".mrd.part")
    assert file.read_bytes() == wire(HEADER, lines(1))


def test_a_session_without_header_leaves_no_file(tmp_path: Path) -> None:
    copy = RawCopy(RawFile(tmp_path, "4f2a", quota_bytes=1e6))

    copy.take(ConfigFile("x"))
    copy.take(Close())
    copy.close()

    assert list(tmp_path.iterdir()) == []


def test_a_copy_larger_than_the_quota_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = RawCopy(RawFile(tmp_path, "4f2a", quota_bytes=len(wire(HEADER, lines(1)))))

    for message in (HEADER, lines(1), lines(1), lines(1), Close()):
        copy.take(message)

    (file,) = tmp_path.iterdir()
    assert file.read_bytes() == wire(HEADER, lines(1), lines(1))
    assert "larger than the quota" in caplog.text


def test_a_folder_that_takes_nothing_ends_the_copy_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "raw").write_text("no folder")
    copy = RawCopy(RawFile(tmp_path / "raw", "4f2a", quota_bytes=1e6))

    copy.take(HEADER)
    copy.take(lines(1))

    assert "ends" in caplog.text


def aged(folder: Path, name: str, *, size: int, age_s: float) -> Path:
    path = folder / name
    path.write_bytes(bytes(size))
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


def test_old_copies_go_and_then_the_oldest_beyond_the_quota(tmp_path: Path) -> None:
    aged(tmp_path, "a.mrd", size=10, age_s=500)
    aged(tmp_path, "b.mrd.part", size=10, age_s=40)
    kept = [aged(tmp_path, name, size=10, age_s=20) for name in ("c.mrd", "d.mrd")]
    other = aged(tmp_path, "notes.txt", size=1000, age_s=900)

    prune(tmp_path, quota_bytes=20, max_age_s=100)

    assert sorted(tmp_path.iterdir()) == sorted([*kept, other])


def test_copies_that_are_young_and_fit_stay(tmp_path: Path) -> None:
    kept = [aged(tmp_path, name, size=10, age_s=20) for name in ("c.mrd", "d.mrd")]

    prune(tmp_path, quota_bytes=20, max_age_s=100)

    assert sorted(tmp_path.iterdir()) == kept


def test_a_served_scan_can_be_opened_from_its_copy(tmp_path: Path) -> None:
    with service(raw_folder=str(tmp_path)) as running:
        running.talk(chain(gadget("SumLines")), HEADER, lines(5), lines(2, samples=9), Close())
        (file,) = tmp_path.iterdir()

    scan = list(open_scan(file))

    assert scan[0] == Header(HEADER.xml)
    assert [m.data.shape for m in scan[1:] if isinstance(m, Acquisitions)] == [
        (5, 2, 17),
        (2, 2, 9),
    ]

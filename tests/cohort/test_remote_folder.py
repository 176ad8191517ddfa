"""What lies below a URL is listed, fetched and put as it is, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path, PurePath
from unittest.mock import patch

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from small_cohort import empty_memory

from streamrecon.cohort.places import RemoteFolder
from streamrecon.cohort.places.local_scratch import local_scratch
from streamrecon.cohort.places.url_errors import plain_errors
from streamrecon.cohort.scan_tree import DICOM, NIFTI, RAW, find_scans
from streamrecon.errors import ConfigError, DataError

DICOM_FILE = bytes(128) + b"DICM" + bytes(1000)


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    with empty_memory() as fs:
        yield fs


def test_scans_of_every_kind_are_found_without_folders(memory: fsspec.AbstractFileSystem) -> None:
    pair = [f"sub-2/anat/sub-2_part-{part}_MEGRE.nii.gz" for part in ("phase", "mag")]
    files = {"a/sub-1.h5": b"raw", **dict.fromkeys(pair, b"image"),
             "sub-2/anat/sub-2_part-phase_MEGRE.json": b"{}",
             "sub-3/x/1": DICOM_FILE, "sub-3/x/2.ima": DICOM_FILE, "sub-3/empty": b"",
             "sub-3/notes": b"no image", "derivatives/sub-9.h5": b"raw"}  # fmt: skip
    memory.pipe({f"/t/{name}": content for name, content in files.items()})
    folder = RemoteFolder("memory://t")

    scans = {scan.name: scan for scan in find_scans(folder.listing(folder.states()))}

    assert {name: scan.kind for name, scan in scans.items()} == {
        "sub-1": RAW, "sub-2": NIFTI, "sub-3": DICOM,
    }  # fmt: skip
    assert [str(path) for path in scans["sub-2"].files] == [*pair, pair[0][:-6] + "json"]
    assert [str(path) for path in scans["sub-3"].files] == ["sub-3/x/1", "sub-3/x/2.ima"]


def test_a_copy_has_the_time_of_the_file_and_another_file_has_another(
    memory: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    folder, name = RemoteFolder("memory://t"), PurePath("a/b c.h5")
    memory.pipe_file("/t/a/b c.h5", b"one")
    before = folder.states()[name]
    folder.fetch(name, tmp_path)
    memory.pipe_file("/t/a/b c.h5", b"two")
    memory.store["/t/a/b c.h5"].modified += timedelta(seconds=1)

    copy = (tmp_path / name).stat()
    assert (copy.st_size, copy.st_mtime_ns) == (before.bytes, before.mtime_ns)
    assert folder.states()[name] != before


def test_a_file_that_was_cut_on_its_way_is_refused(
    memory: fsspec.AbstractFileSystem, tmp_path: Path
) -> None:
    memory.pipe_file("/t/a.h5", b"whole")

    def cut(fs: object, path: str, copy: str) -> None:
        Path(copy).write_bytes(b"who")

    with (
        patch.object(MemoryFileSystem, "get_file", cut),
        pytest.raises(DataError, match=r"memory://t/a\.h5: found 3 bytes, needed 5"),
    ):
        RemoteFolder("memory://t").fetch(PurePath("a.h5"), tmp_path)


@pytest.mark.parametrize("name", ["/t/../x.h5", "/t/a/../../x.h5"])
def test_a_name_that_leads_out_of_the_folder_is_refused(
    memory: fsspec.AbstractFileSystem, name: str
) -> None:
    memory.store[name] = fsspec.implementations.memory.MemoryFile(memory, name, b"x")

    with pytest.raises(ConfigError, match="needed a folder with files of plain names"):
        RemoteFolder("memory://t").states()


def test_a_file_system_that_can_rename_never_shows_half_a_file(tmp_path: Path) -> None:
    """That of this machine stands for sftp and others."""
    folder, source = RemoteFolder(f"file://{tmp_path}/far"), tmp_path / "source"
    source.write_bytes(b"new")
    (tmp_path / "far" / "a").mkdir(parents=True)
    (tmp_path / "far" / "a" / "x").write_bytes(b"old")
    original, seen = LocalFileSystem.put_file, []

    def put_file(fs: LocalFileSystem, path: str, final: str) -> None:
        seen.append(Path(final).name)
        original(fs, path, final)
        assert (tmp_path / "far/a/x").read_bytes() == b"old"
        assert list(folder.states()) == [PurePath("a/x")]

    with patch.object(LocalFileSystem, "put_file", put_file):
        folder.put(source, PurePath("a/x"))

    assert seen != ["x"]
    assert [path.name for path in (tmp_path / "far" / "a").iterdir()] == ["x"]
    assert (tmp_path / "far/a/x").read_bytes() == b"new"


def test_half_a_file_that_could_not_be_put_whole_does_not_stay(tmp_path: Path) -> None:
    folder, source = RemoteFolder(f"file://{tmp_path}/far"), tmp_path / "source"
    source.write_bytes(b"new")
    (tmp_path / "far" / "a").mkdir(parents=True)
    (tmp_path / "far" / "a" / "x").write_bytes(b"old")

    def put_file(fs: LocalFileSystem, path: str, final: str) -> None:
        Path(final).write_bytes(b"ne")
        raise OSError("no space there")

    with (
        patch.object(LocalFileSystem, "put_file", put_file),
        pytest.raises(ConfigError, match=r"far/a/x: found an error \(OSError: no space there\)"),
    ):
        folder.put(source, PurePath("a/x"))

    assert [path.name for path in (tmp_path / "far" / "a").iterdir()] == ["x"]
    assert (tmp_path / "far/a/x").read_bytes() == b"old"


def test_permission_is_told_without_the_password() -> None:
    url = "sftp://me:pa%2Fss@host/data"
    with pytest.raises(ConfigError) as found, plain_errors(url, needed="a folder to be listed"):
        raise PermissionError("me:pa/ss may not see sftp://me:pa%2Fss@host/data/x")

    assert str(found.value) == (
        "sftp://***@host/data: permission was refused (PermissionError: *** may not see "
        "sftp://***@host/data/x), needed a folder to be listed, and credentials for it "
        "where its package looks for them"
    )
    assert found.value.__suppress_context__  # engines print causes in their logs


def test_scratch_of_a_process_that_was_killed_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamrecon.cohort.places.local_scratch.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr("streamrecon.cohort.places.local_scratch._YOUNG_S", -1.0)
    dead = tmp_path / "streamrecon-batch-dead"
    (dead / "sub-01").mkdir(parents=True)

    with local_scratch() as held, local_scratch() as other:
        assert held.is_dir()
        assert other.is_dir()
        assert not dead.exists()

    assert not held.exists()

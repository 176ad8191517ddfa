"""A cohort that lies at URLs gives what it gives by path, and says what is wrong with a URL."""

from __future__ import annotations

import base64
import json
import sys
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePath
from threading import Thread
from unittest.mock import patch

import fsspec
import pytest
import small_cohort
from small_cohort import alike, empty_memory, one_worker, results, words

from streamrecon.cli import main
from streamrecon.cohort.places import RemoteFolder

raw, done = small_cohort.raw, small_cohort.done

TREE, OUTPUT = "memory://raw/cohort", "memory://made/derivatives"
SECRET = "t0p-Secret"
NO_S3 = {"s3fs": None}


class Asking(SimpleHTTPRequestHandler):
    """Gives files to those who know the password."""

    def do_GET(self) -> None:
        if self._is_known():
            super().do_GET()

    def do_HEAD(self) -> None:
        if self._is_known():
            super().do_HEAD()

    def _is_known(self) -> bool:
        needed = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()
        if self.headers.get("Authorization") == needed:
            return True
        self.send_error(401)
        return False

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def memory(raw: Path) -> Iterator[fsspec.AbstractFileSystem]:
    """A store without folders that holds the tree."""
    with empty_memory() as fs:
        for path in raw.iterdir():
            fs.pipe_file(f"/raw/cohort/{path.name}", path.read_bytes())
        yield fs


@pytest.fixture
def server(raw: Path) -> Iterator[str]:
    """Host and port of a web server with the tree."""
    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(Asking, directory=str(raw)))
    Thread(target=web.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{web.server_port}"
    web.shutdown()
    web.server_close()


FETCH = RemoteFolder.fetch


def fetch_no_scan(folder: RemoteFolder, name: PurePath, here: Path) -> None:
    """As a process that must not fetch scans; records it may."""
    assert name.suffix != ".h5"
    FETCH(folder, name, here)


def copied(fs: fsspec.AbstractFileSystem, folder: Path) -> Path:
    """All that was made, as files."""
    for name in fs.find("/made/derivatives"):
        path = folder / PurePath(name).relative_to("/made/derivatives")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(fs.cat_file(name))
    return folder


def texts(output: Path) -> dict[str, str]:
    """Sidecars and what describes the data set; its name is that of the tree."""
    paths = [*output.glob("sub-*/**/*.json"), *output.glob("*.tsv"), output / "README"]
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


def names(output: Path) -> set[str]:
    return {p.relative_to(output).as_posix() for p in output.rglob("*") if p.is_file()}


def test_the_same_to_the_bit_as_by_path(
    memory: fsspec.AbstractFileSystem,
    done: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(words(TREE, OUTPUT)) == 0

    made = copied(memory, tmp_path)
    assert alike(results(made), results(done))
    assert texts(made) == texts(done)
    assert names(made) == names(done) - {"code/streamrecon/lock"}
    table = (made / "code/streamrecon/overview.tsv").read_text(encoding="utf-8")
    assert [line.split("\t")[:2] for line in table.splitlines()[1:]] == [
        ["sub-01", "done"], ["sub-02", "done"],
    ]  # fmt: skip
    page = (made / "code/streamrecon/overview.html").read_text(encoding="utf-8")
    assert 'src="thumbnails/sub-02.png"' in page
    assert capsys.readouterr().out.endswith(f"{OUTPUT}/code/streamrecon/overview.html\n")


@pytest.mark.slow
def test_what_is_done_is_known_again_by_time_or_checksum(
    memory: fsspec.AbstractFileSystem, done: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main(words(TREE, OUTPUT)) == 0
    with patch.object(RemoteFolder, "fetch", fetch_no_scan):
        assert main(words(TREE, OUTPUT)) == 0
    for name in memory.find("/raw/cohort"):
        memory.pipe_file(name, memory.cat_file(name))  # as new, with another time
    assert main(words(TREE, OUTPUT)) == 0
    memory.rm_file("/made/derivatives/sub-01/anat/sub-01_echo-1_part-mag_MEGRE.nii.gz")
    assert main(words(TREE, OUTPUT)) == 0

    ends = [line for line in capsys.readouterr().err.splitlines() if " scans: " in line]
    assert [end.split(",")[:2] for end in ends] == [
        ["2 scans: 2 done now", " 0 before"],
        ["2 scans: 0 done now", " 2 before"],
        ["2 scans: 0 done now", " 2 before"],
        ["2 scans: 1 done now", " 1 before"],
    ]
    assert alike(results(copied(memory, tmp_path)), results(done))


@pytest.mark.slow
def test_results_that_were_put_in_half_are_not_taken_for_done(
    memory: fsspec.AbstractFileSystem, done: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    original, images = RemoteFolder.put, 0

    def put(folder: RemoteFolder, path: Path, name: PurePath) -> None:
        nonlocal images
        images += name.parts[0] == "sub-01"
        if images == 3:
            raise ConnectionResetError("the line is down")
        original(folder, path, name)

    with patch.object(RemoteFolder, "put", put):
        assert main(words(TREE, OUTPUT, "--only", "sub-01")) == 1
    half = list(memory.find("/made/derivatives/sub-01"))
    assert 0 < len(half) < 8
    assert all(name.endswith(".nii.gz") for name in half)  # what describes them comes last
    record = json.loads(memory.cat_file("/made/derivatives/code/streamrecon/records/sub-01.json"))
    assert record["state"] == "begun"

    assert main(words(TREE, OUTPUT)) == 0

    assert "2 done now, 0 before" in capsys.readouterr().err
    assert alike(results(copied(memory, tmp_path)), results(done))


@pytest.mark.long
def test_a_worker_of_dask_fetches_for_itself_and_no_password_is_kept(
    server: str, done: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The process that hands out the scans lists them, and does not read one."""
    with (
        one_worker(processes=True) as cluster,
        patch.object(RemoteFolder, "fetch", fetch_no_scan),
    ):
        more = "--scheduler", cluster.scheduler_address
        assert main(words(f"http://me:{SECRET}@{server}/", tmp_path, *more)) == 0

    assert alike(results(tmp_path), results(done))
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in content for content in kept)
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.slow
def test_workers_put_results_where_the_url_says(
    memory: fsspec.AbstractFileSystem, done: Path, tmp_path: Path
) -> None:
    """In one process, since `memory://` is."""
    with one_worker(processes=False) as cluster:
        assert main(words(TREE, OUTPUT, "--scheduler", cluster.scheduler_address)) == 0

    assert alike(results(copied(memory, tmp_path)), results(done))


@pytest.mark.slow
def test_an_archive_in_a_store_is_read_as_a_tree(
    memory: fsspec.AbstractFileSystem, raw: Path, done: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "cohort.zip", "w") as archive:
        archive.write(raw / "sub-02.h5", "a/sub-02.h5")
    memory.pipe_file("/raw/cohort.zip", (tmp_path / "cohort.zip").read_bytes())
    output = tmp_path / "out"

    assert main(words("zip://::memory://raw/cohort.zip", output)) == 0

    expected = {name: each for name, each in results(done).items() if name.startswith("sub-02")}
    assert alike(results(output), expected)


@pytest.mark.slow
def test_a_file_url_is_a_path(raw: Path, done: Path, tmp_path: Path) -> None:
    assert main(words(f"file://{raw}", f"file://{tmp_path}")) == 0

    assert alike(results(tmp_path), results(done))


@pytest.mark.parametrize(
    ("tree", "output", "missing", "told"),
    [
        ("nosuch://x/raw", "out", {}, "nosuch://x/raw: found a protocol that fsspec does not know"),
        ("s3://b/raw", "out", NO_S3, "s3://b/raw: found no package s3fs, needed for this protocol"),
        ("s3://b/raw", "out", NO_S3, ": pip install s3fs"),
        ("s3://k:x@b/raw", "out", {"fsspec.core": None}, "s3://***@b/raw: found no package fsspec"),
        ("memory://nowhere", "out", {}, "memory://nowhere: found 0 files, none of them a scan"),
        (TREE, f"http://me:{SECRET}@h/x", {}, "--output http://***@h/x: found a place"),
        (TREE, "simplecache::memory://x", {}, "found a place that is only read"),
        (TREE, f"s3://k:{SECRET}@b/x", NO_S3, "s3://***@b/x: found no package s3fs"),
        (f"http://me:{SECRET}@127.0.0.1:1/", "out", {}, "http://***@127.0.0.1:1/: found an error"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_url_is_told_before_any_work(
    memory: fsspec.AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tree: str, output: str, missing: dict[str, None], told: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)

    with patch.dict(sys.modules, missing):
        assert main(words(tree, output)) == 2

    message = capsys.readouterr().err
    assert told in message
    assert SECRET not in message
    assert message.count("\n") <= 2
    assert names(tmp_path) == set()


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("code/streamrecon/records/sub-01.json", "sub-01: refused: {}: is no record of a scan"),
        ("dataset_description.json", "--output: found a {} that cannot be read; needed a data set"),
    ],
)
def test_what_is_wrong_with_a_file_of_the_data_set_is_told_by_its_name_there(
    memory: fsspec.AbstractFileSystem, capsys: pytest.CaptureFixture[str], file: str, told: str
) -> None:
    memory.pipe_file(f"/made/derivatives/{file}", b"cut")

    assert main(words(TREE, OUTPUT, "--only", "sub-01")) != 0

    message = capsys.readouterr().err
    assert told.format(file) in message
    assert "streamrecon-batch-" not in message


def test_labels_at_a_url_are_refused(
    memory: fsspec.AbstractFileSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(TREE, tmp_path / "out", "--labels", f"s3://k:{SECRET}@b/labels")) == 2

    assert "--labels s3://***@b/labels: found a URL, needed a folder" in capsys.readouterr().err


def test_a_password_that_is_refused_is_not_repeated(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(f"http://me:wr0ng-Secret@{server}/", tmp_path / "out")) == 2

    message = capsys.readouterr().err
    assert f"http://***@{server}/: permission was refused" in message
    assert "wr0ng" not in message


def test_a_file_that_vanished_costs_its_scan(
    memory: fsspec.AbstractFileSystem, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = RemoteFolder.states

    def states(folder: RemoteFolder, below: str = "") -> object:
        found = original(folder, below)
        if memory.exists("/raw/cohort/sub-01.h5"):
            memory.rm_file("/raw/cohort/sub-01.h5")
        return found

    with patch.object(RemoteFolder, "states", states):
        assert main(words(TREE, tmp_path / "out")) == 1

    message = capsys.readouterr().err
    assert f"sub-01: refused: {TREE}/sub-01.h5: found no such file or folder" in message
    assert "1 done now, 0 before, 0 failed, 1 refused" in message


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (f"http://me:{SECRET}@host:80/", "host:80"),
        ("s3://bucket/a/raw.v2/", "raw.v2"),
        ("s3://bucket", "bucket"),
        (f"zip://::https://host/c.zip?key={SECRET}/x", "c"),
        ("memory://", "memory"),
    ],
)
def test_a_data_set_is_named_after_the_path_alone(url: str, name: str) -> None:
    assert RemoteFolder(url).name == name
    assert SECRET not in f"{RemoteFolder(url)} {RemoteFolder(url)!r}"

"""Files that are whole or not there, and private whatever the umask."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamrecon.storage.atomic_file import create_private, whole, whole_private
from streamrecon.storage.durable_files import write_folder


@pytest.fixture(params=[0o000, 0o022, 0o277], ids=["open", "usual", "closed"])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_that_was_not_finished_leaves_the_old_one_and_no_scraps(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    with pytest.raises(ZeroDivisionError), whole(path) as scratch:
        scratch.write_text("half")
        raise ZeroDivisionError

    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.usefixtures("umask")
def test_a_private_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    with whole_private(tmp_path / "a") as file:
        file.write(b"noise")
    create_private(tmp_path / "b").close()

    assert (tmp_path / "a").read_bytes() == b"noise"
    assert mode(tmp_path / "a") == mode(tmp_path / "b") == 0o600


def test_the_files_of_a_folder_written_whole_are_private(tmp_path: Path) -> None:
    write_folder(tmp_path / "batch", {"1.dcm": b"x"}, scratch=tmp_path / "scratch")

    assert mode(tmp_path / "batch") == 0o700
    assert mode(tmp_path / "batch" / "1.dcm") == 0o600


def test_a_scrap_of_a_killed_process_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / f".unfinished-{os.getpid()}-a").write_text("scrap")

    with whole_private(tmp_path / "a") as file:
        file.write(b"new")

    assert (tmp_path / "a").read_bytes() == b"new"

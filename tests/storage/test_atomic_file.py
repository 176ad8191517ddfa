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
    with whole(tmp_path / "a") as scrap:
        scrap.write_text("first")
    scrap.write_text("scrap")

    with whole_private(tmp_path / "a") as file:
        file.write(b"new")

    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["x" * 255, "x" * 248 + ".nii.gz", "脑" * 85])
def test_a_name_as_long_as_the_file_system_takes_is_written(tmp_path: Path, name: str) -> None:
    with whole(tmp_path / name) as scratch:
        scratch.write_text("whole")

    assert scratch.name[-7:] == name[-7:]  # some writers choose the format by it
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_two_files_that_are_written_at_once_have_scratch_names_of_their_own(tmp_path: Path) -> None:
    one, two = tmp_path / ("a" * 99 + "_echo-1_part-mag_MEGRE.nii.gz"), tmp_path / "b.nii.gz"

    with whole(one) as first, whole(two) as second, whole(tmp_path / ("b" + one.name)) as third:
        for n, scratch in enumerate((first, second, third)):
            scratch.write_text(str(n))

    assert [one.read_text(), two.read_text()] == ["0", "1"]

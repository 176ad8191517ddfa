"""HDF5 files of strangers: every one is read as it is, or refused in one sentence with its name."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hdf5_trials import run_trials
from mrd_headers import header_of
from numpy.typing import DTypeLike
from wire_samples import META, image, lines, waveform

from streamrecon.errors import ProtocolError
from streamrecon.mrd.files import hdf5_process, hdf5_reader
from streamrecon.mrd.files.hdf5_writer import LINE, FileWriter
from streamrecon.mrd.files.open_scan import lines_of, open_scan
from streamrecon.mrd.wire.messages import Acquisitions, Header, Message, Waveform

Change = Callable[[h5py.File], None]


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A small scan with all that a file can hold."""
    path = tmp_path / "scan.h5"
    with FileWriter(path) as file:
        file.write(Header(header_of()))
        for each in (lines(1, 3, 9), lines(5, 2, 7, 2, seed=1), waveform(), image(7, meta=META)):
            file.write(each)
    return path


def joined(messages: list[Message]) -> tuple[bytes, bytes, list[bytes]]:
    runs = [message for message in messages if isinstance(message, Acquisitions)]
    waves = [message.data.tobytes() for message in messages if isinstance(message, Waveform)]
    headers = b"".join(run.header.tobytes() for run in runs)
    return headers, b"".join(run.data.tobytes() for run in runs), waves


def refusal(path: Path) -> str:
    """The one sentence; the same whatever is asked of the file."""
    with pytest.raises(ProtocolError) as refused:
        list(open_scan(path))
    said = str(refused.value)
    assert said.startswith(f"{path.name}: ")
    assert "\n" not in said
    return said


def test_the_helper_gives_what_the_reader_gives(scan: Path) -> None:
    here, there = list(hdf5_reader.read_scan(scan)), list(hdf5_process.read_scan(scan))

    assert there[0] == here[0]
    assert joined(there) == joined(here)
    assert lines_of(scan) == 6


def test_the_helper_gives_the_images_of_the_reader(scan: Path) -> None:
    (here,), (there,) = hdf5_reader.read_images(scan), hdf5_process.read_images(scan)

    assert np.array_equal(there.data, here.data)
    assert (there.data.dtype, there.meta) == (here.data.dtype, META)
    assert there.header["position"].tolist() == here.header["position"].tolist()


def test_a_reader_that_has_seen_enough_leaves_no_process(scan: Path) -> None:
    before = children()

    messages = hdf5_process.read_scan(scan)
    next(messages)
    during = children()
    messages.close()

    assert len(during) == len(before) + 1
    assert children() == before


def children() -> set[str]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return set(listed.split())


def test_a_module_beside_the_scan_is_not_run(
    scan: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (scan.parent / "h5py.py").write_text("import os; os.write(2, b'taken'); raise SystemExit(9)")
    monkeypatch.chdir(scan.parent)

    assert lines_of(scan) == 6
    assert "taken" not in capfd.readouterr().err


def linked(target: object) -> Change:
    def change(file: h5py.File) -> None:
        del file["dataset/data"]
        file["dataset/data"] = target

    return change


def replaced(name: str, **how: object) -> Change:
    def change(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, **how)

    return change


def _external(file: h5py.File) -> None:
    del file["dataset/xml"]
    outside = [(str(Path(file.filename).with_name("secret")), 0, 100)]
    file.create_dataset("dataset/xml", (1,), dtype="S100", external=outside)


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3,), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "data", (3,))
    del file["dataset/data"]
    file.create_virtual_dataset("dataset/data", layout)


def _plugin(file: h5py.File) -> None:
    """A filter that nobody has, as an optional one: written without it, read through it."""
    del file["dataset/data"]
    made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    made.set_chunk((4,))
    made.set_filter(305, h5py.h5z.FLAG_OPTIONAL, (1, 2))
    space = h5py.h5s.create_simple((4,))
    h5py.h5d.create(file["dataset"].id, b"data", h5py.h5t.NATIVE_FLOAT, space, made)


def _group_for_data(file: h5py.File) -> None:
    del file["dataset/data"]
    file.create_group("dataset/data")


_FLOATS = h5py.vlen_dtype(np.float32)
_TEXTS = np.dtype([("head", "S340"), ("traj", _FLOATS), ("data", _FLOATS)])
_NO_VECTORS = np.dtype([("head", LINE["head"]), ("traj", "f4"), ("data", "f4")])

STRANGE: dict[str, tuple[Change, str]] = {
    "external link": (linked(h5py.ExternalLink("other.h5", "/data")), "found a link to elsewhere"),
    "soft link": (linked(h5py.SoftLink("/dataset/xml")), "found a link to elsewhere"),
    "dangling": (linked(h5py.SoftLink("/nothing")), "found a link to elsewhere"),
    "external data": (_external, "found data in other files"),
    "virtual": (_virtual, "found data in other files"),
    "plug-in": (_plugin, "found HDF5 filter 305"),
    "claims": (replaced("dataset/data", shape=(10**12,), dtype=LINE, chunks=(64,)), "claims"),
    "claims with gzip": (
        replaced("dataset/data", shape=(10**12,), dtype=LINE, chunks=(64,), compression="gzip"),
        "claims",
    ),
    "group for data": (_group_for_data, "found no data, needed a data set"),
    "no table": (replaced("dataset/data", data=np.zeros((3, 4))), "found the fields ()"),
    "texts as headers": (replaced("dataset/data", shape=(1,), dtype=_TEXTS), "the headers lack"),
    "no vectors": (replaced("dataset/data", shape=(1,), dtype=_NO_VECTORS), "found data as None"),
    "numbers as header": (replaced("dataset/xml", data=np.zeros(3)), "needed texts"),
    "no header": (replaced("dataset/xml", data=h5py.Empty("S5")), "found no data"),
    "header of 0": (replaced("dataset/xml", shape=(0,), dtype="S5"), "found an empty header"),
    "waveforms": (replaced("dataset/waveforms", data=np.zeros(3)), "found the fields ()"),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_what_mrd_files_do_not_have_is_refused_in_a_sentence(scan: Path, kind: str) -> None:
    change, told = STRANGE[kind]
    (scan.parent / "secret").write_text("x" * 100)
    with h5py.File(scan.with_name("other.h5"), "w") as other:
        other["data"] = np.zeros(3, "f4")
    with h5py.File(scan, "a") as file:
        change(file)

    assert told in refusal(scan)


def test_an_external_group_is_no_scan(scan: Path) -> None:
    shutil.move(scan, scan.with_name("other.h5"))
    with h5py.File(scan, "w") as file:
        file["dataset"] = h5py.ExternalLink("other.h5", "/dataset")

    assert "found the groups []" in refusal(scan)


@pytest.mark.parametrize("kind", [np.int64, np.uint64, np.bool_, ">i4", ">f4", np.float16])
def test_pixels_of_other_writers_keep_their_values(tmp_path: Path, kind: DTypeLike) -> None:
    path, picture = tmp_path / "images.h5", image(5, (1, 1, 3, 5))
    values = np.arange(15).reshape(1, 1, 3, 5) % (2 if kind is np.bool_ else 99)
    with FileWriter(path) as file:
        file.write(picture)
    name = f"dataset/image_{picture.header['image_series_index']}/data"
    with h5py.File(path, "a") as file:
        replaced(name, data=values[None].astype(kind))(file)

    (found,) = hdf5_process.read_images(path)

    assert np.array_equal(found.data, values)


def test_a_helper_that_is_killed_is_a_damaged_file(
    scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        hdf5_process, "_PYTHON", [sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"]
    )

    assert refusal(scan) == "scan.h5: damaged: the HDF5 library ended by SIGSEGV"


def test_a_helper_that_says_nothing_is_given_up(
    scan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeps = [sys.executable, "-S", "-c", "import time; time.sleep(30)"]
    monkeypatch.setattr(hdf5_process, "_PYTHON", sleeps)
    monkeypatch.setattr(hdf5_process, "SILENCE_S", 0.05)

    assert refusal(scan) == "scan.h5: nothing came from it for 0.05 s"


def test_a_library_lost_in_circles_is_ended_by_the_system(scan: Path) -> None:
    code = "from streamrecon.mrd.files import hdf5_child as h; h.CPU_S = 1\n"
    code += "def circles(*_):\n while True: pass\n yield\n"
    code += "h._ANSWERS['scan'] = circles; h.main(['scan', '/dev/null', ''])"

    ended = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)

    assert ended.returncode == -signal.SIGXCPU


@pytest.mark.shared
@pytest.mark.parametrize("name", ["segfault_replay.h5", "traceback_replay.h5"])
def test_the_files_that_once_ended_the_program_are_refused(shared_data: Path, name: str) -> None:
    assert refusal(shared_data.parent / "cases" / "wire" / name)


def test_no_mutated_file_gives_a_traceback_or_takes_long(scan: Path) -> None:
    """Only the library's own crash may end a child, which the test above turns into words."""
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")

    found = run_trials(scan, trials=40, seed=seed)

    assert not found.faults, found.faults
    assert found.read + found.refused + found.crashed == 40
    assert found.refused > 0

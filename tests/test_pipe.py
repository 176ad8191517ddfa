"""`streamrecon pipe` as jobs use it, and `convert`: named pipes, configs in the stream, MRD 2."""

from __future__ import annotations

import gzip
import io
import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from narrowing import all_of, as_a
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.write import write_scan, write_scan_stream

from streamrecon.cli import main
from streamrecon.errors import TruncatedStream
from streamrecon.mrd.files.open_scan import open_scan
from streamrecon.mrd.files.plain_stream import read_messages, read_stream, write_stream
from streamrecon.mrd.version2 import read_mrd2
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Close,
    ConfigFile,
    ConfigText,
    Header,
    Image,
    Message,
    Text,
)

SCAN = list(simulate(SCENES["tiny"]).messages())
Run = Callable[..., bytes]


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scans") / "tiny.mrd"
    write_scan_stream(simulate(SCENES["tiny"]), path)
    return path


@pytest.fixture(scope="module")
def piped(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What a job writes that is given these bytes and options, if it ends with that status."""

    def run(data: bytes, *words: str, status: int = 0) -> bytes:
        folder = tmp_path_factory.mktemp("job")
        source, target = folder / "in", folder / "out"
        source.write_bytes(data)
        assert main(["pipe", *words, "-i", str(source), "-o", str(target)]) == status
        return target.read_bytes()

    return run


@pytest.fixture(scope="module")
def plain(stream: Path, piped: Run) -> list[Image]:
    """The images of the plain run."""
    _, *images, _ = read_stream(io.BytesIO(piped(stream.read_bytes(), "--config", "gre_recon")))
    return all_of(Image, images)


def assert_same(found: list[Message], expected: list[Image]) -> None:
    for one, other in zip(all_of(Image, found), expected, strict=True):
        assert one.data.tobytes() == other.data.tobytes()
        assert one.header.tobytes()[:190] == other.header.tobytes()[:190]
        assert one.meta == other.meta


def bytes_of(*messages: Message) -> bytes:
    out = io.BytesIO()
    write_stream(messages, out)
    return out.getvalue()


@contextmanager
def other_ends(source: Path, target: Path, scan: Path) -> Iterator[list[bytes]]:
    """Writes a file into one named pipe and reads the other; what came is there on leaving."""
    os.mkfifo(source)
    os.mkfifo(target)
    came: list[bytes] = []
    threads = [
        Thread(target=lambda: source.write_bytes(scan.read_bytes())),
        Thread(target=lambda: came.append(target.read_bytes())),
    ]
    for thread in threads:
        thread.start()
    yield came
    for thread in threads:
        thread.join(60)


def test_a_job_between_two_named_pipes_gives_the_images_of_the_plain_run(
    tmp_path: Path, stream: Path, plain: list[Image]
) -> None:
    source, target = tmp_path / "in", tmp_path / "out"

    with other_ends(source, target, stream) as came:
        status = main(["pipe", "--config", "gre_recon", "-i", str(source), "-o", str(target)])

    _, *found, close = read_stream(io.BytesIO(came[0]))
    assert status == 0
    assert isinstance(close, Close)
    assert_same(found, plain)


def test_whoever_waits_for_a_job_that_fails_at_once_hears_of_it(tmp_path: Path) -> None:
    source, target, other = tmp_path / "in", tmp_path / "out", tmp_path / "scan.nii"
    other.write_bytes(b"\x5c\1\0\0" + bytes(340) + b"n+1\0")

    with other_ends(source, target, other) as came:
        status = main(["pipe", "--config", "gre_recon", "-i", str(source), "-o", str(target)])

    (refusal,) = read_messages(io.BytesIO(came[0]))
    assert status == 1
    assert "found a NIfTI file" in as_a(Text, refusal).text


CONFIGS: dict[str, Message] = {
    "by name": ConfigFile("gre_recon.xml"),
    "in full": ConfigText(
        (Path(__file__).parents[1] / "config" / "gre_recon.xml").read_text(encoding="utf-8")
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_that_stands_in_the_stream_is_taken(
    name: str, piped: Run, plain: list[Image]
) -> None:
    _, *found, _ = read_stream(io.BytesIO(piped(bytes_of(CONFIGS[name], *SCAN, Close()))))

    assert_same(found, plain)


def test_a_config_in_the_stream_is_no_path_of_this_machine(piped: Run) -> None:
    (refusal,) = read_messages(
        io.BytesIO(piped(bytes_of(ConfigFile("/etc/passwd"), *SCAN, Close()), status=2))
    )

    assert refusal == Text(
        "ERR [config] config name: found '/etc/passwd', needed a plain file name"
    )


def test_a_stream_without_a_config_needs_one_named(piped: Run, stream: Path) -> None:
    (refusal,) = read_messages(io.BytesIO(piped(stream.read_bytes(), status=2)))

    assert "needed --config, or a config in the stream" in as_a(Text, refusal).text


def test_an_error_is_a_text_in_the_stream_and_an_exit_status(piped: Run, stream: Path) -> None:
    cut = stream.read_bytes()[:-7]

    header, *_, refusal = read_messages(io.BytesIO(piped(cut, "--config", "gre_recon", status=1)))

    assert isinstance(header, Header)
    assert as_a(Text, refusal).text.startswith("ERR [truncated] message ACQUISITION")


@pytest.fixture(scope="module")
def stream2(stream: Path) -> Path:
    """The scan as MRD 2."""
    path = stream.with_name("tiny.mrd2")
    assert main(["convert", str(stream), str(path)]) == 0
    return path


def test_the_images_of_version_2_are_those_of_version_1(
    piped: Run, stream2: Path, plain: list[Image]
) -> None:
    data = piped(stream2.read_bytes(), "--config", "gre_recon", "--mrd2")

    _, *found = read_mrd2(io.BytesIO(data))

    assert_same(found, plain)


def test_a_failed_stream_of_version_2_lacks_its_end(piped: Run, stream2: Path) -> None:
    data = piped(stream2.read_bytes()[:-9], "--config", "gre_recon", "--mrd2", status=1)

    with pytest.raises(Exception, match="MRD 2: the stream ended before its end"):
        list(read_mrd2(io.BytesIO(data)))


def test_a_stream_of_version_2_without_the_option_is_told_of_it(piped: Run, stream2: Path) -> None:
    (refusal,) = read_messages(
        io.BytesIO(piped(stream2.read_bytes(), "--config", "gre_recon", status=1))
    )

    assert as_a(Text, refusal).text.endswith("needed a plain MRD stream, header first: give --mrd2")


def test_a_stream_of_version_1_with_the_option_is_told_of_it(
    piped: Run, stream: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = piped(stream.read_bytes(), "--config", "gre_recon", "--mrd2", status=1)

    assert capsys.readouterr().err.endswith(
        "found a stream of MRD 1, needed one of MRD 2: leave out --mrd2\n"
    )
    with pytest.raises(TruncatedStream):
        list(read_mrd2(io.BytesIO(data)))


OTHERS = {
    "a DICOM file": bytes(128) + b"DICM\2\0\0\0UL\4\0",
    "a NIfTI file": b"\x5c\1\0\0" + bytes(340) + b"n+1\0",
    "a compressed NIfTI file": gzip.compress(b"\x5c\1\0\0" + bytes(340) + b"n+1\0"),
    "a Git LFS pointer, not the data": b"version https://git-lfs.github.com/spec/v1\n",
    "Siemens raw data (.dat)": struct.pack("<IIIIQQ", 0, 2, 42, 7, 10_240, 99) + bytes(400),
    "an HDF5 file, as MRD is": b"\x89HDF\r\n\x1a\n" + bytes(88),
    "a ZIP archive": b"PK\3\4" + bytes(40),
}


@pytest.mark.parametrize("options", [[], ["--mrd2"]], ids=["MRD 1", "MRD 2"])
@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_stream_is_called_by_its_kind(
    kind: str, options: list[str], piped: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    piped(OTHERS[kind], "--config", "gre_recon", *options, status=1)

    assert f"found {kind}, needed a " in capsys.readouterr().err


def lines_of(path: Path) -> tuple[np.ndarray, bytes]:
    runs = [m for m in open_scan(path) if isinstance(m, Acquisitions)]
    return np.concatenate([run.header for run in runs]), b"".join(r.data.tobytes() for r in runs)


def test_converting_there_and_back_keeps_every_line(tmp_path: Path, stream2: Path) -> None:
    hdf5, back, again = tmp_path / "tiny.h5", tmp_path / "back.mrd", tmp_path / "again.h5"
    write_scan(simulate(SCENES["tiny"]), hdf5)

    assert main(["convert", str(stream2), str(back)]) == 0
    assert main(["convert", str(stream2), str(again)]) == 0

    header, data = lines_of(hdf5)
    for path in (stream2, back, again):
        found, samples = lines_of(path)
        assert samples == data
        for name in ("flags", "idx", "position", "center_sample", "acquisition_time_stamp"):
            np.testing.assert_array_equal(found[name], header[name])


def test_a_form_that_the_name_does_not_tell_is_asked_for(
    tmp_path: Path, stream: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(stream), str(tmp_path / "scan.dat")]) == 2
    assert "needed one of .h5, .hdf5, .mrd, .mrd2, or --to" in capsys.readouterr().err


def arguments_in(job: str) -> list[str]:
    """The list below ``args:`` of a job's file."""
    text = (Path(__file__).parents[1] / "examples" / "jobs" / job).read_text(encoding="utf-8")
    below = text.partition("args:\n")[2].splitlines()
    items = [line.strip() for line in below]
    last = next(n for n, item in enumerate(items) if not item.startswith("- "))
    return [item.removeprefix("- ") for item in items[:last]]


@pytest.mark.parametrize("job", ["tyger.yml", "kubernetes.yml"])
def test_the_arguments_of_a_sample_job_run(job: str, stream: Path, tmp_path: Path) -> None:
    words = arguments_in(job)
    ends = words.index("-i") + 1, words.index("-o") + 1
    words[ends[0]], words[ends[1]] = str(stream), str(tmp_path / "images.mrd")

    status = main(words)

    *_, close = read_stream(io.BytesIO((tmp_path / "images.mrd").read_bytes()))
    assert status == 0
    assert isinstance(close, Close)

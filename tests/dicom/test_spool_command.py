"""`streamrecon spool`, and the service that delivers what its scans spool."""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from archive import Archive, free_port, listening
from narrowing import given
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.write import write_scan
from test_spool import images_of

from streamrecon.cli import main
from streamrecon.dicom.delivery.destinations import read_destinations
from streamrecon.dicom.delivery.sending.sender_threads import Sender
from streamrecon.dicom.delivery.spool import Spool

pytestmark = [
    # pynetdicom 3.0.4 leaves the socket of a refused connection to the garbage collector
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket"),
]


@pytest.fixture(autouse=True)
def _collect() -> Iterator[None]:
    """Have such sockets collected here, where the warning is expected."""
    yield
    gc.collect()


CHAIN = (
    "<configuration><version>2</version><stream>"
    + "".join(
        f"<gadget><name>{name}</name></gadget>"
        for name in ("WhitenNoise", "AssembleKSpace", "CombineCoils", "EchoImages", "SpoolDicom")
    )
    + "</stream></configuration>"
)
_LIMIT_S = 120.0


def name_archive(storage: Path, port: int, **more: str) -> None:
    """Settings of one destination on loopback."""
    lines = [f"{name} = {value}" for name, value in more.items()]
    storage.mkdir(exist_ok=True)
    (storage / "destinations.toml").write_text(
        f'[[destination]]\nname = "archive"\nhost = "127.0.0.1"\nport = {port}\ncalled = "ARC"\n'
        "longest_pause_s = 0.3\n" + "\n".join(lines)
    )


def command(storage: Path, *words: str) -> int:
    """Run `streamrecon spool` on the spool of a storage."""
    places = ("--spool", storage / "spool", "--destinations", storage / "destinations.toml")
    return main(["spool", words[0], *map(str, places), *words[1:]])


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """A storage whose spool holds a series of three images for an archive that is away."""
    name_archive(tmp_path, free_port())
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(), ["archive"])
    return tmp_path


def test_the_list_tells_what_is_where(storage: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(storage, "list") == 0

    number, output, destination, count, state = capsys.readouterr().out.split()
    assert (destination, count, state) == ("archive", "3", "waiting")
    assert int(number) > 0
    assert output


def test_what_waits_is_moved_to_failed_and_back(
    storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = command(storage, "fail", "--series", "1")
    failed = command(storage, "fail", "--destination", "archive")
    command(storage, "list")
    back = command(storage, "retry")

    assert (other, failed, back) == (0, 0, 0)
    told = capsys.readouterr().out.splitlines()
    assert told[:2] == ["0 images moved to failed", "3 images moved to failed"]
    assert " failed " in told[2]
    assert told[3] == "3 images to be tried again"


def test_readiness_is_told_and_is_the_exit_status(
    storage: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    away = command(storage, "echo")
    with listening(Archive()) as port:
        name_archive(storage, port)
        there = command(storage, "echo")

    assert (away, there) == (1, 0)
    told = capsys.readouterr().out.splitlines()
    assert re.match("archive: connection refused", told[0])
    assert told[1] == "archive: ready"


def test_a_spool_that_is_not_there_is_said(tmp_path: Path) -> None:
    name_archive(tmp_path, free_port())

    assert command(tmp_path, "list") == 2


def test_a_second_sender_is_refused(storage: Path) -> None:
    with Sender(storage / "spool", read_destinations(storage / "destinations.toml")):
        assert command(storage, "send") == 2


def test_images_leave_while_stdin_is_open(storage: Path) -> None:
    archive = Archive()
    with listening(archive) as port:
        name_archive(storage, port)
        words = ["spool", "send", "--while-stdin", "--spool", str(storage / "spool")]
        words += ["--destinations", str(storage / "destinations.toml")]
        with subprocess.Popen(
            [sys.executable, "-m", "streamrecon", *words], stdin=subprocess.PIPE
        ) as sender:
            arrived = archive.wait_for(3, _LIMIT_S)
            given(sender.stdin).close()
            code = sender.wait(_LIMIT_S)

    assert arrived
    assert code == 0


@contextmanager
def service(storage: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `streamrecon serve` and its address; ended by SIGTERM if it still runs."""
    words = ["serve", "--port", "0", "--warm-workers", "1", "--storage", str(storage)]
    with subprocess.Popen(
        [sys.executable, "-m", "streamrecon", *words], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            found = re.search(r"127\.0\.0\.1:\d+", given(process.stdout).readline())
            yield process, given(found)[0]
        finally:
            process.terminate()
            process.wait(_LIMIT_S)


def send(scan: Path, address: str, folder: Path) -> int:
    chain = folder / "chain.xml"
    chain.write_text(CHAIN)
    return main(
        ["send", str(scan), "--to", address, "--config", str(chain), "-o", str(folder / "out")]
    )


@pytest.mark.long
def test_a_service_that_is_killed_and_started_again_delivers_what_its_scan_made(
    tmp_path: Path,
) -> None:
    archive, port, storage = Archive(), free_port(), tmp_path / "storage"
    name_archive(storage, port)
    write_scan(simulate(SCENES["tiny"]), tmp_path / "tiny.h5")

    with service(storage) as (process, address):
        sent = send(tmp_path / "tiny.h5", address, tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait(_LIMIT_S)
    with Spool(storage / "spool") as spool:
        n_images = sum(tally.count for tally in spool.tallies())
    with listening(archive, port=port), service(storage):
        arrived = archive.wait_for(n_images, _LIMIT_S)

    assert sent == 0
    assert n_images > 0
    assert arrived
    assert set(archive.stored.values()) == {1}


def test_faulty_destinations_are_told_before_the_service_listens(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    name_archive(tmp_path, 104, colour="1")

    status = main(["serve", "--port", "0", "--storage", str(tmp_path)])

    assert status == 2
    assert "destination.0" in capfd.readouterr().err


def test_the_delivering_process_ends_with_a_service_that_is_killed(tmp_path: Path) -> None:
    storage = tmp_path / "storage"
    name_archive(storage, free_port())

    with service(storage) as (process, _):
        lock = storage / "spool" / "sender.lock"
        end = time.monotonic() + _LIMIT_S
        while not lock.exists() and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(_LIMIT_S)
    while time.monotonic() < end:
        try:
            with Sender(storage / "spool", []):
                return
        except Exception:  # noqa: BLE001  (held until the process has ended)
            time.sleep(0.05)
    pytest.fail("the spool is still held")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--output", "QSM"],
            "--output: found 'QSM', which no image is called; did you mean QSM_ppb?",
        ),
        (["--destination", "pacs"], "--destination: found 'pacs', needed one of archive"),
    ],
)
@pytest.mark.parametrize("action", ["retry", "fail"])
def test_what_can_match_no_image_is_refused(
    storage: Path, capsys: pytest.CaptureFixture[str], action: str, words: list[str], told: str
) -> None:
    assert command(storage, action, *words) == 2

    assert capsys.readouterr().err == f"streamrecon: error: {told}\n"

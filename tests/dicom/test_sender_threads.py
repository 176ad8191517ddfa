"""Every image reaches every destination once, whatever the destinations do."""

from __future__ import annotations

import gc
import socket
import sqlite3
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from archive import Archive, free_port, listening
from dicom_scans import GRIDS, IDS, scan_of, session_of
from narrowing import all_of
from test_spool import images_of, uids

from streamrecon.dicom.delivery.destinations import Destination, Tls, read_destinations
from streamrecon.dicom.delivery.journal import State
from streamrecon.dicom.delivery.sending.c_store import echo
from streamrecon.dicom.delivery.sending.send_due import deliver
from streamrecon.dicom.delivery.sending.sender_threads import Sender
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.dicom.objects.series import DicomScan, Run
from streamrecon.errors import ConfigError, DeliveryError

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


SCAN = scan_of(GRIDS["axial"])
N_IMAGES = len(session_of(SCAN)) * SCAN.geometry.shape[0]


def destination(port: int, name: str = "archive", **changed: object) -> Destination:
    quick = {"connect_s": 5.0, "associate_s": 5.0, "answer_s": 5.0, "longest_pause_s": 0.2}
    return Destination(name=name, host="127.0.0.1", port=port, called="ARC", **quick | changed)


def fill(folder: Path, *names: str) -> list[str]:
    """A whole session in the spool; its UIDs."""
    dicom, added = DicomScan(IDS, Run()), []
    with Spool(folder) as spool:
        for volume in session_of(SCAN):
            images = dicom.images(volume)
            spool.add(images, names or ("archive",))
            added += uids(images)
    return added


def states(folder: Path) -> dict[str, int]:
    with Spool(folder) as spool:
        tallies = spool.tallies()
    counts: dict[str, int] = {}
    for tally in tallies:
        key = f"{tally.destination} {tally.state.value}"
        counts[key] = counts.get(key, 0) + tally.count
    return counts


def until(folder: Path, wanted: dict[str, int], seconds: float = 20.0) -> dict[str, int]:
    """States of the spool once they are as wanted, or when time is up."""
    end = time.monotonic() + seconds
    while (found := states(folder)) != wanted and time.monotonic() < end:
        time.sleep(0.05)
    return found


def test_a_session_arrives_each_image_once(tmp_path: Path) -> None:
    archive, added = Archive(), fill(tmp_path / "spool")

    with listening(archive) as port, Sender(tmp_path / "spool", [destination(port)]):
        assert archive.wait_for(len(added))
        found = until(tmp_path / "spool", {"archive sent": len(added)})

    assert found == {"archive sent": len(added)}
    assert archive.stored == dict.fromkeys(added, 1)


def test_images_added_while_the_sender_sleeps_wake_it(tmp_path: Path) -> None:
    archive, folder = Archive(), tmp_path / "spool"

    with listening(archive) as port, Sender(folder, [destination(port)]):
        time.sleep(0.3)
        with Spool(folder) as spool:
            spool.add(images_of(), ["archive"])
        assert archive.wait_for(3, seconds=10)


def test_a_broken_association_loses_and_doubles_nothing(tmp_path: Path) -> None:
    added = fill(tmp_path / "spool")
    archive = Archive(lambda n: None if n % 17 == 5 else 0)

    with listening(archive) as port, Sender(tmp_path / "spool", [destination(port)]):
        assert archive.wait_for(len(added))
        found = until(tmp_path / "spool", {"archive sent": len(added)})

    assert found == {"archive sent": len(added)}
    assert archive.stored == dict.fromkeys(added, 1)


def test_an_archive_that_comes_late_gets_everything(tmp_path: Path) -> None:
    archive, added, port = Archive(), fill(tmp_path / "spool"), free_port()

    with Sender(tmp_path / "spool", [destination(port)]):
        time.sleep(0.5)
        with listening(archive, port=port):
            assert archive.wait_for(len(added))


def test_a_silent_destination_delays_no_other(tmp_path: Path) -> None:
    added, archive = fill(tmp_path / "spool", "archive", "dead"), Archive()
    dead = destination(free_port(), "dead")

    with listening(archive) as port, Sender(tmp_path / "spool", [dead, destination(port)]):
        assert archive.wait_for(len(added))
        found = until(tmp_path / "spool", {"archive sent": len(added), "dead waiting": len(added)})

    assert found == {"archive sent": len(added), "dead waiting": len(added)}


def test_a_host_that_accepts_and_says_nothing_delays_no_other(tmp_path: Path) -> None:
    added, archive = fill(tmp_path / "spool", "archive", "mute"), Archive()

    with socket.create_server(("127.0.0.1", 0)) as door, listening(archive) as port:
        mute = destination(door.getsockname()[1], "mute", associate_s=8.0)
        with Sender(tmp_path / "spool", [mute, destination(port)]):
            found = until(
                tmp_path / "spool", {"archive sent": len(added), "mute waiting": len(added)}
            )
            with Spool(tmp_path / "spool") as spool:
                pause = spool.journal.pause("mute")

    assert found == {"archive sent": len(added), "mute waiting": len(added)}
    assert pause == (0, 0.0)  # its first association was still being waited for


def test_what_the_archive_cannot_take_now_is_sent_later(tmp_path: Path) -> None:
    added = fill(tmp_path / "spool")
    archive = Archive(lambda n: 0xA700 if n in {1, 4} else 0)

    with listening(archive) as port, Sender(tmp_path / "spool", [destination(port)]):
        assert archive.wait_for(len(added))

    assert archive.stored == dict.fromkeys(added, 1)


def test_warnings_refusals_and_failures_are_told_apart(tmp_path: Path) -> None:
    fill(tmp_path / "spool")
    # 0xC123 may pass: it is tried once more, and taken; 0x0111 says that the image is there
    answers = {0: 0xB000, 1: 0xA900, 2: 0xC123, 3: 0x0122, 4: 0x0111}
    archive = Archive(lambda n: answers.get(n, 0))

    with listening(archive) as port, Sender(tmp_path / "spool", [destination(port)]):
        wanted = {
            "archive sent with a warning": 1,
            "archive failed": 1,
            "archive refused": 1,
            "archive sent": N_IMAGES - 3,
        }
        found = until(tmp_path / "spool", wanted)

    assert found == wanted


def test_an_object_that_the_archive_does_not_know_is_refused_and_can_be_retried(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "spool"
    with Spool(folder) as spool:
        spool.add(images_of(), ["archive"])
        classes = ("1.2.840.10008.5.1.4.1.1.30",)
        with listening(Archive(), classes=classes) as port:
            deliver(spool, destination(port))
        assert spool.journal.pause("archive")[0] == 1

        archive = Archive()
        spool.retry()
        with listening(archive) as port:
            deliver(spool, destination(port))

        assert len(archive.stored) == 3
        assert {tally.state for tally in spool.tallies()} == {State.SENT}


def test_an_archive_that_knows_only_implicit_syntax_gets_the_same_pixels(tmp_path: Path) -> None:
    archive, images = Archive(), images_of()
    with (
        Spool(tmp_path / "spool") as spool,
        listening(archive, syntaxes=["1.2.840.10008.1.2"]) as port,
    ):
        spool.add(images, ["archive"])
        deliver(spool, destination(port))

    for image in images.datasets:
        assert image.PixelData in archive.bytes[str(image.SOPInstanceUID)]


def test_a_pause_is_remembered_across_restarts(tmp_path: Path) -> None:
    far = destination(free_port(), longest_pause_s=300.0)
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(), ["archive"])
        first = deliver(spool, far)
    with Spool(tmp_path / "spool") as spool:
        second = deliver(spool, far)

    assert first is not None
    assert second is not None
    assert 0 < second <= first <= 1.0


def test_a_wrong_title_is_told_with_the_reason(tmp_path: Path) -> None:
    with listening(Archive()) as port, pytest.raises(DeliveryError, match=r"rejected.*Called"):
        echo(destination(port).model_copy(update={"called": "OTHER"}))


def test_readiness_is_asked_by_echo() -> None:
    with listening(Archive()) as port:
        echo(destination(port))
    with pytest.raises(DeliveryError, match="connection refused"):
        echo(destination(port))


@pytest.mark.parametrize("fault", ["disk I/O error", "database is locked"])
def test_a_visit_that_stumbles_is_told_and_made_again(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    added = fill(tmp_path / "spool")
    stumbles = iter([sqlite3.OperationalError(fault)])

    def stumbling(*arguments: Any, **named: Any) -> float | None:
        for error in stumbles:
            raise error
        return deliver(*arguments, **named)

    monkeypatch.setattr("streamrecon.dicom.delivery.sending.sender_threads.deliver", stumbling)
    with listening(Archive()) as port, Sender(tmp_path / "spool", [destination(port)]):
        found = until(tmp_path / "spool", {"archive sent": len(added)})

    assert found == {"archive sent": len(added)}
    assert "delivery stumbled" in caplog.text


def test_a_pause_that_a_wrong_clock_set_is_no_longer_than_the_longest(tmp_path: Path) -> None:
    a_month_s = 30 * 86400.0
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(), ["archive"])
        spool.journal.set_pause("archive", 3, time.time() + a_month_s, "no answer")

        again_s = deliver(spool, destination(1, longest_pause_s=0.2))

    assert again_s == 0.2


def test_a_certificate_that_is_missing_is_named(tmp_path: Path) -> None:
    file = tmp_path / "destinations.toml"
    file.write_text(
        '[[destination]]\nname = "a"\nhost = "h"\ntls = { ca = "/nowhere/authority.pem" }\n'
    )

    with pytest.raises(ConfigError, match=r"/nowhere/authority\.pem"):
        read_destinations(file)


def test_destinations_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "destinations.toml"
    file.write_text(
        '[[destination]]\nname = "console"\nhost = "mr1"\ncalled = "MR1"\noutputs = ["Mag"]\n'
        '[[destination]]\nname = "archive"\nhost = "pacs"\nport = 11112\n'
    )

    console, archive = all_of(Destination, read_destinations(file))

    assert (console.port, console.wants("Mag"), console.wants("QSM_ppb")) == (104, True, False)
    assert (archive.port, archive.wants("QSM_ppb")) == (11112, True)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[[destination]]\nname = "a"\nhost = "h"\ncolour = 1', "colour"),
        ('[[destination]]\nname = "a"\nhost = "h"\ncalled = "AN AE TITLE TOO LONG"', "called"),
        ('[[destination]]\nname = "a"\nhost = "h"\n' * 2, "needed one a name"),
        ("[[destination", "destinations.toml"),
    ],
)
def test_a_faulty_file_is_refused_by_name(text: str, fault: str, tmp_path: Path) -> None:
    file = tmp_path / "destinations.toml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=fault):
        read_destinations(file)


def test_an_encrypted_association_checks_the_name_of_its_peer(tmp_path: Path) -> None:
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=archive",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate, key)
    trusting = Tls(ca=certificate)

    with listening(Archive(), tls=server) as port:
        echo(destination(port, tls=trusting))
        other = destination(port, tls=trusting).model_copy(update={"host": "localhost"})
        with pytest.raises(DeliveryError, match="certificate is for another name"):
            echo(other)
        with pytest.raises(DeliveryError, match="takes the connection, and then does not answer"):
            echo(destination(port))

"""Orthanc has every image once, whoever was killed in between."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from dicom_scans import GRIDS, IDS, scan_of, session_of
from narrowing import given
from orthanc import Orthanc
from test_spool import uids

from streamrecon.dicom.delivery.spool import Spool
from streamrecon.dicom.objects.series import DicomScan, Run

SCAN = scan_of(GRIDS["even"])
TRIALS = int(os.environ.get("STREAMRECON_KILLS", "3"))
"""Kills of each kind; the issue's figure is for 20."""


def fill(folder: Path, run: str = "run", **room: Any) -> list[str]:
    dicom, added = DicomScan(IDS, Run(run)), []
    with Spool(folder, **room) as spool:
        for volume in session_of(SCAN):
            images = dicom.images(volume)
            spool.add(images, ["archive"])
            added += uids(images)
    return sorted(added)


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """A sender that is at work."""
    script = Path(__file__).with_name("sending.py")
    sender = subprocess.Popen([sys.executable, script, folder, str(port)], stdout=subprocess.PIPE)
    assert given(sender.stdout).readline() == b"sending\n"
    return sender


def end(sender: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    sender.send_signal(number)
    sender.wait()
    given(sender.stdout).close()


def settle(folder: Path, seconds: float = 30.0) -> set[str]:
    """States of the spool when nothing waits any more, or when time is up."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        with Spool(folder) as spool:
            found = {tally.state.value for tally in spool.tallies()}
        if "waiting" not in found:
            return found
        time.sleep(0.1)
    return found


def wait_for(orthanc: Orthanc, count: int, seconds: float = 30.0) -> None:
    stop = time.monotonic() + seconds
    while orthanc.count() < count and time.monotonic() < stop:
        time.sleep(0.01)


@pytest.mark.long
def test_an_archive_that_is_killed_and_started_again_has_every_image_once(tmp_path: Path) -> None:
    random_numbers = random.Random(1)
    with Orthanc(tmp_path / "orthanc") as orthanc:
        sender = start(tmp_path / "spool", orthanc.port)
        added = []
        try:
            for trial in range(TRIALS):
                added += fill(tmp_path / "spool", str(trial))
                wait_for(orthanc, len(added) - random_numbers.randrange(5, 50))
                orthanc.kill()
                orthanc.start()
            found = settle(tmp_path / "spool")
        finally:
            end(sender)

        assert found == {"sent"}
        assert orthanc.sop_uids() == sorted(added)


@pytest.mark.long
def test_a_service_that_is_killed_and_started_again_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    random_numbers = random.Random(2)
    with Orthanc(tmp_path / "orthanc") as orthanc:
        added = []
        for trial in range(TRIALS):
            added += fill(tmp_path / "spool", str(trial))
            sender = start(tmp_path / "spool", orthanc.port)
            wait_for(orthanc, len(added) - random_numbers.randrange(5, 50))
            end(sender)
        sender = start(tmp_path / "spool", orthanc.port)
        found = settle(tmp_path / "spool")
        end(sender)

        assert found == {"sent"}
        assert orthanc.sop_uids() == sorted(added)


@pytest.mark.long
def test_a_quota_smaller_than_a_session_makes_the_scan_wait_and_loses_nothing(
    tmp_path: Path,
) -> None:
    random_numbers = random.Random(3)
    folder, quota_bytes = tmp_path / "spool", 20_000
    with Orthanc(tmp_path / "orthanc") as orthanc:
        sender = start(folder, orthanc.port)
        added, held = [], []
        try:
            for trial in range(TRIALS):
                added += fill(folder, str(trial), quota_bytes=quota_bytes, room_s=60.0)
                with Spool(folder) as spool:
                    held.append(spool.journal.bytes_held())
                if random_numbers.random() < 0.5:
                    orthanc.kill()
                    orthanc.start()
            found = settle(folder)
        finally:
            end(sender)

        assert max(held) <= quota_bytes
        assert found == {"sent"}
        assert orthanc.sop_uids() == sorted(added)

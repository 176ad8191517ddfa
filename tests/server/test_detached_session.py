"""The client leaves after the attached branches; the worker stays until the detached have ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_client import HEADER, PATIENCE_S, Service, chain, gadget, lines, service

from streamrecon.mrd.wire.messages import Close, Image


@pytest.fixture
def running() -> Iterator[Service]:
    with service(warm_workers=1) as found:
        yield found


def branches(folder: Path, *, fail: bool = False) -> str:
    """A sum for the client, and a branch that waits for a file before it delivers."""
    slow = gadget("KeepElsewhere", folder=folder, fail=str(fail).lower())
    return (
        f"<parallel><stream key='now'>{gadget('SumLines')}</stream>"
        f"<stream key='later' detached='true'>{slow}</stream></parallel>"
    )


def wait_for(path: Path) -> bool:
    end = time.monotonic() + PATIENCE_S
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)
    return path.exists()


def test_the_socket_closes_while_a_detached_branch_works(running: Service, tmp_path: Path) -> None:
    heard = running.talk(chain(branches(tmp_path)), HEADER, lines(5), Close())
    was_done = (tmp_path / "done").exists()
    (tmp_path / "go").touch()

    assert [type(message) for message in heard] == [Image, Close]
    assert not was_done
    assert wait_for(tmp_path / "done")
    code, log = running.stop()
    assert code == 0
    assert "detached branches go on" in log
    assert "detached branches ended" in log


def test_the_next_scan_is_served_while_a_detached_branch_works(
    running: Service, tmp_path: Path
) -> None:
    running.talk(chain(branches(tmp_path)), HEADER, lines(5), Close())
    heard = running.talk(chain(gadget("SumLines")), HEADER, lines(7), Close())
    (tmp_path / "go").touch()

    assert [type(message) for message in heard] == [Image, Close]
    assert wait_for(tmp_path / "done")


def test_a_service_that_is_told_to_stop_waits_for_it(running: Service, tmp_path: Path) -> None:
    running.talk(chain(branches(tmp_path)), HEADER, lines(5), Close())
    running.process.terminate()
    time.sleep(0.3)
    still_runs = running.process.poll() is None
    (tmp_path / "go").touch()

    assert still_runs
    assert running.process.wait(PATIENCE_S) == 0
    assert (tmp_path / "done").exists()


def test_its_error_is_in_the_log_and_the_client_has_left_in_peace(
    running: Service, tmp_path: Path
) -> None:
    heard = running.talk(chain(branches(tmp_path, fail=True)), HEADER, lines(5), Close())
    (tmp_path / "go").touch()
    code, log = running.stop()

    assert [type(message) for message in heard] == [Image, Close]
    assert code == 0
    assert "branch later ended without a result: [recon] KeepElsewhere: found 3, needed 4" in log

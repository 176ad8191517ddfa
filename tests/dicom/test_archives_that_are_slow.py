"""Archives that answer late, slowly, to few at a time, or not at all when the service must end."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from archive import MR_IMAGE, Archive, free_port, listening
from narrowing import given
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from test_sender_threads import destination, fill, states, until
from test_spool import images_of

from streamrecon.dicom.delivery.destinations import Commitment, Destination
from streamrecon.dicom.delivery.sending.lanes import Lanes
from streamrecon.dicom.delivery.sending.send_due import deliver
from streamrecon.dicom.delivery.sending.sender_threads import Sender
from streamrecon.dicom.delivery.spool import Spool

PUSH_MODEL = "1.2.840.10008.1.20.1"
_LIMIT_S = 60.0

pytestmark = [
    # pynetdicom 3.0.4 leaves the socket of a refused connection to the garbage collector
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket"),
]


class Promiser:
    """An archive that takes requests for promises, and answers when the test says so."""

    def __init__(self) -> None:
        self.archive = Archive()
        self.asked: list[Dataset] = []

    def hear(self, event: evt.Event) -> tuple[int, None]:
        self.asked.append(event.action_information)
        return 0, None

    @contextmanager
    def listening(self) -> Iterator[int]:
        entity = AE(ae_title="ARC")
        for sop_class in (MR_IMAGE, PUSH_MODEL):
            entity.add_supported_context(sop_class)
        handlers = [(evt.EVT_C_STORE, self.archive.store), (evt.EVT_N_ACTION, self.hear)]
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()

    def report(self, back: int, *, lost: int = 0, silent: int = 0, request: int = 0) -> int:
        """Answer a request over a connection of its own; the status that we gave."""
        asked = self.asked[request]
        items = list(asked.ReferencedSOPSequence)[silent:]
        report = Dataset()
        report.TransactionUID = asked.TransactionUID
        report.ReferencedSOPSequence = items[lost:]
        if lost:
            report.FailedSOPSequence = items[:lost]
        entity = AE(ae_title="ARC")
        entity.add_requested_context(PUSH_MODEL)
        role = [build_role(PUSH_MODEL, scp_role=True)]
        association = entity.associate("127.0.0.1", back, ext_neg=role)
        answer, _ = association.send_n_event_report(
            report, 2 if lost else 1, PUSH_MODEL, "1.2.840.10008.1.20.1.1"
        )
        association.release()
        return int(answer.Status)


def asking(port: int, back: int) -> Destination:
    return destination(port, commitment=Commitment(host="127.0.0.1", port=back, wait_s=0.1))


def wait_until(happened: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.02)


def test_a_promise_that_comes_long_after_the_question_is_taken(tmp_path: Path) -> None:
    promiser, back = Promiser(), free_port()
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(), ["archive"])
    with promiser.listening() as port, Sender(tmp_path / "spool", [asking(port, back)]):
        wait_until(lambda: len(promiser.asked) == 1)
        until(tmp_path / "spool", {"archive sent, not yet confirmed": 3})
        time.sleep(0.5)  # the association that asked is gone

        status = promiser.report(back)

        assert until(tmp_path / "spool", {"archive sent": 3}) == {"archive sent": 3}
    assert status == 0
    assert set(promiser.archive.stored.values()) == {1}


def test_a_promise_is_taken_by_the_service_that_was_started_again(tmp_path: Path) -> None:
    promiser, back = Promiser(), free_port()
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(), ["archive"])
    with promiser.listening() as port:
        with Sender(tmp_path / "spool", [asking(port, back)]):
            wait_until(lambda: len(promiser.asked) == 1)
        with Sender(tmp_path / "spool", [asking(port, back)]):
            wait_until(lambda: can_connect(back))
            promiser.report(back)

            assert until(tmp_path / "spool", {"archive sent": 3}) == {"archive sent": 3}


def can_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True


def test_each_image_of_a_report_gets_what_the_report_says(tmp_path: Path) -> None:
    promiser, back = Promiser(), free_port()
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(), ["archive"])
    with promiser.listening() as port, Sender(tmp_path / "spool", [asking(port, back)]):
        wait_until(lambda: len(promiser.asked) == 1)
        promiser.report(back, lost=1, silent=1)
        found = until(
            tmp_path / "spool",
            {"archive sent": 1, "archive waiting": 1, "archive sent, not yet confirmed": 1},
        )
        assert found["archive sent"] == 1
        wait_until(lambda: len(promiser.archive.order) == 4)  # the lost one, again
        wait_until(lambda: len(promiser.asked) >= 2)
    assert sorted(promiser.archive.stored.values()) == [1, 1, 2]


def test_a_report_on_nothing_that_was_asked_changes_nothing(tmp_path: Path) -> None:
    promiser, back = Promiser(), free_port()
    with Spool(tmp_path / "spool") as spool:
        spool.add(images_of(), ["archive"])
    with promiser.listening() as port, Sender(tmp_path / "spool", [asking(port, back)]):
        wait_until(lambda: len(promiser.asked) == 1)
        promiser.asked[0].TransactionUID = "1.2.3"
        assert promiser.report(back) == 0
        assert states(tmp_path / "spool") == {"archive sent, not yet confirmed": 3}


def test_a_slow_archive_gets_more_time_and_the_slow_image_lets_others_pass(tmp_path: Path) -> None:
    slow = {}

    def answer(n: int) -> int:
        if n == 0:
            slow["first"] = True
            time.sleep(0.6)  # longer than the first time-out, shorter than twice as long
        return 0

    archive = Archive(answer)
    with listening(archive) as port:
        patient = destination(port, answer_s=0.4)
        with Spool(tmp_path / "spool") as spool:
            spool.add(images_of(), ["archive"])
            first = spool.journal.due("archive", time.time(), limit=1)[0].sop_uid
            assert given(deliver(spool, patient)) > 0  # broken off
            assert spool.journal.due("archive", time.time(), limit=9)[0].sop_uid != first
        with Sender(tmp_path / "spool", [patient]):
            found = until(tmp_path / "spool", {"archive sent": 3})

    assert slow
    assert found == {"archive sent": 3}


def test_every_image_of_an_archive_that_is_always_slow_arrives(tmp_path: Path) -> None:
    def answer(_: int) -> int:
        time.sleep(0.5)
        return 0

    archive = Archive(answer)
    with listening(archive) as port:
        with Spool(tmp_path / "spool") as spool:
            spool.add(images_of(), ["archive"])
        with Sender(tmp_path / "spool", [destination(port, answer_s=0.3)]):
            assert until(tmp_path / "spool", {"archive sent": 3}) == {"archive sent": 3}


def test_an_archive_that_grants_one_association_gets_everything_over_one(tmp_path: Path) -> None:
    archive, entity = Archive(), AE(ae_title="ARC")
    entity.add_supported_context(MR_IMAGE, ["1.2.840.10008.1.2.1"])
    entity.maximum_associations = 1
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, archive.store)]
    )
    added = fill(tmp_path / "spool")
    try:
        port = server.socket.getsockname()[1]
        with Sender(tmp_path / "spool", [destination(port, associations=4)]):
            arrived = archive.wait_for(len(added), _LIMIT_S)
            found = until(tmp_path / "spool", {"archive sent": len(added)})
    finally:
        server.shutdown()

    assert arrived
    assert found == {"archive sent": len(added)}


def test_lanes_cover_all_images_and_widen_again_after_a_while() -> None:
    now = [0.0]
    lanes = Lanes(4, clock=lambda: now[0])

    seen = []
    for step in ("narrow", "narrow", "narrow", "narrow", 599.0, 2.0, 601.0):
        if isinstance(step, float):
            now[0] += step
        else:
            lanes.narrow()
        chunks = [lanes.chunk(lane) for lane in range(4)]
        granted = [chunk for chunk in chunks if chunk is not None]
        assert {chunk[0] for chunk in granted} == set(range(granted[-1][1]))
        seen.append(len(granted))

    assert seen == [3, 2, 1, 1, 1, 2, 3]


def more_than(archive: Archive, requests: int) -> bool:
    return archive.requests > requests


@pytest.mark.long
@pytest.mark.parametrize("is_stuck", [False, True], ids=["busy", "an archive that hangs"])
def test_the_sender_ends_soon_after_it_is_told_in_every_trial(
    is_stuck: bool, tmp_path: Path
) -> None:
    hold = threading.Event()

    def answer(n: int) -> int:
        if is_stuck and n % 5 == 4:
            hold.wait(30.0)
        return 0

    codes, took = [], []
    archive = Archive(answer)
    with listening(archive) as port:
        (tmp_path / "to.toml").write_text(
            f'[[destination]]\nname = "archive"\nhost = "127.0.0.1"\nport = {port}\n'
            'called = "ARC"\nassociations = 2\n'
        )
        words = [sys.executable, "-m", "streamrecon", "spool", "send"]
        words += ["--spool", f"{tmp_path / 'spool'}", "--destinations", f"{tmp_path / 'to.toml'}"]
        for trial in range(3):
            fill(tmp_path / "spool")
            with subprocess.Popen(words) as sender:
                wait_until(partial(more_than, archive, archive.requests), _LIMIT_S)
                time.sleep(0.2 * trial)  # at various places of its work
                began = time.monotonic()
                sender.send_signal(signal.SIGTERM)
                codes.append(sender.wait(_LIMIT_S))
                took.append(time.monotonic() - began)
        hold.set()

    assert codes == [0, 0, 0]
    assert max(took) < 5.0  # the number, not a speed
    with Spool(tmp_path / "spool") as spool:
        assert {tally.state.value for tally in spool.tallies()} <= {"sent", "waiting"}

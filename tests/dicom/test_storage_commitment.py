"""Where an archive is asked to promise, images leave the spool only when it has."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from archive import MR_IMAGE, Archive, free_port
from orthanc import Orthanc
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt
from test_sender_threads import destination, states, until
from test_spool import images_of, uids

from streamrecon.dicom.delivery.destinations import Commitment, Destination
from streamrecon.dicom.delivery.sending.send_due import deliver
from streamrecon.dicom.delivery.sending.sender_threads import Sender
from streamrecon.dicom.delivery.spool import Spool

PUSH_MODEL = "1.2.840.10008.1.20.1"

pytestmark = [
    # pynetdicom 3.0.4 leaves the socket of a refused connection to the garbage collector
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket"),
]


@contextmanager
def promising(back: int | None, lost: int = 0) -> Iterator[int]:
    """An archive that calls back on port ``back``, or never; ``lost`` images are gone."""
    archive, callers = Archive(), []

    def promise(event: evt.Event) -> tuple[int, None]:
        asked = event.action_information
        if back is not None:
            caller = threading.Thread(target=call, args=(asked,))
            callers.append(caller)
            caller.start()
        return 0, None

    def call(asked: Dataset) -> None:
        entity = AE(ae_title="ARC")
        entity.add_requested_context(PUSH_MODEL)
        role = [build_role(PUSH_MODEL, scp_role=True)]
        association = entity.associate("127.0.0.1", back, ext_neg=role)
        report = Dataset()
        report.TransactionUID = asked.TransactionUID
        report.ReferencedSOPSequence = asked.ReferencedSOPSequence[lost:]
        kind = 2 if lost else 1
        if lost:
            report.FailedSOPSequence = asked.ReferencedSOPSequence[:lost]
            for one in report.FailedSOPSequence:
                one.FailureReason = 0x0112
        association.send_n_event_report(report, kind, PUSH_MODEL, "1.2.840.10008.1.20.1.1")
        association.release()

    entity = AE(ae_title="ARC")
    entity.add_supported_context(MR_IMAGE)
    entity.add_supported_context(PUSH_MODEL)
    handlers = [(evt.EVT_C_STORE, archive.store), (evt.EVT_N_ACTION, promise)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        yield server.socket.getsockname()[1]
    finally:
        server.shutdown()
        for caller in callers:
            caller.join()


def asking(port: int, back: int, wait_s: float = 5.0) -> Destination:
    return destination(port, commitment=Commitment(host="127.0.0.1", port=back, wait_s=wait_s))


def visited(folder: Path, to: Destination, times: int) -> dict[str, int]:
    """States after so many visits; what has arrived everywhere is deleted at once."""
    with Spool(folder / "spool") as spool:
        spool.add(images_of(), ["archive"])
        for _ in range(times):
            deliver(spool, to)
        spool.age_out(0.0)
    return states(folder / "spool")


def test_images_stay_until_the_archive_promises(tmp_path: Path) -> None:
    back = free_port()
    with promising(back) as port:
        assert visited(tmp_path / "a", asking(port, back), 1) == {
            "archive sent, not yet confirmed": 3
        }
        assert visited(tmp_path / "b", asking(port, back), 2) == {}


def test_what_it_does_not_promise_is_sent_again(tmp_path: Path) -> None:
    back = free_port()
    with promising(back, lost=1) as port:
        found = visited(tmp_path, asking(port, back), 2)

    assert found == {"archive sent": 2, "archive waiting": 1}


def test_an_archive_that_never_answers_keeps_the_images_in_the_spool(tmp_path: Path) -> None:
    with promising(None) as port:
        found = visited(tmp_path, asking(port, free_port(), wait_s=0.2), 2)

    assert found == {"archive sent, not yet confirmed": 3}


@pytest.mark.long
def test_orthanc_promises_what_it_has(tmp_path: Path) -> None:
    back = free_port()
    known = {"DicomModalities": {"us": ["STREAMRECON", "127.0.0.1", back]}}
    with Orthanc(tmp_path / "orthanc", settings=known) as orthanc:
        images = images_of()
        with Spool(tmp_path / "spool") as spool:
            spool.add(images, ["archive"])
        with Sender(tmp_path / "spool", [asking(orthanc.port, back)]):
            found = until(tmp_path / "spool", {"archive sent": 3})
        there = orthanc.sop_uids()

    assert found == {"archive sent": 3}
    assert there == sorted(uids(images))

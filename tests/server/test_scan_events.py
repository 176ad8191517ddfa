"""Who watches sees each scan begin, move, speak and end; nobody waits for a watcher."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from narrowing import as_a
from toy_client import HEADER, PATIENCE_S, Service, chain, gadget, lines, service

from streamrecon.mrd.wire.messages import Close, Header, Image, Text
from streamrecon.server.watching.protocol_name import public_protocol
from streamrecon.server.watching.scan_events import ScanEvents, WatchedScan
from streamrecon.server.watching.scan_record import ScanRecord
from streamrecon.server.watching.watch_client import (
    Board,
    UnwatchedError,
    board_of,
    connect,
    received,
)
from streamrecon.server.watching.watch_socket import short_path
from streamrecon.server.workers.worker_channel import ScanFacts, Summary

SUM = gadget("SumLines")
NAMED = Header(
    b"<ismrmrdHeader><subjectInformation><patientName>Roe^Jane</patientName>"
    b"<patientID>4711-A</patientID></subjectInformation><measurementInformation>"
    b"<protocolName>%s</protocolName></measurementInformation></ismrmrdHeader>"
)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Path]]:
    storage = tmp_path_factory.mktemp("a" * 90)  # longer than a socket's address
    with service(storage=str(storage), sessions=3) as running:
        yield running, storage


def watch_until(
    storage: Path, wanted: Callable[[Board], bool]
) -> tuple[Board, list[dict[str, object]]]:
    """What a watcher is told, from now until ``wanted`` says so of the board."""
    board, seen = Board(), []
    ends = time.monotonic() + PATIENCE_S
    with closing(connect(storage, PATIENCE_S)) as door:
        for fact in received(door):
            assert time.monotonic() < ends, board
            board.take(fact)
            seen.append(fact)
            if wanted(board):
                return board, seen
    raise AssertionError("the service ended")


def ended(session_outcome: str) -> Callable[[Board], bool]:
    def is_there(board: Board) -> bool:
        return any(scan.outcome == session_outcome for scan in board.scans.values())

    return is_there


def runs(first_gadget: str) -> Callable[[Board], bool]:
    def is_there(board: Board) -> bool:
        return any(scan.gadgets[:1] == [first_gadget] for scan in board.scans.values())

    return is_there


def test_a_scan_is_told_with_its_chain_counts_times_and_end(
    watched: tuple[Service, Path],
) -> None:
    running, storage = watched
    slow = gadget("Slow", pause_s=0.02)
    protocol = Header(NAMED.xml.replace(b"%s", b"qsm 3D"))

    with running.connect() as client:
        client.send(chain(slow, SUM), protocol, lines(40))
        board, _ = watch_until(storage, lambda b: any(s.lines == 40 for s in b.scans.values()))
        (scan,) = [s for s in board.scans.values() if s.lines == 40]
        client.send(Close())
        client.hear_all()
    board, _ = watch_until(storage, ended("complete"))

    assert (scan.stages, scan.gadgets) == (["Slow", "SumLines"], ["Slow", "SumLines"])
    assert (scan.ended, scan.outcome, scan.protocol) == (0.0, "", "qsm 3D")
    assert scan.config == "text"
    assert re.fullmatch(r"[0-9a-f]{8,}", scan.config_hash)
    assert scan.address == "127.0.0.1"
    assert scan.received > 40 * 2 * 17 * 8
    after = board.scans[scan.session]
    assert (after.outcome, after.lines, after.images) == ("complete", 40, 1)
    assert after.stage_s[0] >= 0.02  # at least one batch was slept over
    assert after.memory_bytes > 10e6
    assert after.ended >= after.began > time.time() - 600


def test_a_scan_that_runs_is_seen_before_its_first_line(watched: tuple[Service, Path]) -> None:
    running, storage = watched

    with running.connect() as client:
        client.send(chain(gadget("TellPid"), SUM), HEADER)
        board, _ = watch_until(storage, lambda b: any(not s.ended for s in b.scans.values()))
        client.send(Close())
        client.hear_all()

    (scan,) = [s for s in board.scans.values() if not s.ended]
    assert (scan.lines, scan.outcome) == (0, "")


def test_notices_come_as_they_are_said(watched: tuple[Service, Path]) -> None:
    running, storage = watched
    with running.connect() as client, closing(connect(storage, PATIENCE_S)) as door:
        client.send(chain(gadget("TellPid"), SUM), HEADER, lines(1))
        client.hear()
        notice = next(f for f in received(door) if f["event"] == "notice")
        client.send(Close())
        client.hear_all()

    board = board_of(storage)

    text, session = as_a(str, notice["text"]), as_a(str, notice["session"])
    assert text.startswith("INF pid ")
    assert text in board.scans[session].notices


def test_a_worker_that_is_killed_is_told_with_reason_and_place(
    watched: tuple[Service, Path],
) -> None:
    running, storage = watched
    with running.connect() as client:
        client.send(chain(gadget("Die"), SUM), HEADER)
        watch_until(storage, runs("Die"))  # a worker that is killed says no more
        client.send(lines(3))
        client.hear_all()
    board, _ = watch_until(storage, ended("internal"))

    scan = next(s for s in board.scans.values() if s.gadgets[:1] == ["Die"])

    assert scan.outcome == "internal"
    assert scan.reason == "the worker ended before the scan did"
    assert [scan.stages[n] for n in scan.at_work] == ["Die"]


def test_a_scan_that_fails_says_what_its_client_was_told(watched: tuple[Service, Path]) -> None:
    running, storage = watched
    heard = running.talk(chain(gadget("Fail", error="DataError")), HEADER, lines(3), Close())

    board, _ = watch_until(storage, ended("data"))

    (scan,) = [s for s in board.scans.values() if s.outcome == "data"]
    assert Text(scan.reason) in heard
    assert as_a(dict, board.service["scans"])["data"] == 1


def test_a_query_is_no_scan(watched: tuple[Service, Path]) -> None:
    running, storage = watched
    before = set(board_of(storage).scans)

    running.talk(Close())

    assert set(board_of(storage).scans) == before


def test_a_watcher_that_does_not_read_delays_no_scan_and_is_told_what_it_lost(
    tmp_path: Path,
) -> None:
    with service(storage=str(tmp_path)) as running, closing(connect(tmp_path, PATIENCE_S)) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        notes = "".join(gadget("TellPid") for _ in range(60))
        for _ in range(60):
            heard = running.talk(chain(notes, SUM), HEADER, lines(2), Close())
            assert isinstance(heard[-2], Image)
        facts = received(door)
        lost = next(f for f in facts if f["event"] == "lost")

    assert as_a(int, lost["count"]) > 100


def test_watchers_beyond_the_limit_are_turned_away(tmp_path: Path) -> None:
    with service(storage=str(tmp_path)) as running:
        doors = [connect(tmp_path, PATIENCE_S) for _ in range(16)]
        try:
            for door in doors:
                next(received(door))
            with pytest.raises(UnwatchedError):
                board_of(tmp_path)
        finally:
            for door in doors:
                door.close()
        assert running.talk(Close()) == [Close()]


def test_others_may_not_connect_to_the_socket(watched: tuple[Service, Path]) -> None:
    _, storage = watched

    assert (storage / "watch.sock").stat().st_mode & 0o777 == 0o600


def test_a_second_service_on_the_storage_serves_unwatched(watched: tuple[Service, Path]) -> None:
    _, storage = watched
    with service(storage=str(storage)) as second:
        heard = second.talk(chain(SUM), HEADER, lines(2), Close())
        _, log = second.stop()

    assert isinstance(heard[0], Image)
    assert "cannot be watched" in log
    assert board_of(storage).service["pid"] != second.process.pid


def test_nobody_is_found_where_no_service_runs(tmp_path: Path) -> None:
    with pytest.raises(UnwatchedError, match="no service runs"):
        board_of(tmp_path)


def test_the_log_has_a_line_at_the_begin_one_at_the_end_and_the_notices(tmp_path: Path) -> None:
    with service(storage=str(tmp_path), log_format="json") as running:
        running.talk(chain(gadget("TellPid"), SUM), HEADER, lines(2), Close())
        _, log = running.stop()

    facts = [json.loads(line) for line in log.splitlines()]
    told = [fact["message"].partition(": ")[2] for fact in facts if "session" in fact]
    assert [text.split(" ")[0] for text in told] == ["began,", "INF", "complete,"]
    (told_of,) = {fact["session"] for fact in facts if "session" in fact}
    assert len(told_of) == 8
    assert all({"time", "level", "logger", "message"} <= set(fact) for fact in facts)


@pytest.mark.parametrize(
    ("protocol", "shown"),
    [
        ("qsm_3D", "qsm_3D"),
        ("ROE test", ""),
        ("for jane", ""),
        ("4711-a", ""),
        ("x" * 99, "x" * 64),
    ],
)
def test_a_protocol_that_names_the_patient_is_not_shown(protocol: str, shown: str) -> None:
    assert public_protocol(NAMED.xml.replace(b"%s", protocol.encode())) == shown


def test_names_and_notices_of_the_wire_are_bounded() -> None:
    events = ScanEvents()
    scan = WatchedScan("0a1b2c3d", "127.0.0.1", events)
    long = "x" * 10_000

    scan.learn(ScanFacts(f"{long} {long}", long, (long,), (long,)))
    for _ in range(1000):
        scan.notice(long)

    facts = json.dumps(scan.record.as_facts(notices=True))
    assert len(facts) < 100 * 510 + 1000
    assert scan.record.notices_lost == 900


def test_totals_never_fall_when_a_scan_ends() -> None:
    events = ScanEvents()
    scan = WatchedScan("0a1b2c3d", "127.0.0.1", events)
    events.running["0a1b2c3d"] = scan
    scan.learn(ScanFacts("qsm 1a2b"))
    scan.record.lines, scan.record.received = 7, 2_000_000
    before = events.sums()

    scan.ended(Summary("complete", lines=9, megabytes=2.5))
    scan.ended(Summary("lost"))  # the first word counts

    after = events.sums()
    assert (before.lines, after.lines) == (7, 9)
    assert (before.received, after.received) == (2_000_000, 2_500_000)
    assert after.scans == {"complete": 1}


def test_a_record_survives_json() -> None:
    scan = ScanRecord("0a1b2c3d", config="qsm", stages=["a"], stage_s=[0.5], notices=["INF x"])

    again = ScanRecord.of_facts(json.loads(json.dumps(scan.as_facts(notices=True) | {"new": 1})))

    assert again == scan


def test_a_path_is_short_however_deep_the_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 100) / ("b" * 100)
    deep.mkdir(parents=True)

    with short_path(deep) as path:
        assert len(path) < 40
        assert Path(path).samefile(deep)

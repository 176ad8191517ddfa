"""Limits of time and number, each with its answer; signals."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from narrowing import as_a
from toy_client import HEADER, PATIENCE_S, Service, all_gone, chain, gadget, lines, service

from streamrecon.errors import ConfigError, TruncatedStream
from streamrecon.mrd.wire.messages import Close, ConfigText, Dependency, Image, Message, Query, Text
from streamrecon.server.doors.listening_sockets import listening_sockets
from streamrecon.server.settings import Settings

SUM = gadget("SumLines")
TALKING = chain(gadget("TellPid"), SUM)
QUERY = ConfigText(
    "<gadgetronStreamConfiguration><writer><slot>1019</slot></writer>"
    "<gadget><name>NoiseSummaryGadget</name></gadget></gadgetronStreamConfiguration>"
)


def test_silence_ends_with_its_limit_named() -> None:
    with service(opening_s=0.4, idle_s=0.6, total_s=2.0, sessions=4) as running:
        clients = [running.connect() for _ in range(5)]
        _mute, config_only, paused, busy, asking = clients
        config_only.send(chain(SUM))
        paused.send(TALKING, HEADER, lines(1))
        busy.send(chain(gadget("Slow", pause_s=30)), HEADER, lines(1), Close())
        asking.send(QUERY)

        told = [client.hear_all() for client in clients]

    for client in clients:
        client.socket.close()
    assert told[0] == [
        Text("ERR [timeout] no configuration came within 0.4 s of connecting"),
        Close(),
    ]
    assert as_a(Text, told[1][0]).text.startswith("ERR [timeout] no header came for 0.4 s")
    assert as_a(Text, told[2][1]).text.startswith("ERR [timeout] the stream paused for 0.6 s")
    assert told[3] == [Text("ERR [timeout] the session took longer than 2 s"), Close()]
    assert told[4] == [Dependency({"status": ("failed",)}), Close()]
    assert all(one[-1] == Close() for one in told)


def test_a_client_that_reads_nothing_for_too_long_is_let_go() -> None:
    burst = gadget("Burst", images=50, image_mib=4)
    with service(stall_s=0.5, output_queue_mib=8) as running:
        with running.connect(receive_buffer=1 << 16) as client:
            client.send(chain(burst), HEADER, Close())
            time.sleep(1.5)
            with pytest.raises((ConnectionError, TruncatedStream)):
                client.hear_all()  # ends within a message: nobody could be told
        after = running.talk(chain(SUM), HEADER, lines(1), Close())
        code, log = running.stop()

    assert after[-1] == Close()
    assert code == 0
    assert "it read nothing for 0.5 s" in log


def test_too_many_bytes_are_refused() -> None:
    with service(session_gib=1 / 1024) as running:
        heard = running.talk(chain(SUM), HEADER, lines(8000, samples=200), Close())

    assert as_a(Text, heard[0]).text.startswith("ERR [protocol] stream: bytes")
    assert heard[1:] == [Close()]


@pytest.fixture(scope="module")
def narrow() -> Iterator[Service]:
    """A service for one scan at a time."""
    with service(sessions=1, wait_s=2.0, drain_idle_s=0.5) as running:
        yield running


def test_a_client_beyond_the_limit_waits_for_its_turn(narrow: Service) -> None:
    with narrow.connect() as first, narrow.connect() as second:
        first.send(TALKING, HEADER, lines(1))
        while not first.heard:
            first.hear()
        second.send(chain(SUM), HEADER, lines(7), Close())
        first.send(Close())
        first.hear_all()
        heard = second.hear_all()

    assert isinstance(first.heard[-2], Image)
    assert as_a(Image, heard[0]).data.ravel()[0] == 7


def refused_beside_a_scan(running: Service) -> list[Message]:
    """What a scan and a noise query hear while another scan has the only place."""
    with running.connect() as first:
        first.send(TALKING, HEADER, lines(1))
        while not first.heard:
            first.hear()
        heard = running.talk(chain(SUM), HEADER, lines(7), Close())
        query = running.talk(QUERY, Close())
        first.send(Close())
        first.hear_all()

    assert query == [Dependency({"status": ("failed",)}), Close()]
    assert first.heard[-1] == Close()
    return heard


def test_a_client_that_waits_too_long_is_told_so(narrow: Service) -> None:
    heard = refused_beside_a_scan(narrow)

    assert heard == [Text("ERR [busy] no place became free in 2 s"), Close()]


def test_a_client_beyond_the_limit_may_be_told_at_once() -> None:
    with service(sessions=1, when_full="refuse") as running:
        heard = refused_beside_a_scan(running)

    assert heard == [Text("ERR [busy] 1 scans are running, which is the limit"), Close()]


def test_clients_that_say_nothing_take_no_place(narrow: Service) -> None:
    mute = [narrow.connect() for _ in range(3)]

    heard = narrow.talk(chain(SUM), HEADER, lines(7), Close())

    for client in mute:
        client.socket.close()
    assert as_a(Image, heard[0]).data.ravel()[0] == 7


def test_only_the_allowed_networks_are_served() -> None:
    with service(host=["127.0.0.1", "::1"], allow=["::1/128"]) as running:
        with running.connect("127.0.0.1") as stranger:
            stranger_heard = stranger.hear_bytes()
        with running.connect("::1") as known:
            known.send(Query("gadgetron::version"), Close())
            known_heard = known.hear_all()

    assert stranger_heard == b""
    assert known_heard[-1] == Close()


def test_only_so_many_connections_that_speak_are_open() -> None:
    with service(connections=2) as running, running.connect() as one, running.connect() as two:
        for client in (one, two):
            client.send(TALKING, HEADER, lines(1))
            client.hear()
        with running.connect() as third:
            third_heard = third.hear_bytes()

    assert third_heard == b""


def test_sigterm_lets_scans_end_refuses_who_waits_and_exits_with_0() -> None:
    with service(sessions=1, drain_idle_s=0.5) as running, running.connect() as scan:
        scan.send(TALKING, HEADER, lines(1))
        while not scan.heard:
            scan.hear()
        with running.connect() as waiting, running.connect() as mute:
            waiting.send(chain(SUM), HEADER)
            time.sleep(0.3)
            running.process.send_signal(signal.SIGTERM)
            waiting.hear_all()
            mute.hear_all()
        with pytest.raises(ConnectionRefusedError):
            running.connect()
        scan.send(lines(4), Close())
        scan.hear_all()
        code = running.process.wait(PATIENCE_S)

    assert waiting.heard == [Text("ERR [busy] the service is stopping"), Close()]
    assert mute.heard == waiting.heard
    assert next(m for m in scan.heard if isinstance(m, Image)).data.ravel()[0] == 5
    assert scan.heard[-1] == Close()
    assert code == 0


def test_a_signal_to_the_whole_group_cuts_no_scan() -> None:
    with service(drain_idle_s=0.5) as running, running.connect() as scan:
        scan.send(TALKING, HEADER, lines(1))
        while not scan.heard:
            scan.hear()
        for process in [*running.workers(), psutil.Process(running.process.pid)]:
            process.send_signal(signal.SIGTERM)
        scan.send(lines(4), Close())
        scan.hear_all()
        code = running.process.wait(PATIENCE_S)

    assert scan.heard[-1] == Close()
    assert isinstance(scan.heard[-2], Image)
    assert code == 0


def test_a_second_sigterm_ends_scans_with_err_and_close() -> None:
    with service(drain_idle_s=0.5) as running, running.connect() as scan:
        scan.send(TALKING, HEADER, lines(1))
        while not scan.heard:
            scan.hear()
        running.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        running.process.send_signal(signal.SIGTERM)
        scan.hear_all()
        scan.socket.close()
        code = running.process.wait(PATIENCE_S)

    assert scan.heard[1:] == [Text("ERR [busy] the service was stopped"), Close()]
    assert code == 1


def test_workers_end_by_themselves_when_the_service_is_killed() -> None:
    with service(drain_idle_s=0.5) as running, running.connect() as scan:
        scan.send(TALKING, HEADER, lines(1))
        while not scan.heard:
            scan.hear()
        family = running.workers()
        os.kill(running.process.pid, signal.SIGKILL)
        gone = all_gone(family)

    assert gone


def test_a_service_whose_workers_cannot_start_ends_and_says_why() -> None:
    script = Path(__file__).with_name("toy_service.py")
    settings = json.dumps({"port": 0, "host": ["127.0.0.1"]})

    ended = subprocess.run(
        [sys.executable, str(script), settings, "broken"],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )

    assert ended.returncode == 1
    assert "ModuleNotFoundError: no gadgets" in ended.stderr
    assert "no worker became ready; the log says why" in ended.stderr
    assert ended.stdout == ""


def test_an_address_that_is_taken_is_refused_by_name() -> None:
    with service() as running:
        taken = Settings(host=("127.0.0.1",), port=running.port)

        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1 port {running.port}"):
            listening_sockets(taken)

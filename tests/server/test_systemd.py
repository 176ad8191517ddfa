"""The service under systemd, played by the test: notices, watchdog, passed sockets, reload."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from narrowing import as_a, given
from toy_client import HEADER, PATIENCE_S, Client, Service, chain, gadget, lines

from streamrecon.errors import ConfigError
from streamrecon.mrd.wire.messages import Close, Image, Query, Text
from streamrecon.server.health.systemd import notify, passed_sockets, watchdog_period_s
from streamrecon.server.settings import Settings
from streamrecon.server.settings_renewal import AT_START, renewed
from streamrecon.server.watching.watch_settings import WatchSettings

_HERE = Path(__file__).parent
_WITH_DESCRIPTOR_3 = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3, inheritable=True);"
    " os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1');"
    " os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd listens with."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(PATIENCE_S)
        yield end


def heard(manager: socket.socket, wanted: str) -> list[str]:
    """The states up to the wanted one."""
    states: list[str] = []
    while wanted not in states:
        states += manager.recv(4096).decode().splitlines()
    return states


@pytest.fixture
def started(
    manager: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Service]]:
    """Starts a service that systemd watches; what it said so far is read off."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    running: list[Service] = []

    def start(**settings: Any) -> Service:
        running.append(Service(reread=str(tmp_path / "settings.json"), **settings))
        assert "READY=1" in heard(manager, "READY=1")
        return running[-1]

    yield start
    for each in running:
        each.process.kill()
        each.process.communicate()
        each.close()


def test_ready_alive_and_stopping_are_told_in_their_turn(
    started: Callable[..., Service], manager: socket.socket
) -> None:
    running = started()
    alive = [heard(manager, "WATCHDOG=1") for _ in range(3)]
    running.process.send_signal(signal.SIGTERM)
    states = heard(manager, "STOPPING=1")

    assert all(each[-1] == "WATCHDOG=1" for each in alive)
    assert "READY=1" not in states
    assert running.process.wait(PATIENCE_S) == 0


def test_who_is_stopped_gives_no_sign_of_life(
    started: Callable[..., Service], manager: socket.socket
) -> None:
    running = started()
    running.process.send_signal(signal.SIGSTOP)
    manager.settimeout(1.0)

    with pytest.raises(TimeoutError):
        while True:  # what was on its way, and then nothing
            manager.recv(4096)
    running.process.send_signal(signal.SIGCONT)


def reload(running: Service, manager: socket.socket, tmp_path: Path, **settings: object) -> None:
    """Change the settings, send SIGHUP and wait until that is done."""
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    running.process.send_signal(signal.SIGHUP)
    states = heard(manager, "RELOADING=1")
    clock = next(each for each in states if each.startswith("MONOTONIC_USEC="))
    assert int(clock.partition("=")[2]) <= time.monotonic_ns() // 1000
    heard(manager, "READY=1")


def test_settings_are_read_again_and_no_scan_is_dropped(
    started: Callable[..., Service], manager: socket.socket, tmp_path: Path
) -> None:
    running = started(allow=["127.0.0.0/8"])
    with running.connect() as scan:
        scan.send(chain(gadget("TellPid"), gadget("SumLines")), HEADER, lines(2))
        scan.hear()

        reload(running, manager, tmp_path, allow=["127.0.0.9"])
        with running.connect() as stranger:
            refused = stranger.hear_bytes()
        reload(running, manager, tmp_path, allow=["127.0.0.0/8"], session_gib=1e-6)
        scan.send(lines(3), Close())
        scan.hear_all()
        after = running.talk(chain(gadget("SumLines")), HEADER, lines(100), Close())

    assert refused == b""
    assert isinstance(scan.heard[-2], Image)
    assert scan.heard[-2].data.ravel()[0] == 5  # all lines of before and after
    assert scan.heard[-1] == Close()
    assert as_a(Text, after[0]).text.startswith("ERR [protocol]")  # by the new limit


def test_a_wrong_setting_leaves_the_old_ones(
    started: Callable[..., Service], manager: socket.socket, tmp_path: Path
) -> None:
    running = started()

    reload(running, manager, tmp_path, tls_certificate="/nowhere.pem", allow=["127.0.0.9"])
    answer = running.talk(Query("gadgetron::version"), Close())

    assert answer[-1] == Close()
    assert "the old ones stay: TLS: /nowhere.pem" in running.stop()[1]


def test_what_was_opened_at_the_start_stays_until_a_restart(
    caplog: pytest.LogCaptureFixture,
) -> None:
    old = Settings(storage=None, port=9002, total_s=7)

    new = renewed(old, Settings(storage=None, port=9003, sessions=9, total_s=8))

    assert (new.port, new.sessions, new.total_s) == (9002, old.sessions, 8)
    assert "port, sessions: a restart is needed" in caplog.text
    begun_with = {
        "host",
        "port",
        "socket_activation",
        "sessions",
        "sessions_per_address",
        "storage",
    }
    assert begun_with == AT_START - set(WatchSettings.model_fields)
    assert set(WatchSettings.model_fields) < AT_START


def test_the_sockets_of_systemd_are_listened_on() -> None:
    """Of both families, so that IPv4 clients have mapped addresses."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as door:
        port = door.getsockname()[1]
        settings = {"storage": None, "socket_activation": True, "allow": ["127.0.0.2"]}
        words = [str(door.fileno()), str(_HERE / "toy_service.py"), json.dumps(settings)]
        with subprocess.Popen(
            [sys.executable, "-c", _WITH_DESCRIPTOR_3, *words],
            pass_fds=[door.fileno()],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(_HERE), *sys.path])},
        ) as process:
            assert json.loads(given(process.stdout).readline())[0][1] == port
            answers = [_ask(port, f"127.0.0.{last}") for last in (2, 3)]
            process.terminate()

    assert answers[0].endswith(b"\4\0")  # CLOSE
    assert answers[1] == b""


def _ask(port: int, address: str) -> bytes:
    client = Client(("127.0.0.1", port))
    with socket.create_connection(("127.0.0.1", port), source_address=(address, 0)) as end:
        client.socket.close()
        client.socket = end
        end.settimeout(PATIENCE_S)
        try:
            client.send(Query("gadgetron::version"), Close())
            return client.hear_bytes()
        except ConnectionError:
            return b""


@pytest.mark.parametrize(
    "environment",
    [{}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_FDS": "x", "LISTEN_PID": "{own}"}],
    ids=["none", "of another process", "no number"],
)
def test_no_sockets_are_a_fault_of_the_unit(environment: dict[str, str]) -> None:
    own = {name: text.format(own=os.getpid()) for name, text in environment.items()}

    with pytest.raises(ConfigError, match=r"needed a \.socket unit"):
        passed_sockets(own)


def test_the_watchdog_of_another_process_is_not_ours() -> None:
    assert watchdog_period_s({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}) is None
    assert watchdog_period_s({}) is None


def test_a_manager_with_an_abstract_name_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(f"\0streamrecon-{os.getpid()}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@streamrecon-{os.getpid()}")
        notify("READY=1", "STATUS=here")
        end.settimeout(5)

        assert end.recv(100) == b"READY=1\nSTATUS=here"


def test_a_manager_that_is_gone_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))

    notify("READY=1")  # raises nothing

    assert not (tmp_path / "gone").exists()

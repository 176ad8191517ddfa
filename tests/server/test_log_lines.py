"""What is logged stays one line a record, and nobody waits for it."""

from __future__ import annotations

import logging
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from narrowing import given
from toy_client import HEADER, PATIENCE_S, all_gone, chain, chain_xml, gadget, lines, service

from streamrecon.mrd.wire.messages import Close, ConfigText, Image
from streamrecon.server.health.log_lines import OneLine, StderrLines, escaped, nonblocking_stderr

_RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ +[\w.]+: ")


@pytest.mark.parametrize(
    "character", ["\n", "\r", "\x1b", "\x00", "\x07", "\x7f", "\x85", "\u2028", "\u202e", "\ud800"]
)
def test_what_drives_a_terminal_or_breaks_a_line_is_escaped(character: str) -> None:
    text = escaped(f"a{character}b")

    assert text.isprintable()
    assert text.startswith("a\\")
    assert text.encode().decode("unicode_escape") == f"a{character}b"


def test_a_traceback_has_no_line_that_looks_like_a_record() -> None:
    forged = "x\n2026-01-01 00:00:00,000 INFO    streamrecon: all is well"
    try:
        int(forged)
    except ValueError:
        record = logging.LogRecord("a", 40, "", 0, "%s", (forged,), sys.exc_info())

    lines = OneLine("%(asctime)s %(levelname)-7s %(name)s: %(message)s").format(record).split("\n")

    assert [bool(_RECORD.match(line)) for line in lines] == [True] + [False] * (len(lines) - 1)
    assert len(lines) > 3


def test_what_did_not_fit_is_counted_and_told_later() -> None:
    written: list[bytes] = []
    is_full = True

    def write(piece: bytes) -> int:
        if is_full:
            raise BlockingIOError
        written.append(piece)
        return len(piece)

    lines = StderrLines(write)
    for n in range(3):
        lines.emit(logging.LogRecord("a", 20, "", 0, "line %d", (n,), None))
    is_full = False
    lines.emit(logging.LogRecord("a", 20, "", 0, "line 3", (), None))
    lines.emit(logging.LogRecord("a", 20, "", 0, "line 4", (), None))

    assert written == [b"3 log lines were lost: nobody read stderr\nline 3\n", b"line 4\n"]


@pytest.mark.parametrize("kind", ["pipe", "socket", "closed"])
def test_a_stderr_that_nobody_reads_is_never_waited_for(kind: str) -> None:
    """The flags of the descriptor itself, which others hold too, stay as they are."""
    code = (
        "import logging, os; from streamrecon.server.health.log_lines import log_to_stderr\n"
        + ("os.close(2)\n" if kind == "closed" else "")
        + "log_to_stderr('INFO')\n"
        "for n in range(3000): logging.getLogger('a').info('x' * 200)\n"
        + ("" if kind == "closed" else "assert os.get_blocking(2)\n")
        + "print('done')"
    )
    read, write = os.pipe() if kind == "pipe" else map(socket.socket.detach, socket.socketpair())

    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        stderr=write,
        stdout=subprocess.PIPE,
        timeout=PATIENCE_S,
    )

    os.close(read)
    os.close(write)
    assert done.stdout == b"done\n"


def test_lines_reach_a_file_whole(tmp_path: Path) -> None:
    code = (
        "import logging; from streamrecon.server.health.log_lines import log_to_stderr\n"
        "log_to_stderr('INFO')\nlogging.getLogger('a').info('x' * 9000 + 'ü')"
    )
    with (tmp_path / "log").open("wb") as log:
        subprocess.run([sys.executable, "-c", code], stderr=log, check=True)

    assert (tmp_path / "log").read_text(encoding="utf-8").endswith("x" * 9000 + "ü\n")
    assert nonblocking_stderr() is not None


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """The end for writing of a pipe that is full and that nobody reads."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(write, b"x" * 4096)
    os.set_blocking(write, True)
    yield write
    os.close(read)
    os.close(write)


def test_scans_are_served_while_nobody_reads_stderr(full_pipe: int) -> None:
    with service(stderr=full_pipe, log_level="DEBUG") as running:
        for _ in range(3):
            heard = running.talk(chain(gadget("SumLines")), HEADER, lines(3), Close())
            assert heard[-1] == Close()
            assert any(isinstance(message, Image) for message in heard)


@pytest.mark.parametrize("pause_s", [0.0, 0.1, 0.3, 0.6])
def test_workers_that_start_as_their_listener_dies_end_too(full_pipe: int, pause_s: float) -> None:
    with service(stderr=full_pipe, warm_workers=2) as running:
        running.talk(chain(gadget("SumLines")), HEADER, lines(3), Close())
        time.sleep(pause_s)  # a worker in place of the one that served is on its way
        workers = running.workers()
        running.process.kill()

        assert workers
        assert all_gone(workers)


@pytest.mark.parametrize("error", ["ValueError", "DataError"])
def test_a_name_from_the_wire_forges_no_line(error: str) -> None:
    forged = "x&#10;2026-01-01 00:00:00,000 INFO    streamrecon: all is well"
    named = f"<gadget><name>{forged}</name><classname>Fail"
    xml = chain_xml(gadget("Fail", error=error)).replace("<gadget><dll/><classname>Fail", named)

    with service() as running:
        running.talk(ConfigText(xml), HEADER, lines(3), Close())
        _, log = running.stop()

    assert "all is well" in log
    for line in log.splitlines():
        assert line.startswith("    ") or (_RECORD.match(line) and "2026-01-01" not in line[:10])


_BIRTH = """
import os, sys, time
from multiprocessing import forkserver, get_context
if __name__ == "__main__":
    get_context("forkserver").set_forkserver_preload(sys.argv[1:])
    child, ours = forkserver.connect_to_new_process([])
    os.close(ours)  # as if the listener had been killed
    pid, deadline = int.from_bytes(os.read(child, 8), "little"), time.monotonic() + 20
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < deadline:
        time.sleep(0.05)
    print(os.path.exists(f"/proc/{pid}"), flush=True)
    os._exit(0)
"""


def test_a_worker_whose_listener_is_gone_at_its_birth_ends(full_pipe: int, tmp_path: Path) -> None:
    """Python's own words about it come before our code runs in the worker."""
    (tmp_path / "birth.py").write_text(_BIRTH)
    command = [
        sys.executable,
        str(tmp_path / "birth.py"),
        "streamrecon.server.workers.fork_server_words",
    ]

    with subprocess.Popen(command, stderr=full_pipe, stdout=subprocess.PIPE) as process:
        remains = given(process.stdout).readline()

    assert remains == b"False\n"

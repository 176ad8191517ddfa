"""Times a stranger's way to a scan on the page: a new clone, the README's command, the browser.

    python benchmarks/time_first_watch.py

The steps that a person takes are counted; seconds stand at what can be seen. Packages come from
where pip finds them. The page is opened in Chromium where there is one, else by HTTP.
"""

from __future__ import annotations

import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "web")]
from browser import PROGRAM, chromium  # noqa: E402
from narrowing import given  # noqa: E402

LIMIT_S = 1800.0
COMMAND = "make watch"
SETUP_ENDS = "scripts/demo.py"  # make says what it does next
ADDRESS = re.compile(r"open (http://\S+)#token=(\S+)")


class Clock:
    """Prints what can be seen, and when; one row each."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._before = self._began

    def tell(self, what: str) -> None:
        """A row: seconds of its own, seconds since the begin."""
        now = time.monotonic()
        print(f"| {what} | {now - self._before:.1f} s | {now - self._began:.1f} s |", flush=True)
        self._before = now


def main() -> int:
    """Clone, run the README's command, open the page, wait for the scan and its images."""
    assert COMMAND in (ROOT / "README.md").read_text(encoding="utf-8")
    print("| what can be seen | of its own | since the begin |\n|---|---|---|")
    clock = Clock()
    with tempfile.TemporaryDirectory() as name, ExitStack() as opened:
        folder = Path(name) / "streamrecon"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
        clock.tell("step 1, `git clone`: the folder")
        lines = opened.enter_context(_running(folder))
        clock.tell(f"step 2, `{COMMAND}` (set-up): environment and packages")
        place = given(next(filter(None, map(ADDRESS.search, lines)), None))
        clock.tell("the page's address")
        look = _in_chromium if PROGRAM else _by_http
        look(place[1], place[2], clock, Path(name))
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"3 steps; {children.ru_utime + children.ru_stime:.0f} s of CPU with all of the scan")
    return 0


@contextmanager
def _running(folder: Path) -> Iterator[Iterator[str]]:
    """The lines that the command prints, from the end of the set-up on; ended by Ctrl-C."""
    with subprocess.Popen(
        COMMAND.split(), cwd=folder, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as command:
        try:
            lines = iter(given(command.stdout).readline, "")
            for line in lines:
                if SETUP_ENDS in line:
                    break
            yield lines
        finally:
            if command.poll() is None:
                _interrupt(command)


def _interrupt(command: subprocess.Popen[str]) -> None:
    """What Ctrl-C in the terminal does: all of the terminal's processes are told."""
    subprocess.run(["kill", "-INT", "--", f"-{command.pid}"], check=False)
    try:
        command.wait(60.0)
    except subprocess.TimeoutExpired:
        command.send_signal(signal.SIGKILL)


def _in_chromium(url: str, token: str, clock: Clock, folder: Path) -> None:
    with chromium(folder / "profile", webgl=True) as tab:
        tab.go(f"{url}#token={token}")
        tab.wait("!document.getElementById('main').hidden")
        clock.tell("step 3, the address in Chromium: the page")
        row = "document.querySelector('#scans tr')"
        for script, what in (
            (row, "the scan on the page"),
            ("document.getElementById('viewer').dataset.drawn", "its first picture"),
            (f"{row}.innerText.includes('complete')", "all of it"),
        ):
            _wait(partial(tab.value, f"!!({row} && {script})"))
            clock.tell(what)


def _by_http(url: str, token: str, clock: Clock, _folder: Path) -> None:
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}) as client:

        def has(fact: str) -> bool:
            found = client.get("/api/scans").json()["scans"]
            return bool(found and found[0][fact])

        clock.tell("step 3, the address by HTTP: the page")
        for fact, what in (
            ("session", "the scan on the page"),
            ("images", "its first image"),
            ("ended", "all of it"),
        ):
            _wait(partial(has, fact))
            clock.tell(what)


def _wait(happens: Callable[[], object]) -> None:
    ends = time.monotonic() + LIMIT_S
    while not happens():
        if time.monotonic() > ends:
            sys.exit("it took too long")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())

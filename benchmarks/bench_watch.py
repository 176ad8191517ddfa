"""What watching costs a scan, and how soon a person sees what happens.

    python benchmarks/bench_watch.py [--pairs 20] [--most 400] [--only cost|page]

CPU of the worker for a scan at full speed with three clients on the event stream and with none, in
interleaved pairs, at least 20 and until the median's interval is narrow; CPU of the page's process
for a scrape; in Chromium the time until a scan is seen, until a killed worker is seen, and, with
1,000 scans of before on record, half of them with readings, until the page stands and lists all.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "server"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "web"))
from browser import Tab, chromium
from kept_scan import keep_many
from narrowing import as_a
from toy_client import HEADER, chain, gadget, lines
from web_service import Page, page, wait_for

from streamrecon.mrd.wire.messages import Close, Header, Text

BATCHES, LINES, SAMPLES = 60, 1000, 256
HALF_WIDTH = 0.02  # of the interval; narrower than what is asked for
SCRAPES, SCANS, LOOKS = 200, 1000, 5
SUM = gadget("SumLines")
ROWS, FIRST = "document.querySelectorAll('#scans tr').length", 100


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=20, help="at least")
    parser.add_argument("--most", type=int, default=400, help="pairs at most")
    parser.add_argument("--only", choices=["cost", "page"])
    given = parser.parse_args()
    if given.only != "page":
        with tempfile.TemporaryDirectory() as name, page(Path(name)) as found:
            cost(found, given.pairs, given.most)
            scrape(found)
    if given.only == "cost":
        return
    with tempfile.TemporaryDirectory() as name:
        keep_many(Path(name), SCANS)
        with page(Path(name)) as found:
            looks(found, Path(name) / "profile")


def cost(found: Page, pairs: int, most: int) -> None:
    """CPU of the worker with and without three who follow."""
    scan(found)
    ratios: list[float] = []
    low, high = 0.0, math.inf
    while len(ratios) < pairs or (len(ratios) < most and high - low > 2 * HALF_WIDTH):
        seconds = {}
        for watchers in (0, 3) if len(ratios) % 2 else (3, 0):
            with ExitStack() as stack:
                for _ in range(watchers):
                    follow(stack, found)
                seconds[watchers] = scan(found)
        ratios.append(seconds[3] / seconds[0])
        low, high = interval_of_median(ratios)
    print(
        f"CPU of the worker with 3 who watch / with none, {len(ratios)} pairs of"
        f" {seconds[0]:.2f} s: median {statistics.median(ratios):.4f},"
        f" 95 % interval {low:.4f} to {high:.4f}",
        flush=True,
    )


def interval_of_median(values: list[float]) -> tuple[float, float]:
    """95 % interval of the median from the order of the values: other work makes long tails."""
    ordered, n = sorted(values), len(values)
    tail, below = 0, 0.0
    while tail < n // 2 and below + math.comb(n, tail) / 2**n <= 0.025:
        below += math.comb(n, tail) / 2**n
        tail += 1
    return (ordered[tail - 1], ordered[n - tail]) if tail else (0.0, math.inf)


def follow(stack: ExitStack, found: Page) -> None:
    """One client on the event stream until the stack is closed."""
    client = stack.enter_context(found.program())
    stream = stack.enter_context(client.stream("GET", "/api/events"))
    reading = threading.Thread(target=drain, args=(stream,))
    reading.start()
    stack.callback(reading.join)
    stack.callback(stream.close)


def drain(stream: httpx.Response) -> None:
    """Read until it is closed."""
    try:
        for _ in stream.iter_bytes():
            pass
    except Exception:  # noqa: BLE001  (closed under it: that is its end)
        pass


def scan(found: Page) -> float:
    """CPU seconds that the worker of one scan says it used."""
    batch = lines(LINES, channels=8, samples=SAMPLES)
    with found.running.connect() as client:
        client.send(chain(SUM, gadget("TellCpu")), HEADER)
        for _ in range(BATCHES):
            client.send(batch)
        client.send(Close())
        said = [m.text for m in client.hear_all() if isinstance(m, Text)]
    return float(next(text for text in said if "cpu" in text).split()[-1])


def scrape(found: Page) -> None:
    """CPU of the page's process for one scrape."""
    process = next(p for p in found.running.workers() if "web" in p.cmdline())
    with found.stranger() as client:
        client.get("/metrics")
        before = process.cpu_times()
        for _ in range(SCRAPES):
            client.get("/metrics")
        after = process.cpu_times()
    spent = after.user + after.system - before.user - before.system
    print(f"CPU for a scrape: {spent / SCRAPES * 1e3:.2f} ms", flush=True)


def looks(found: Page, profile: Path) -> None:
    """What a person waits for."""
    with chromium(profile) as tab, found.program() as client:
        began = time.monotonic()
        client.get(f"/api/scans?limit={SCANS}")
        print(f"1,000 scans as JSON: {time.monotonic() - began:.2f} s", flush=True)
        tab.go(f"{found.url}/#token={found.token}")
        tab.wait(f"{ROWS} === {FIRST}")
        visits = [visit(found, tab) for _ in range(LOOKS)]
        for what, seconds in zip(
            (
                "the page with 1,000 scans on record",
                "a hundred more",
                "all 1,000, from the first click",
            ),
            zip(*visits, strict=True),
            strict=True,
        ):
            print(
                f"{what}: median {statistics.median(seconds):.2f} s, most {max(seconds):.2f} s",
                flush=True,
            )
        seen, killed = zip(*(one_look(found, tab, n) for n in range(LOOKS)), strict=True)
        print(
            f"a scan is seen after median {statistics.median(seen):.2f} s, most {max(seen):.2f} s"
        )
        print(
            f"a killed worker after median {statistics.median(killed):.2f} s,"
            f" most {max(killed):.2f} s"
        )


def visit(found: Page, tab: Tab) -> tuple[float, float, float]:
    """Seconds until the page stands, of the slowest hundred more, until all scans are listed."""
    tab.go("about:blank")
    tab.wait("location.href === 'about:blank'")
    began = time.monotonic()
    tab.go(found.url)
    tab.wait(f"location.href !== 'about:blank' && {ROWS} === {FIRST}")
    stands, more = time.monotonic() - began, []
    for count in range(2 * FIRST, SCANS + 1, FIRST):
        tab.click("#older")
        more.append(tab.wait(f"{ROWS} === {count}"))
    return stands, max(more), sum(more)


def one_look(found: Page, tab: Tab, n: int) -> tuple[float, float]:
    """Seconds until a scan is seen, and until the end of its worker is."""
    name = f"look {n}"
    header = Header(
        "<ismrmrdHeader><measurementInformation><protocolName>"
        f"{name}</protocolName></measurementInformation></ismrmrdHeader>".encode()
    )
    with found.running.connect() as client:
        began = time.monotonic()
        client.send(chain(gadget("TellPid"), SUM), header, lines(2))
        row = "document.querySelector('#scans tr').innerText"
        tab.wait(f"{row}.includes('{name}')")
        seen = time.monotonic() - began
        (said,) = client.hear()
        pid = int(as_a(Text, said).text.split()[-1])
        assert psutil.pid_exists(pid)
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        tab.wait(f"{row}.includes('{name}') && {row}.includes('failed: internal')")
        killed = time.monotonic() - began
        client.hear_all()
    with found.program() as program:
        wait_for(lambda: program.get("/readyz").status_code == 200)
    return seen, killed


if __name__ == "__main__":
    main()

"""The demo: a scan arrives over a socket, its images are on disk a moment later.

Without ``--scan`` the scan is simulated: a whole head of 4 echoes and 8 coils. A name is looked up
among the real scans beside the repository. With ``--watch`` the service has its page, whose address
is printed at once, goes on until Ctrl-C, and the simulated head is coarser.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("STREAMRECON_SHARED", ROOT.parent / "shared" / "data"))
STREAMRECON = [sys.executable, "-m", "streamrecon"]
CONFIG = "gre_full"
SERVER_END_S = 20.0
PAGE_START_S = 120.0
COARSE = ("--matrix", "60,106,86", "--voxel", "3,2.25,2.25", "--grain", "2")
"""What is watched comes soon: a quarter of the voxels."""


def main() -> int:
    """Serve, simulate or find a scan, send it; say what was made."""
    options = _options()
    scan = _found(options.scan) if options.scan else None
    with tempfile.TemporaryDirectory() as scratch:
        began = time.monotonic()
        with _service(Path(scratch), watched=options.watch) as address:
            file = scan or _simulated(Path(scratch), COARSE if options.watch else ())
            server = address()  # while it gets ready, the scan is simulated
            print(f"service on {server}, ready {time.monotonic() - began:.1f} s after its start")
            is_sent = _demonstrated(file, server, options.output)
            if options.watch and is_sent:
                _wait()
    return 0 if is_sent else 1


def _demonstrated(scan: Path, server: str, output: Path) -> bool:
    began = time.monotonic()
    sent = _send(scan, server, output)
    seconds = time.monotonic() - began
    if sent.returncode != 0:
        print(f"the demo failed: `streamrecon send` ended with {sent.returncode}", file=sys.stderr)
        return False
    megabytes = scan.stat().st_size / 1e6
    print(f"{scan.name}: {megabytes:.0f} MB sent, reconstructed and written in {seconds:.1f} s")
    _report(sent.stdout.splitlines())
    return True


def _wait() -> None:
    """Let a person look until Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in the background
    with suppress(KeyboardInterrupt):
        print("Ctrl-C ends the service", flush=True)
        signal.pause()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Reconstruct a scan that arrives over a socket.")
    parser.add_argument(
        "--scan", metavar="NAME|FILE", help="a real scan instead of a simulated one"
    )
    parser.add_argument("--watch", action="store_true", help="on a page in the browser")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    return parser.parse_args()


def _found(scan: str) -> Path:
    if Path(scan).is_file():
        return Path(scan)
    known = {path.stem: path for path in sorted(SHARED.rglob("*.h5"))}
    name = scan.removesuffix(".h5")
    if name not in known:
        names = "\n  ".join(known) or "none: there is no ../shared/data"
        sys.exit(f"no file and no real scan {scan!r}; there are\n  {names}")
    return known[name]


def _simulated(folder: Path, grid: Sequence[str]) -> Path:
    print(f"simulating a head: 4 echoes, 8 coils, some {10 if grid else 40} s", flush=True)
    scan = folder / "head.h5"
    command = [sys.executable, "-m", "streamrecon_simulator", "write", "demo", *grid, "--no-truth"]
    subprocess.run([*command, "-o", str(scan)], check=True, stdout=subprocess.DEVNULL)
    return scan


@contextmanager
def _service(scratch: Path, *, watched: bool) -> Iterator[Callable[[], str]]:
    """Run the service on a free loopback port; give what waits for its address; end it."""
    storage, place = scratch / "storage", f"127.0.0.1:{_free_port()}"
    command = [*STREAMRECON, "serve", "--port", "0", "--storage", str(storage)]
    command += ["--web", place, "--raw-folder", str(scratch / "raw")] if watched else []
    log = (scratch / "service.log").open("w+")
    with log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as service:
        try:
            if watched:
                print(
                    f"open http://{place}/#token={_token(service, storage, log.name)}", flush=True
                )
            yield partial(_address, service, log.name)
        finally:
            service.terminate()
            try:
                service.wait(SERVER_END_S)
            except subprocess.TimeoutExpired:
                service.kill()


def _address(service: subprocess.Popen[str], log: str) -> str:
    line = service.stdout.readline() if service.stdout else ""
    found = re.search(r"127\.0\.0\.1:\d+", line)
    if not found:
        sys.exit(f"the service did not start:\n{Path(log).read_text()}")
    return found[0]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _token(service: subprocess.Popen[str], storage: Path, log: str) -> str:
    """With what the page is opened; it is there when the page listens."""
    ends = time.monotonic() + PAGE_START_S
    while not (file := storage / "web-token").exists():
        if time.monotonic() > ends or service.poll() is not None:
            sys.exit(f"the page did not start:\n{Path(log).read_text()}")
        time.sleep(0.1)
    return file.read_text(encoding="ascii").strip()


def _send(scan: Path, server: str, output: Path) -> subprocess.CompletedProcess[str]:
    command = [*STREAMRECON, "send", str(scan), "--to", server]
    command += ["--config", CONFIG, "-o", str(output)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)


def _report(files: list[str]) -> None:
    for file in files:
        print(f"  {os.path.relpath(file)}")
    sheets = [file for file in files if file.endswith("_sheet.png")]
    print(f"look at {os.path.relpath(sheets[0])}" if sheets else "no contact sheet was made")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

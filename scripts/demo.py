"""The demo: a scan arrives over a socket, its images are on disk a moment later.

Without ``--scan`` the scan is simulated: a whole head of 4 echoes and 8 coils. A name is looked up
among the real scans beside the repository.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("STREAMRECON_SHARED", ROOT.parent / "shared" / "data"))
STREAMRECON = [sys.executable, "-m", "streamrecon"]
CONFIG = "gre_full"
SERVER_END_S = 20.0


def main() -> int:
    """Simulate or find a scan, serve, send; say what was made."""
    options = _options()
    with tempfile.TemporaryDirectory() as scratch:
        scan = _found(options.scan) if options.scan else _simulated(Path(scratch))
        began = time.monotonic()
        with _service(Path(scratch)) as server:
            print(f"service on {server} after {time.monotonic() - began:.1f} s", flush=True)
            began = time.monotonic()
            sent = _send(scan, server, options.output)
            seconds = time.monotonic() - began
        megabytes = scan.stat().st_size / 1e6
    if sent.returncode != 0:
        print(f"the demo failed: `streamrecon send` ended with {sent.returncode}", file=sys.stderr)
        return 1
    print(f"{scan.name}: {megabytes:.0f} MB sent, reconstructed and written in {seconds:.1f} s")
    _report(sent.stdout.splitlines())
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Reconstruct a scan that arrives over a socket.")
    parser.add_argument(
        "--scan", metavar="NAME|FILE", help="a real scan instead of a simulated one"
    )
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


def _simulated(folder: Path) -> Path:
    print("simulating a head: 4 echoes, 8 coils, some 40 s", flush=True)
    scan = folder / "head.h5"
    command = [sys.executable, "-m", "streamrecon_simulator", "demo", "-o", str(scan)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return scan


@contextmanager
def _service(scratch: Path) -> Iterator[str]:
    """Run the service on a free loopback port; give its address, end it by its id."""
    command = [*STREAMRECON, "serve", "--port", "0", "--storage", str(scratch / "noise")]
    log = (scratch / "service.log").open("w+")
    with log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as service:
        try:
            yield _address(service, log.name)
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
    sys.exit(main())

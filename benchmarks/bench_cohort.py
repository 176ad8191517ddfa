"""A cohort that is killed and gone on with, and one on Dask's workers beside plain processes.

python benchmarks/bench_cohort.py [kills] [dask] [page] [--scans N] [--seed N]

kills: small scans, the run killed three times at random and given again; every result is compared
with that of the same scan in a run that was left alone. dask: two workers on loopback against two
plain processes, in turns, and one of the workers killed on its way. page: what a browser needs for
the overview of 1,000 scans.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.write import write_scan

from streamrecon.cohort.job import DONE, Record
from streamrecon.cohort.overview import write_overview
from streamrecon.cohort.scan_tree import RAW, CohortScan

KILLS, DIFFERENT, ROUNDS, DASK_SCANS = 3, 8, 3, 12
CHAIN = "gre_recon"


def main() -> None:
    """Print every table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", default=["kills", "dask", "page"])
    parser.add_argument("--scans", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        if "kills" in options.tables:
            kills(place / "kills", options.scans, random.Random(options.seed))
        if "dask" in options.tables:
            dask(place / "dask", DASK_SCANS)
        if "page" in options.tables:
            page(place / "page", 1000)


def kills(place: Path, scans: int, chance: random.Random) -> None:
    """Kill a run three times at random, then let it end."""
    raw, output = cohort(place / "raw", scans), place / "killed"
    single = cohort(place / "single", DIFFERENT)
    began = time.monotonic()
    run(single, place / "alone")
    each_s = (time.monotonic() - began) / DIFFERENT
    done, waited = [], []
    for _ in range(KILLS):
        waited.append(chance.uniform(0.05, 0.25) * scans * each_s)
        with started(raw, output, "--jobs", "2") as process:
            try:
                process.wait(waited[-1])
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        done.append(finished(output))
    ended = run(raw, output, "--jobs", "2")
    truth, found = checksums(place / "alone"), checksums(output)
    right = sum(found.get(own(name, n)) == truth[own(name, n % DIFFERENT)]
                for n in range(scans) for name in kinds(truth))  # fmt: skip
    print(f"{scans} small scans, {each_s:.2f} s each")
    print(f"killed after {', '.join(f'{s:.0f} s' for s in waited)}; done then: {done}")
    print(f"last run: {ended}")
    print(f"images: {len(found)}, needed {scans * len(kinds(truth))}; right to the bit: {right}")
    print(f"scans recorded as done: {finished(output)}; scratch files left: {left_over(output)}")


def own(kind: str, number: int) -> str:
    """Name of a scan's image."""
    return f"sub-{number:03d}{kind}"


def kinds(truth: dict[str, str]) -> list[str]:
    """Endings of the names of one scan's images."""
    return [name.removeprefix("sub-000") for name in truth if name.startswith("sub-000")]


def finished(output: Path) -> int:
    """How many scans are recorded as done."""
    return sum(json.loads(path.read_bytes())["state"] == DONE for path in done_in(output))


def left_over(output: Path) -> int:
    """Files that a killed run left behind."""
    return len(list(output.rglob(".unfinished*"))) + len(list(output.rglob("unfinished/*")))


def dask(place: Path, scans: int) -> None:
    """Two Dask workers of one thread against ``--jobs 2``, in turns, and a worker's death."""
    raw = cohort(place / "raw", scans)
    with cluster(place) as (address, workers):
        ratios = []
        for turn in range(ROUNDS):
            plain = timed(raw, place / f"plain-{turn}", "--jobs", "2")
            spread = timed(raw, place / f"dask-{turn}", "--scheduler", address)
            ratios.append(plain / spread)
            print(f"two processes {plain:.1f} s, two workers {spread:.1f} s: {ratios[-1]:.2f}")
        same = checksums(place / "plain-0") == checksums(place / "dask-0")
        print(f"rate of two workers over two processes: {statistics.median(ratios):.2f}")
        print(f"bit-identical: {same}")
        with started(raw, place / "death", "--scheduler", address) as process:
            while len(done_in(place / "death")) < 2 and process.poll() is None:
                time.sleep(0.1)
            workers[0].send_signal(signal.SIGKILL)
            process.wait()
        whole = checksums(place / "death") == checksums(place / "plain-0")
        print(f"a worker killed after {len(done_in(place / 'death'))} scans; all there: {whole}")


def page(place: Path, scans: int) -> None:
    """Time to load the overview of many scans, in a browser without a screen."""
    place.mkdir(parents=True)
    (place / "thumbnails").mkdir()
    rows, records = [], {}
    for number in range(scans):
        scan = CohortScan({"sub": f"{number:04d}"}, RAW, (Path("x.h5"),), ("x.h5",))
        rows.append(scan)
        records[scan.name] = Record(scan.name, DONE, "", {}, facts={"images": 12, "b0_t": 3.0})
        picture = os.urandom(9000)  # bytes of a PNG of 192 x 64
        (place / "thumbnails" / f"{scan.name}.png").write_bytes(picture)
    shown = write_overview(rows, records, {}, place)
    print(f"overview of {scans} scans: {shown.stat().st_size / 1e3:.0f} kB of HTML")
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        print("found no chromium: not timed")
        return
    words = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--screenshot=/dev/null"]
    empty = place / "empty.html"
    empty.write_text("<!DOCTYPE html><title>none</title>")
    seconds = []
    for target in (empty, shown) * ROUNDS:
        began = time.monotonic()
        subprocess.run(
            [*words, target.as_uri()], check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        seconds.append(time.monotonic() - began)
    own = [full - bare for bare, full in zip(seconds[::2], seconds[1::2], strict=True)]
    print(f"loaded in {statistics.median(own):.2f} s beyond an empty page")


def cohort(raw: Path, scans: int) -> Path:
    """Small scans of different noise; some are copies, each under its own name."""
    raw.mkdir(parents=True)
    for number in range(min(scans, DIFFERENT)):
        write_scan(simulate(replace(SCENES["tiny"], seed=number)), raw / f"sub-{number:03d}.h5")
    for number in range(DIFFERENT, scans):
        shutil.copy(raw / f"sub-{number % DIFFERENT:03d}.h5", raw / f"sub-{number:03d}.h5")
    return raw


def started(raw: Path, output: Path, *more: str) -> subprocess.Popen[bytes]:
    """A batch on its way."""
    words = ["batch", str(raw), "-o", str(output), "--config", CHAIN, *more]
    return subprocess.Popen(
        [sys.executable, "-m", "streamrecon", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def run(raw: Path, output: Path, *more: str) -> str:
    """The summary of a batch that is left alone."""
    with started(raw, output, *more) as process:
        errors = process.communicate()[1].decode()
    return next(line for line in reversed(errors.splitlines()) if " scans: " in line)


def timed(raw: Path, output: Path, *more: str) -> float:
    """Seconds of a batch."""
    began = time.monotonic()
    run(raw, output, *more)
    return time.monotonic() - began


def done_in(output: Path) -> list[Path]:
    """Records of scans that are finished."""
    return sorted((output / "code" / "streamrecon" / "records").glob("*.json"))


def checksums(output: Path) -> dict[str, str]:
    """SHA-256 of every image by its name, header and voxels."""
    paths = sorted(output.glob("sub-*/**/*.nii.gz"))
    return {p.name: hashlib.sha256(gzip.decompress(p.read_bytes())).hexdigest() for p in paths}


class cluster:  # noqa: N801  (reads as a context)
    """Dask's own scheduler and two workers of one thread, as processes on loopback."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._all: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> tuple[str, list[subprocess.Popen[bytes]]]:
        file = self._place / "scheduler.json"
        self._all.append(self._begun("scheduler", "--host", "127.0.0.1", "--scheduler-file", file))
        while not file.exists():
            time.sleep(0.1)
        workers = [
            self._begun(
                "worker", "--scheduler-file", file, "--nthreads", "1", "--no-nanny",
                "--local-directory", self._place,
            )
            for _ in range(2)
        ]  # fmt: skip
        self._all += workers
        return json.loads(file.read_text())["address"], workers

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._all):
            process.terminate()
            process.wait()

    def _begun(self, what: str, *words: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "distributed.cli.dask_" + what, *map(str, words)]
        silent = subprocess.DEVNULL
        return subprocess.Popen(command, stdout=silent, stderr=silent)


if __name__ == "__main__":
    main()

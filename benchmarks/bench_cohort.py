"""A cohort that is killed and gone on with, and the page of one of 1,000 scans.

python benchmarks/bench_cohort.py [kills] [page] [--scans N] [--seed N]

kills: small scans, the run killed three times at random and given again; every result is compared
with that of the same scan in a run that was left alone. page: what a browser needs for the overview
of 1,000 scans. Dask's workers are in `bench_dask.py`.
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
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.write import write_scan

from streamrecon.cohort.job import DONE, Record
from streamrecon.cohort.overview import write_overview
from streamrecon.cohort.scan_tree import RAW, CohortScan

KILLS, DIFFERENT, ROUNDS = 3, 8, 3


def main() -> None:
    """Print every table that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", default=["kills", "page"])
    parser.add_argument("--scans", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        if "kills" in options.tables:
            kills(place / "kills", options.scans, random.Random(options.seed))
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


def cohort(raw: Path, scans: int, scene: Scene = SCENES["tiny"]) -> Path:
    """Scans of different noise; some are copies, each under its own name."""
    raw.mkdir(parents=True)
    for number in range(min(scans, DIFFERENT)):
        write_scan(simulate(replace(scene, seed=number)), raw / f"sub-{number:03d}.h5")
    for number in range(DIFFERENT, scans):
        shutil.copy(raw / f"sub-{number % DIFFERENT:03d}.h5", raw / f"sub-{number:03d}.h5")
    return raw


def started(
    raw: Path, output: Path, *more: str, chain: str = "gre_recon"
) -> subprocess.Popen[bytes]:
    """A batch on its way."""
    words = ["batch", str(raw), "-o", str(output), "--config", chain, *more]
    return subprocess.Popen(
        [sys.executable, "-m", "streamrecon", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def run(raw: Path, output: Path, *more: str) -> str:
    """The summary of a batch that is left alone."""
    with started(raw, output, *more) as process:
        errors = process.communicate()[1].decode()
    return next(line for line in reversed(errors.splitlines()) if " scans: " in line)


def done_in(output: Path) -> list[Path]:
    """Records of scans that are finished."""
    return sorted((output / "code" / "streamrecon" / "records").glob("*.json"))


def checksums(output: Path) -> dict[str, str]:
    """SHA-256 of every image by its name, header and voxels."""
    paths = sorted(output.glob("sub-*/**/*.nii.gz"))
    return {p.name: hashlib.sha256(gzip.decompress(p.read_bytes())).hexdigest() for p in paths}


if __name__ == "__main__":
    main()

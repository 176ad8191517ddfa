"""What a container of the service costs: packages on the disk, start, memory of a scan.

    python scripts/container_figures.py [SCENE]

Packages are those of this environment that the product needs; the interpreter's base image comes on
top. The service is started with the variables of packaging/Containerfile, first without compiled
kernels, then with them, as the image has them. Seconds are those of the wall and of the processor:
on a busy machine only the latter mean anything.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import psutil
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / name) for name in ("packaging", "clients")]

from mrd_clients import fire_client  # noqa: E402
from root_folder import Recipe  # noqa: E402


def needed(name: str, found: set[str]) -> set[str]:
    """The distributions that one needs, itself among them."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in found:
        return found
    try:
        requires = distribution(name).requires or []
    except PackageNotFoundError:
        return found
    found.add(key)
    for line in requires:
        if "extra ==" not in line:
            needed(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0], found)
    return found


def size_mb(names: set[str]) -> float:
    """What their files take, compiled modules too [MB]."""
    sizes = 0
    for name in names:
        for file in distribution(name).files or ():
            path = Path(str(file.locate()))
            sizes += path.stat().st_size if path.is_file() else 0
    return sizes / 1e6


def started(environment: dict[str, str]) -> tuple[subprocess.Popen[str], int, float]:
    """The service, its port, and how long it took to listen [s]."""
    began = time.monotonic()
    service = subprocess.Popen(
        [sys.executable, "-m", "streamrecon", "serve"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert service.stdout is not None
    found = re.search(r"127\.0\.0\.1:(\d+)", service.stdout.readline())
    assert found is not None
    return service, int(found[1]), time.monotonic() - began


def family(service: subprocess.Popen[str]) -> list[psutil.Process]:
    """The service and all its processes."""
    own = psutil.Process(service.pid)
    return [own, *own.children(recursive=True)]


def cpu_s(processes: list[psutil.Process]) -> float:
    """Processor time of all of them, and of those that have ended [s]."""
    times = [process.cpu_times() for process in processes]
    return float(sum(t.user + t.system for t in times) + times[0].children_user)


def peak_mb(service: subprocess.Popen[str]) -> float:
    """Most memory that one of the processes has held [MB]."""
    peaks = []
    for process in family(service):
        status = Path(f"/proc/{process.pid}/status").read_text()
        peaks += [int(kib) / 1e3 for kib in re.findall(r"VmHWM:\s+(\d+)", status)]
    return max(peaks)


def main() -> None:
    """Print one line each."""
    scene = SCENES[sys.argv[1] if len(sys.argv) > 1 else "tiny"]
    names = needed("streamrecon", set())
    print(f"packages: {size_mb(names):.0f} MB of {len(names)} distributions")
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | Recipe.read().environment
        environment |= {"STREAMRECON_HOST": "127.0.0.1", "STREAMRECON_PORT": "0"}
        environment |= {"STREAMRECON_STORAGE": folder, "NUMBA_CACHE_DIR": f"{folder}/kernels"}
        for kind in ("without kernels", "with kernels"):
            service, port, wall_s = started(environment)
            worked_s = cpu_s(family(service))
            print(f"start {kind}: {wall_s:.1f} s of the wall, {worked_s:.1f} s of the processor")
            heard = fire_client(
                ("127.0.0.1", port), simulate(scene).messages(), config="gre_full", parameters={}
            )
            print(f"gre_full, {scene.matrix}: {len(heard.images)} images")
            print(f"peak of one process: {peak_mb(service):.0f} MB")
            service.terminate()
            service.communicate()


if __name__ == "__main__":
    main()

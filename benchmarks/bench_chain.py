"""The FFT reconstruction through the service, in units of what cannot be avoided.

Prints, for the scan of the issue (192×192×96, 4 echoes, 8 coils, twofold readout oversampling)
and the one that a C++ Gadgetron was timed with (256×256×64, 1 echo, 8 coils): total time over the
sum of loopback transfer, FFTs of the same arrays on two threads and the bare combination; time
from the last line to the last image, over the last transform and the combination alone; memory;
and the rate of three scans at once over that of one.
"""

from __future__ import annotations

import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from _cost import MeasuredPlan, time_of
from _service import MemoryPeak, Run, send_stream, serving
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.write import write_scan_stream

from streamrecon.machine.threads import at_once
from streamrecon.model.scan import CounterRange
from streamrecon.recon._kernels import add_weighted
from streamrecon.recon.images.coil_combination import combine_coils
from streamrecon.recon.kspace.assemble import HybridSpace
from streamrecon.recon.kspace.encoding_grid import Axis, Grid
from streamrecon.recon.parallel.coil_sensitivities import Sensitivities, estimate_sensitivities

ROUNDS = 3
PACED_S = 30.0  # slower than the service works; a scanner takes minutes
Work = Callable[[], object]


def main() -> None:
    """Print every figure."""
    with tempfile.TemporaryDirectory() as name:
        stream = Path(name) / "scan.mrd"
        three_at_once(stream)
        for scene in ("bench-single", "bench"):
            whole_scan(SCENES[scene], stream)


def whole_scan(scene: Scene, stream: Path) -> None:
    """Total time, remaining time and memory of one scan."""
    write_scan_stream(simulate(scene), stream)
    parts = unavoidable(scene, stream)
    kspace = len(scene.te_s) * scene.n_coils * int(np.prod(scene.matrix)) * 8
    with tempfile.TemporaryDirectory() as storage, serving(Path(storage)) as service:

        def run(seconds: float = 0.0) -> Run:
            service.wait_warm(1)
            back_memory(3 * kspace)
            return send_stream(service.port, stream, seconds=seconds)

        run()  # the first loads modules and compiles kernels
        rounds = [(run(), {k: time_of(w) for k, w in parts.items()}) for _ in range(ROUNDS)]
        with MemoryPeak(service) as memory:
            run()
        left_s = run(PACED_S).left_s
    report(scene, rounds, left_s, the_end(scene))
    print(f"  memory of the worker {memory.worker / kspace:.2f}, of the whole service")
    print(f"    {memory.service / kspace:.2f} of the {kspace / 1e6:.0f} MB of k-space")


def back_memory(n_bytes: int) -> None:
    """Have the machine's memory backed by its host: touch so much of it and let it go.

    A virtual machine returns memory that is free for two seconds, and gets it again at 3 s a
    gigabyte. That belongs neither to the chain nor to its parts, whose arrays are there already.
    """
    np.zeros(n_bytes // 4, np.float32)[::512] = 1


def the_end(scene: Scene) -> float:
    """Seconds of the last transform with the combination, and of the sensitivities, alone."""
    space, sensitivities = filled(scene)
    return time_of(lambda: combine_coils(space, sensitivities)) + time_of(
        lambda: estimate_sensitivities(space.calibration, space.grid)
    )


def report(
    scene: Scene, rounds: list[tuple[Run, dict[str, float]]], left_s: float, alone_s: float
) -> None:
    """Medians over the rounds."""
    print(f"{scene.summary}")
    names = rounds[0][1]
    for name in names:
        print(f"  {name:34s} {statistics.median(parts[name] for _, parts in rounds):6.2f} s")
    total = statistics.median(run.last_image_s for run, _ in rounds)
    own = statistics.median(run.client_cpu_s for run, _ in rounds)
    ratio = statistics.median(run.last_image_s / sum(parts.values()) for run, parts in rounds)
    apart = statistics.median(
        (run.last_image_s - run.client_cpu_s) / sum(parts.values()) for run, parts in rounds
    )
    print(f"  total {total:.2f} s, of it {own:.2f} s processor time of the client")
    print(f"  total / sum of the parts {ratio:.2f}, without the client's own time {apart:.2f}")
    print(f"  last line to last image {left_s:.2f} s, {left_s / alone_s:.2f} of its transform")
    print("    and combination alone")


def unavoidable(scene: Scene, stream: Path) -> dict[str, Work]:
    """Loopback transfer, FFTs of the arrays on two threads, and the bare combination."""
    n_z, n_y, n_x = scene.matrix
    n_read = scene.encoded_matrix[2]
    blocks = len(scene.te_s) * scene.n_coils
    along_x = MeasuredPlan((n_z * n_y // 4, n_read), (1,), inverse=True, threads=2)
    along_zy = MeasuredPlan((n_z, n_y, n_x), (0, 1), inverse=True, threads=2)
    coils = np.ones((scene.n_coils, n_z * n_y, n_x), np.complex64)
    image = np.empty((n_z * n_y, n_x), np.complex64)

    def transforms() -> None:
        for _ in range(blocks):
            for _ in range(4):
                along_x.run()
            along_zy.run()

    def share(rows: range) -> None:
        piece = slice(rows.start, rows.stop)
        for coil in coils:
            add_weighted(coil[piece], 0, coil[piece], image[piece])

    def combination() -> None:
        for _ in scene.te_s:
            at_once(share, n_z * n_y)

    combination()
    return {
        "loopback transfer": lambda: transfer(stream),
        "FFTs of the same arrays, 2 threads": transforms,
        "bare combination": combination,
    }


def transfer(stream: Path) -> None:
    """The file's bytes from one socket to another, thrown away."""
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Thread(target=_swallow, args=(listener,))
    done.start()
    with socket.create_connection(listener.getsockname()) as peer, stream.open("rb") as file:
        size = sent = stream.stat().st_size
        sent = 0
        while sent < size:
            sent += os.sendfile(peer.fileno(), file.fileno(), sent, min(1 << 24, size - sent))
    done.join()
    listener.close()


def _swallow(listener: socket.socket) -> None:
    room = memoryview(bytearray(1 << 20))
    with listener.accept()[0] as peer:
        while peer.recv_into(room):
            pass


def filled(scene: Scene) -> tuple[HybridSpace, Sensitivities]:
    """A grid as it is after the last line, and its sensitivities."""
    z, y, x = (
        Axis(n, n, n, n * voxel) for n, voxel in zip(scene.matrix, scene.voxel_mm, strict=True)
    )
    ky, kz = (CounterRange(0, a.n_encoded - 1, a.n_encoded // 2) for a in (y, z))
    shape = (len(scene.te_s), scene.n_coils, *scene.matrix)
    random = np.random.default_rng(0)
    data = random.standard_normal(shape, np.float32).astype(np.complex64)
    window = (slice(None), slice(None), z.central_lines(8.0), y.central_lines(8.0))
    grid = Grid(z, y, x, ky=ky, kz=kz, n_slices=1)
    space = HybridSpace(data, "z", data[window].copy(), np.ones((1, 1, 1), bool), grid)
    return space, estimate_sensitivities(space.calibration, space.grid)


def three_at_once(stream: Path) -> None:
    """Lines per second of three scans at once over those of one after another."""
    scene = replace(SCENES["head"], supersampling=1)
    write_scan_stream(simulate(scene), stream)
    ratios = []
    with tempfile.TemporaryDirectory() as storage, serving(Path(storage), workers=3) as service:
        service.wait_warm(3)
        send_stream(service.port, stream)
        for _ in range(ROUNDS):
            service.wait_warm(3)
            one = send_stream(service.port, stream).last_image_s
            service.wait_warm(3)
            start = time.perf_counter()
            with ThreadPoolExecutor(3) as pool:
                runs = list(pool.map(lambda _: send_stream(service.port, stream), range(3)))
            ratios.append(3 * one / (time.perf_counter() - start))
            if any(run.images != runs[0].images for run in runs):
                raise RuntimeError(f"three at once: found {[run.images for run in runs]} images")
    print(f"three scans at once: {statistics.median(ratios):.2f} of the lines per second of one")


if __name__ == "__main__":
    main()

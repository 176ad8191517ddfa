"""The same bytes give the same images, bit by bit, however they come: batches, paces, threads."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from arrivals import Heard, Left, arrived, at_random, everything_at_once, left, stream_of
from chains import CONFIG
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Order, Scene
from streamrecon_simulator.write import write_scan
from wire_service import reconstructed

from streamrecon.client import Server
from streamrecon.machine.threads import budget, set_budget
from streamrecon.mrd.files.plain_stream import read_stream, write_stream
from streamrecon.mrd.wire.messages import ConfigText, DicomFile, Image
from streamrecon.replay import pipe, replay, run_scan
from streamrecon.stream.chainfile.build import build_chain

HEAD = Scene(
    "small head without a noise scan", matrix=(14, 40, 48), voxel_mm=(10.0, 5.0, 4.4),
    te_s=(0.006, 0.013, 0.02), n_coils=4, noise_lines=0,
)  # fmt: skip
WIDE = replace(HEAD, matrix=(9, 40, 80), snr=20.0)  # its edges are noise
SLICES = replace(WIDE, slices=True, matrix=(5, 41, 80))

SCANS = {
    "head": HEAD,
    "noise scan": replace(HEAD, noise_lines=16),
    "noise at the edges": WIDE,
    "partitions inner": replace(HEAD, order=Order.KZ_INNER, averages=2),
    "centre out": replace(HEAD, order=Order.CENTRE_OUT, bipolar=True),
    "lattice": replace(HEAD, sampling=Sampling((2, 2), caipi_shift=1, calibration_lines=10)),
    "calibration before": replace(
        HEAD,
        matrix=(15, 41, 47),
        sampling=Sampling((1, 2), calibration_lines=12, separate_calibration=True),
    ),
    "ellipse": replace(HEAD, sampling=Sampling(elliptical=True), repetitions=2),
    "slices, navigators": replace(SLICES, sampling=Sampling(navigators=True), n_coils=3),
    "accelerated slices": replace(SLICES, sampling=Sampling((1, 2), calibration_lines=16)),
    "navigators, partial": replace(
        HEAD, sampling=Sampling(navigators=True, partial=(1.0, 0.75)), bipolar=True
    ),
    "slabs": replace(HEAD, slabs=2, te_s=(0.006,)),
    "centre again, waveforms": replace(
        HEAD, sampling=Sampling(centre_repeats=5), waveforms=True, n_coils=1
    ),
}
COMPRESSED = "compressed"
"""The chain of echoes with what no packaged chain has: channels compressed, filled by POCS."""

CHAINS = sorted(path.stem for path in CONFIG.glob("*.xml"))
OF_IMAGES = ("gre_qsm_images", "gre_full_images")


def chain_file(chain: str) -> bytes:
    text = (CONFIG / f"{'gre_recon' if chain == COMPRESSED else chain}.xml").read_bytes()
    if chain == COMPRESSED:
        text = text.replace(
            b"<gadget><name>AssembleKSpace</name></gadget>",
            b"<gadget><name>CompressCoils</name></gadget>"
            b"<gadget><name>AssembleKSpace</name></gadget>",
        )
        assert b"CompressCoils" in text
    return text


@cache
def scan_bytes(name: str) -> bytes:
    return stream_of(simulate(SCANS[name]).messages())


@cache
def image_bytes() -> bytes:
    """What the chain of echoes sends, as the scan of a chain of images."""
    scan = list(simulate(SCANS["noise scan"]).messages())
    results: list[Image | DicomFile] = []
    chain = build_chain(chain_file("gre_recon"), REGISTRY)
    run_scan(scan, chain, give=results.append, watch=Heard())
    return stream_of([scan[0], *results])


def bytes_for(chain: str) -> bytes:
    return image_bytes() if chain in OF_IMAGES else scan_bytes("noise at the edges")


@pytest.fixture(scope="module")
def random_seed() -> int:
    seed = secrets.randbits(32)
    print(f"random seed of this run: {seed}")
    return seed


def assert_same(found: Left, expected: Left, how: str) -> None:
    assert expected.images or expected.notices
    assert found.images == expected.images, how
    assert by_data(found.notices) == by_data(expected.notices), how


def by_data(notices: list[str]) -> list[str]:
    """All notices but that of memory, which the process has some of before the scan."""
    return [text for text in notices if not text.startswith("INF memory: ")]


@pytest.mark.parametrize(
    ("name", "chain"),
    [(name, "gre_recon") for name in SCANS]
    + [(name, COMPRESSED) for name in ("head", "noise scan", "lattice", "slices, navigators")]
    + [(name, "gre_preview") for name in ("head", "partitions inner", "centre out")],
)
def test_cuts_and_pauses_change_nothing(
    name: str, chain: str, tmp_path: Path, random_seed: int
) -> None:
    text = chain_file(chain)
    expected = arrived(scan_bytes(name), everything_at_once(), text, tmp_path / "whole")

    for seed in (1, 2, random_seed):
        found = arrived(scan_bytes(name), at_random(seed), text, tmp_path / str(seed))
        assert_same(found, expected, f"seed {seed}")


@pytest.mark.parametrize("chain", CHAINS)
def test_of_every_chain_cuts_pauses_and_threads_change_nothing(
    chain: str, tmp_path: Path, random_seed: int, threads: None
) -> None:
    data, text = bytes_for(chain), chain_file(chain)
    set_budget(1)
    expected = arrived(data, everything_at_once(), text, tmp_path / "whole")

    for n_threads, seed in ((2, 3), (3, random_seed)):
        set_budget(n_threads)
        found = arrived(data, at_random(seed), text, tmp_path / str(seed))
        assert_same(found, expected, f"seed {seed}, {n_threads} threads")


@pytest.fixture
def threads() -> Iterator[None]:
    before = budget()
    yield
    set_budget(before)


@pytest.mark.parametrize("chain", [c for c in CHAINS if c != "gre_qsm_dicom"])  # sends nothing
def test_a_replay_a_pipe_and_the_service_give_the_same(
    chain: str, server: Server, tmp_path: Path
) -> None:
    data, text = bytes_for(chain), chain_file(chain)
    header, *scan, _ = read_stream(io.BytesIO(data))
    path = tmp_path / "scan.h5"
    write_scan(simulate(SCANS["noise at the edges"]), path)
    if chain in OF_IMAGES:
        path = tmp_path / "scan.mrd"
        path.write_bytes(data)
    heard, piped, out = Heard(), Heard(), io.BytesIO()

    replayed = replay(path, build_chain(text, REGISTRY), heard)
    scan_of_bytes = read_stream(io.BytesIO(data))
    built = build_chain(text, REGISTRY)
    pipe(scan_of_bytes, lambda message: write_stream([message], out), built, piped)
    reply = reconstructed([header, *scan], server, ConfigText(text.decode()))

    expected = left(replayed.images, heard.notices, tmp_path)
    came = [m for m in read_stream(io.BytesIO(out.getvalue())) if isinstance(m, Image | DicomFile)]
    assert_same(left(came, piped.notices, tmp_path), expected, "pipe")
    assert left(reply.images, (), tmp_path).images == expected.images

"""A disk that takes nothing costs what would have been kept on it, and is told; never a scan."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sick_folders import KINDS, sick
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from wire_service import reconstructed, serving, talk

from streamrecon.client import Reply, Server
from streamrecon.mrd.wire.messages import Close, ConfigText, Query, Response
from streamrecon.mrd.wire.writer import encode

SCENE = Scene(
    "small", matrix=(5, 18, 16), voxel_mm=(4.0, 5.0, 6.0), n_coils=2, te_s=(0.005, 0.012), snr=50.0,
    noise_lines=32, measurement_id="m-1", noise_measurement_id="",
)  # fmt: skip
NAMES = ("WhitenNoise", "AssembleKSpace", "CombineCoils", "EchoImages", "SpoolDicom",
         "WriteDicomFolder")  # fmt: skip
CHAIN = ConfigText(
    "<configuration><version>2</version><stream>"
    + "".join(f"<gadget><name>{name}</name></gadget>" for name in NAMES)
    + "</stream></configuration>"
)
PLACES = {  # the setting, what the client is told, what health says
    "storage": ("noise store: not writable", "storage: "),
    "raw-folder": ("the raw copy ends early", "raw_folder: "),
    "spool": ("spool: ", "spool: "),
    "drop-folder": ("folder of DICOM files: ", "drop_folder: "),
}


def flags(tmp_path: Path, folder_of: Callable[[str], Path]) -> list[str]:
    """Settings of a service that keeps everything it can, each kind in a folder of its own."""
    destinations = tmp_path / "to.toml"
    destinations.write_text('[[destination]]\nname = "archive"\nhost = "127.0.0.1"\nport = 1\n')
    words = ["--destinations", str(destinations), "--spool-wait-s", "0.1"]
    return words + [word for name in PLACES for word in (f"--{name}", str(folder_of(name)))]


def said(reply: Reply) -> str:
    return "\n".join(str(notice) for notice in reply.notices)


def health(server: Server) -> str:
    """What the service answers to the query for its health."""
    question = (Query("streamrecon::health"), Close())
    heard = talk(server, b"".join(bytes(p) for message in question for p in encode(message)))
    (text,) = (message.text for message in heard if isinstance(message, Response))
    return text


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A service whose disks are well, and where its folders are."""
    folder = tmp_path_factory.mktemp("healthy")
    with serving(folder, *flags(folder, lambda name: folder / name)) as server:
        yield server, folder


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_scan_outlives_sick_folders_and_says_what_is_lost(
    kind: str, healthy: tuple[Server, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = reconstructed(simulate(SCENE).messages(), healthy[0], CHAIN)
    with ExitStack() as disks:
        sick_folders = {name: disks.enter_context(sick(tmp_path / name, kind)) for name in PLACES}
        for name in ("TMPDIR", "TEMP", "TMP"):
            monkeypatch.setenv(name, str(sick_folders["storage"]))
        with serving(tmp_path, *flags(tmp_path, sick_folders.__getitem__)) as server:
            replies = [reconstructed(simulate(SCENE).messages(), server, CHAIN) for _ in range(2)]
            found = health(server)

    for reply in replies:
        assert [told for told, _ in PLACES.values() if told not in said(reply)] == []
        assert len(reply.images) == len(right.images) > 0
        for image, other in zip(reply.images, right.images, strict=True):
            # Sums of lines depend on how they come in batches: some of the last digits.
            assert np.allclose(image.data, other.data, rtol=1e-4, atol=1e-4 * other.data.max())
    assert [name for _, name in PLACES.values() if name not in found] == []


@pytest.mark.long
def test_healthy_folders_are_told_as_such_and_nothing_is_lost(healthy: tuple[Server, Path]) -> None:
    server, folder = healthy

    reply = reconstructed(simulate(SCENE).messages(), server, CHAIN)

    assert not any(told in said(reply) for told, _ in PLACES.values())
    assert health(server) == "ok"
    assert list((folder / "raw-folder").glob("*.mrd"))
    assert not list(folder.rglob(".probe*"))


@pytest.mark.long
def test_a_noise_scan_that_cannot_be_read_costs_its_use_alone(
    healthy: tuple[Server, Path],
) -> None:
    server, folder = healthy
    noise = replace(SCENE, noise_only=True, measurement_id="n-1")
    scan = replace(SCENE, noise_lines=0, noise_measurement_id="n-1", measurement_id="m-2")
    reconstructed(simulate(noise).messages(), server)
    for record in (folder / "storage").glob("*.noise.npz"):
        record.write_bytes(record.read_bytes()[:50])

    reply = reconstructed(simulate(scan).messages(), server)

    assert "a record is not readable; the noise scan is not used" in said(reply)
    assert reply.images

"""A scan becomes volumes, in this process or on a server of one's own: the same ones."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamrecon_simulator import SCENES, simulate
from streamrecon_simulator.truth import truth
from streamrecon_simulator.write import write_scan

import streamrecon as sr
from streamrecon.errors import ConfigError, DeliveryError, ProtocolError

TINY = simulate(SCENES["tiny"])


@pytest.fixture(scope="module")
def server() -> Iterator[sr.Server]:
    with sr.Server(sessions=1, warm_workers=1) as running:
        yield running


def kinds(volumes: tuple[sr.Volume, ...]) -> list[tuple[str, int | None]]:
    return [(volume.quantity.label, volume.echo) for volume in volumes]


def test_volumes_are_the_scene_on_its_grid_in_the_order_they_are_made() -> None:
    scene = SCENES["marker"]  # oblique, odd sizes, without noise

    volumes = sr.reconstruct(simulate(scene).messages())

    assert kinds(volumes) == [("magnitude", 0), ("phase", 0), ("magnitude", 1), ("phase", 1)]
    expected = truth(scene)
    for volume in volumes[::2]:
        assert volume.geometry.same_as(scene.geometry)
        wanted = np.abs(expected.echoes[volume.echo]) * expected.coil_rss
        inside = wanted > 0.5 * wanted.max()
        # 1 % is what sensitivities that are estimated lose (docs/explanation/reconstruction.md)
        np.testing.assert_allclose(volume.values[inside], wanted[inside], rtol=0.01)


def test_a_path_and_its_messages_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "tiny.h5"
    write_scan(TINY, path)

    from_file, from_messages = sr.reconstruct(path), sr.reconstruct(TINY.messages())
    as_text = sr.reconstruct(str(path))

    for one, two, three in zip(from_file, from_messages, as_text, strict=True):
        np.testing.assert_array_equal(one.values, two.values)
        np.testing.assert_array_equal(one.values, three.values)


def test_progress_and_notices_are_calls_and_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tiny.h5"
    write_scan(TINY, path)
    steps: list[sr.Progress] = []
    said: list[str] = []

    sr.reconstruct(
        path, progress=steps.append, notice=lambda notice: said.append(notice.text), phase=False
    )

    assert [step.lines for step in steps] == sorted(step.lines for step in steps)
    assert steps[-1] == sr.Progress(lines=steps[-1].total or 0, total=steps[-1].total, images=2)
    assert capfd.readouterr() == ("", "")
    assert all(said)


def test_without_a_callback_notices_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="streamrecon"):
        sr.reconstruct(TINY.messages(), "gre_qsm", quality="default")

    told = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert any("quality=default is now called" in text for text in told)


def test_parameters_reach_their_gadgets_and_a_misspelt_one_is_refused() -> None:
    own: dict[str, Any] = {"EchoImages.phase": False, "complex": True}
    misspelt: dict[str, Any] = {"EchoImages.phas": False, "colour": "red"}

    volumes = sr.reconstruct(TINY.messages(), **own)

    assert kinds(volumes) == [("magnitude", 0), ("complex", 0), ("magnitude", 1), ("complex", 1)]
    assert volumes[1].values.dtype == np.complex64
    with pytest.raises(ConfigError, match=r"chain has: EchoImages\.phas, colour"):
        sr.reconstruct(TINY.messages(), **misspelt)


def test_maps_come_in_their_unit_whatever_the_socket_would_carry() -> None:
    maps = sr.reconstruct(TINY.messages(), "gre_qsm", preview=False, quality="fast")

    (chi,) = [volume for volume in maps if volume.quantity is sr.Quantity.CHI]
    assert chi.values.dtype == np.float32
    assert chi.rescale is None
    # whole ppb, as the chain sends them: their rescale has been applied
    np.testing.assert_allclose(chi.values * 1e3, np.rint(chi.values * 1e3), atol=1e-3)
    assert 1e-3 < np.abs(chi.values).max() < 20


def test_what_cannot_be_reconstructed_is_refused_in_one_sentence(tmp_path: Path) -> None:
    bad = tmp_path / "bad.h5"
    bad.write_bytes(b"not a scan")

    with pytest.raises(ProtocolError):
        sr.reconstruct(bad)
    with pytest.raises(ConfigError, match="did you mean gre_recon"):
        sr.reconstruct(TINY.messages(), "gre_reco")
    with pytest.raises(ProtocolError, match="does not begin with its header"):
        sr.reconstruct([])


def test_a_server_gives_what_this_process_gives(server: sr.Server) -> None:
    here = sr.reconstruct(TINY.messages())

    there = sr.send(TINY.messages(), server)

    assert kinds(there) == kinds(here)
    for one, two in zip(here, there, strict=True):
        np.testing.assert_allclose(one.values, two.values, rtol=1e-5, atol=1e-5)
        assert one.geometry.same_as(two.geometry)
        assert one.comments == two.comments


def test_parameters_and_chain_files_are_sent(server: sr.Server, tmp_path: Path) -> None:
    chain = tmp_path / "mine.xml"
    chain.write_text(
        "<configuration><version>2</version><stream>"
        + "".join(
            f"<gadget><name>{name}</name></gadget>"
            for name in ("WhitenNoise", "AssembleKSpace", "CombineCoils", "EchoImages")
        )
        + "</stream></configuration>"
    )

    assert kinds(sr.send(TINY.messages(), server, chain, phase=False)) == [
        ("magnitude", 0),
        ("magnitude", 1),
    ]


def test_the_servers_error_is_raised_in_its_words(server: sr.Server) -> None:
    with pytest.raises(DeliveryError, match="config 'nix': unknown"):
        sr.send(TINY.messages(), str(server), "nix", notice=lambda _: None)


def test_a_server_listens_on_loopback_and_is_gone_after_its_block() -> None:
    with sr.Server(warm_workers=1) as running:
        port = running.port
        assert str(running) == f"127.0.0.1:{port}"
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
        with pytest.raises(sr.StreamReconError, match="found one that listens"):
            running.start()

    assert running.port == 0
    assert "told to stop" in running.log
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    running.stop()


def test_settings_are_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match=r"sessions: found '0', needed at least 1"):
        sr.Server(sessions=0)
    with pytest.raises(ConfigError, match="no setting called sesions"):
        sr.Server(sesions=1)


def test_a_server_that_cannot_listen_says_why() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(sr.StreamReconError, match=re.escape("cannot listen on 127.0.0.1")):
            sr.Server(port=taken.getsockname()[1]).start()

"""A selftest passes what is true, and fails a wrong sign, a wrong scale and what is missing."""

from __future__ import annotations

import errno
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from streamrecon_simulator.__main__ import main
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.selftest import refusals
from streamrecon_simulator.selftest.refusals import check_folder, check_service
from streamrecon_simulator.selftest.report import FILES, report_of, signed, write_report
from streamrecon_simulator.selftest.rows import LIMITS, Row, judge, missing
from streamrecon_simulator.selftest.scans import scans
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.tissues import Label
from streamrecon_simulator.whole_head.voxel_means import voxel_means
from wire_service import serving

from streamrecon import cli
from streamrecon.errors import ConfigError

CONFIG = Path(__file__).parents[2] / "config"
KEY = b"a key of this site"


@pytest.fixture(scope="module")
def scene() -> Scene:
    """The small scan of a head that is made of coarser voxels, which is quicker."""
    small = scans(small=True)[0].scene
    assert isinstance(small.phantom, WholeHead)
    return replace(small, phantom=replace(small.phantom, grain_mm=2.4))


@pytest.fixture(scope="module")
def truth(scene: Scene) -> dict[str, NDArray[np.float32]]:
    """What a perfect service would send."""
    assert isinstance(scene.phantom, WholeHead)
    means = voxel_means(scene.phantom, scene.geometry)
    return {
        "chi": np.where(means.brain, means.properties.chi_ppm, 0).astype(np.float32),
        "r2star": means.properties.r2_star_hz,
        "veins": (means.labels == Label.VEIN).astype(np.float32),
    }


def failed(rows: list[Row]) -> set[str]:
    return {row.name for row in rows if not row.passes}


def test_the_truth_passes(scene: Scene, truth: dict[str, NDArray[np.float32]]) -> None:
    rows = judge("a", scene, truth)

    assert [row.name for row in rows] == list(LIMITS)
    assert failed(rows) == set()
    figures = {row.name: row.number for row in rows}
    assert figures["chi, slope on truth"] == pytest.approx(1)
    assert figures["nuclei, largest error of contrast [ppb]"] == pytest.approx(0, abs=1e-3)
    assert figures["rim, contrast to its core over truth"] == pytest.approx(1)
    # voxels of 2.5 mm in a texture of 10 ppb, which the ball and the shell do not share
    assert figures["bleed, moment over truth"] == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("scale", [-1.0, 0.5, 1.5])
def test_a_wrong_sign_and_a_wrong_scale_fail(
    scale: float, scene: Scene, truth: dict[str, NDArray[np.float32]]
) -> None:
    rows = judge("a", scene, truth | {"chi": np.float32(scale) * truth["chi"]})

    assert {"chi, slope on truth", "bleed, moment over truth"} <= failed(rows)


def test_what_did_not_come_fails(scene: Scene, truth: dict[str, NDArray[np.float32]]) -> None:
    rows = judge("a", scene, {"chi": truth["chi"]})

    assert failed(rows) == {name for name in LIMITS if "R2*" in name or "found" in name}
    assert failed(missing("a")) == set(LIMITS)


def test_a_signed_report_is_known_again_and_a_changed_one_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [Row("a", "chi", 0.9, 0.8, 1.1), Row("a", "veins", float("nan"), 0.5, 1)]
    report = report_of(rows, against="here:1", chain="gre_full", began="today", seconds=3.21)
    written, text = write_report(tmp_path, signed(report, KEY), rows)
    (tmp_path / "key").write_bytes(KEY + b"\n")
    words = ["selftest", "--key-file", str(tmp_path / "key"), "--verify", str(written)]

    assert main(words) == 0
    found = json.loads(written.read_text(encoding="utf-8"))
    assert (found["passes"], found["rows"][1]["number"]) == (False, None)
    assert text.read_text(encoding="utf-8").startswith("FAIL  streamrecon")
    written.write_text(json.dumps(found | {"passes": True}), encoding="utf-8")
    assert main(words) == 1
    assert "NOT signed" in capsys.readouterr().out


def test_without_a_service_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "--small", "--against", "127.0.0.1:1"]) == 1

    assert "no server there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--key-file", "{short}"], "short: found a key of 15 bytes, needed 16"),
        (["--key-file", "{folder}/none"], "none: the key cannot be read: No such file"),
        (["--key-file", "{folder}"], "the key cannot be read: Is a directory"),
        (["--verify", "{short}"], "--verify: found no key, needed --key-file"),
        (["--key-file", "{key}", "--verify", "{short}"], "short: is no report"),
        (["--key-file", "{key}", "--verify", "{folder}/none"], "none: is no report"),
        (["--against", "host:port"], "server: found 'host:port', needed HOST or HOST:PORT"),
        (["--against", "host:70000"], "server: found 'host:70000'"),
        (["-o", "{short}"], "the report cannot be written there: File exists"),
        (["-o", "{short}/below"], "the report cannot be written there: Not a directory"),
        (["-o", "{folder}"], "found selftest.json of an earlier selftest; needed another"),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_work(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "short").write_bytes(b"15 bytes of key\n")
    (tmp_path / "key").write_bytes(KEY)
    (tmp_path / "selftest.json").write_text("{}", encoding="utf-8")
    places = {"short": tmp_path / "short", "key": tmp_path / "key", "folder": tmp_path}

    status = main(["selftest", *(word.format(**places) for word in words)])

    assert status == 2
    assert said in capsys.readouterr().err


def test_a_folder_that_may_not_be_written_is_refused_and_an_old_report_may_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "selftest.json").write_text("{}", encoding="utf-8")

    check_folder(tmp_path, FILES, overwrite=True)

    def denied(**_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(refusals, "TemporaryFile", denied)  # a superuser may write anywhere
    with pytest.raises(ConfigError, match="cannot be written there: Permission denied"):
        check_folder(tmp_path, FILES, overwrite=True)


def test_a_chain_that_the_service_does_not_have_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path) as server:
        words = ["selftest", "--against", f"{server.host}:{server.port}"]
        status = main([*words, "--config", "gre_nothing"])
        check_service((server.host, server.port), "gre_recon")  # one that it has

    assert status == 2
    said = capsys.readouterr().err
    assert "the service does not take the chain gre_nothing: ERR [config]" in said


def test_what_is_no_service_of_ours_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def hang_up_twice() -> None:
            for _ in range(2):
                listener.accept()[0].close()

        ended = pool.submit(hang_up_twice)
        port = listener.getsockname()[1]
        status = main(["selftest", "--against", f"127.0.0.1:{port}"])
        ended.result(60)

    assert status == 1
    said = capsys.readouterr().err
    assert f"127.0.0.1:{port}: what is there is no MRD service" in said


def test_the_product_finds_it_as_a_command_of_an_installed_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "selftest"
    entry = EntryPoint(name, "streamrecon_simulator.selftest.command", cli.GROUP)
    broken = EntryPoint("broken", "streamrecon_simulator.nothing", cli.GROUP)
    ours = EntryPoint("serve", "streamrecon_simulator.nothing", cli.GROUP)
    monkeypatch.setattr(cli, "entry_points", lambda group: [entry, broken, ours])

    with pytest.raises(SystemExit, match="0"):
        cli.main([name, "--help"])
    assert "simulated scans of one head" in capsys.readouterr().out
    assert cli.main(["broken"]) == 2
    assert "broken cannot be loaded" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="0"):
        cli.main(["serve", "--help"])  # a name of ours is ours


@pytest.mark.long
def test_it_passes_a_service_and_fails_one_whose_chain_has_the_wrong_sign(tmp_path: Path) -> None:
    text = (CONFIG / "gre_full.xml").read_text(encoding="utf-8")
    wrong = '<name>AssembleKSpace</name><property name="phase_sign" value="-1"/>'
    (tmp_path / "chains").mkdir()
    (tmp_path / "chains" / "wrong.xml").write_text(
        text.replace("<name>AssembleKSpace</name>", wrong), encoding="utf-8"
    )

    with serving(tmp_path, "--config-folders", str(tmp_path / "chains")) as server:
        words = ["selftest", "--small", "--against", f"{server.host}:{server.port}"]
        good = main([*words, "--config", "gre_full", "-o", str(tmp_path / "good")])
        bad = main([*words, "--config", "wrong", "-o", str(tmp_path / "bad")])

    assert (good, bad) == (0, 1)
    rows = json.loads((tmp_path / "bad" / "selftest.json").read_text(encoding="utf-8"))["rows"]
    figures = {row["name"]: row["number"] for row in rows}
    assert figures["chi, slope on truth"] < 0
    assert figures["white matter, R2* over truth"] == pytest.approx(1, abs=0.07)

"""The command line: what it writes, what it says, how it ends."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from scripted_server import CLOSE, ScriptedServer, hear_all, text
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.write import write_scan, write_scan_stream

from streamrecon.cli import main
from streamrecon.mrd.files.plain_stream import read_stream
from streamrecon.mrd.wire.messages import Close, Header, Image

NOBODY = "127.0.0.1:1: nobody listens there; start `streamrecon serve`, or name a server with --to"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scans") / "tiny.h5"
    write_scan(simulate(SCENES["tiny"]), path)
    return path


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("STREAMRECON_")]:
        if name not in {"STREAMRECON_SHARED", "STREAMRECON_THREADS"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_marker_comes_back_at_its_place_in_the_patient(tmp_path: Path) -> None:
    scan = tmp_path / "marker.h5"
    write_scan(simulate(SCENES["marker"]), scan)

    status = main(["replay", str(scan), "--config", "gre_recon", "-o", str(tmp_path)])

    file = nibabel.load(next(tmp_path.glob("marker/*echo-1_part-mag_MEGRE.nii.gz")))
    weight = np.where(file.get_fdata() > 0.5 * file.get_fdata().max(), file.get_fdata(), 0)
    index = [np.average(i, weights=weight) for i in np.indices(weight.shape)]
    found = (file.affine @ (*index, 1))[:3]
    assert status == 0
    # the scene's (18, -11, 7) mm in LPS is (-18, 11, 7) in RAS; a tenth of its voxels
    np.testing.assert_allclose(found, (-18, 11, 7), atol=0.1 * min(file.header.get_zooms()))


def test_every_file_has_its_folder_and_a_failing_one_does_not_stop_the_others(
    tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.h5"
    bad.write_bytes(b"not a scan")

    status = main(["replay", str(bad), str(tiny), "--config", "gre_recon", "-o", str(tmp_path)])

    said = capsys.readouterr()
    assert status == 1
    assert "streamrecon: error: bad.h5: [" in said.err
    assert len(list((tmp_path / "tiny").glob("*_sheet.png"))) == 1
    assert len(said.out.splitlines()) == 2 * 2 + 2  # echoes by parts, sheet, MRD file
    assert not (tmp_path / "bad").exists()


def test_a_file_that_breaks_off_is_told_and_leaves_no_images(
    tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tiny.read_bytes()
    torn = tmp_path / "torn.h5"
    torn.write_bytes(whole[: len(whole) // 2])

    status = main(["replay", str(torn), "--config", "gre_recon", "-o", str(tmp_path / "out")])

    assert status == 1
    assert "streamrecon: error: torn.h5: [protocol] " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["replay", "pipe", "check"])
def test_want_of_memory_is_told_in_one_line(
    command: str,
    tmp_path: Path,
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def hungry(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 34.4 GiB")

    inside = {"replay": "replay", "pipe": "pipe", "check": "run"}[command]
    monkeypatch.setattr(f"streamrecon.commands.{command}.{inside}", hungry)
    stream, out = tmp_path / "tiny.mrd", tmp_path / "out"
    write_scan_stream(simulate(SCENES["tiny"]), stream)
    words = {
        "replay": [str(tiny), "--config", "gre_recon", "-o", str(out)],
        "pipe": ["--config", "gre_recon", "-i", str(stream), "-o", str(out)],
        "check": ["gre_recon"],
    }

    status = main([command, *words[command]])

    said = capsys.readouterr().err.splitlines()
    assert status == 1
    assert said[-1].startswith("streamrecon: error: ")
    assert said[-1].endswith("[memory] there is no more memory: Unable to allocate 34.4 GiB")
    assert command != "pipe" or b"ERR [memory] there is no more" in out.read_bytes()


def test_stop_stops_at_the_first_file_that_fails(tmp_path: Path, tiny: Path) -> None:
    bad = tmp_path / "bad.h5"
    bad.write_bytes(b"")

    status = main(
        ["replay", str(bad), str(tiny), "--config", "gre_recon", "-o", str(tmp_path), "--stop"]
    )

    assert status == 1
    assert not (tmp_path / "tiny").exists()


def test_files_of_one_name_do_not_overwrite_each_other(tmp_path: Path, tiny: Path) -> None:
    files = [str(tiny), str(tiny)]
    output = tmp_path / "out"

    main(["replay", *files, "--config", "gre_recon", "-o", str(output), "--format", "png"])

    assert sorted(path.name for path in output.iterdir()) == ["tiny", "tiny-2"]


def test_a_parameter_set_on_the_command_line_reaches_its_gadget(tmp_path: Path, tiny: Path) -> None:
    values = ["--set", "EchoImages.phase=false", "--set", "complex=true"]

    main(["replay", str(tiny), "--config", "gre_recon", "-o", str(tmp_path), *values])

    parts = sorted(path.name.split("part-")[1] for path in tmp_path.glob("tiny/*.nii.gz"))
    assert parts == ["complex_MEGRE.nii.gz"] * 2 + ["mag_MEGRE.nii.gz"] * 2


def test_dicom_may_be_wanted_of_any_chain(tmp_path: Path, tiny: Path) -> None:
    arguments = ["replay", str(tiny), "--config", "gre_recon", "-o", str(tmp_path)]

    assert main([*arguments, "--format", "dicom"]) == 0

    assert {path.suffix for path in (tmp_path / "tiny").rglob("*.*")} == {".dcm"}


def test_send_writes_the_images_and_ends_with_0(
    tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(peer: socket.socket) -> bytes:
        hear_all(peer)
        peer.sendall(text("INF working") + CLOSE)
        return b""

    with ScriptedServer(script) as server:
        status = main(
            ["send", str(tiny), "--config", "x", "--to", str(server.address), "-o", str(tmp_path)]
        )

    assert status == 0
    assert capsys.readouterr().err == "INF working\n"


def test_send_ends_with_1_when_the_server_tells_an_error(
    tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(peer: socket.socket) -> bytes:
        hear_all(peer)
        peer.sendall(text("ERR [data] lines missing") + CLOSE)
        return b""

    with ScriptedServer(script) as server:
        status = main(
            ["send", str(tiny), "--config", "x", "--to", str(server.address), "-o", str(tmp_path)]
        )

    assert status == 1
    assert capsys.readouterr().err == "ERR [data] lines missing\n"


def test_pipe_turns_a_stream_of_lines_into_one_of_images(tmp_path: Path) -> None:
    stream = tmp_path / "tiny.mrd"
    write_scan_stream(simulate(SCENES["tiny"]), stream)

    done = subprocess.run(
        [sys.executable, "-m", "streamrecon", "pipe", "--config", "gre_recon"],
        input=stream.read_bytes(),
        capture_output=True,
        timeout=60,
        check=True,
    )

    header, *images, close = read_stream(io.BytesIO(done.stdout))
    assert isinstance(header, Header)
    assert [type(image) for image in images] == [Image] * 4
    assert isinstance(close, Close)
    assert b"Traceback" not in done.stderr


def test_pipe_ends_without_close_after_an_error(tmp_path: Path) -> None:
    stream = tmp_path / "tiny.mrd"
    write_scan_stream(simulate(SCENES["tiny"]), stream)

    done = subprocess.run(
        [sys.executable, "-m", "streamrecon", "pipe", "--config", "gre_recon"],
        input=stream.read_bytes()[:-7],  # within the last line
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert not done.stdout.endswith(CLOSE)
    assert done.stderr.decode().splitlines()[-1].startswith("streamrecon: error: ")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["check", "gre_reco"], 2, "config 'gre_reco': unknown; did you mean gre_recon?"),
        (["check", "../x"], 2, "config name: found '../x', needed a plain file name"),
        (["send", "no.h5", "--config", "x", "-o", "o"], 2, "no.h5: found no such file or folder"),
        (
            ["send", "{tiny}", "--config", "x", "-o", "o", "--to", "a:b"],
            2,
            "server: found 'a:b', needed HOST or HOST:PORT",
        ),
        (
            ["send", "{tiny}", "--config", "x", "-o", "o", "--set", "a=1"],
            2,
            "parameters: only the fire dialect carries them (--dialect fire)",
        ),
        (
            ["send", "{tiny}", "--config", "x", "-o", "o", "--to", "127.0.0.1:1"],
            1,
            NOBODY,
        ),
        (["serve", "--port", "x"], 2, None),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_an_error_is_one_sentence(
    arguments: list[str],
    status: int,
    said: str | None,
    tiny: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = main([argument.format(tiny=tiny) for argument in arguments])

    error = capsys.readouterr().err
    assert found == status
    assert len(error.splitlines()) == 1
    assert error.startswith("streamrecon: error: ")
    assert said is None or error == f"streamrecon: error: {said}\n"


@pytest.mark.parametrize("asked", [False, True])
def test_pythons_warnings_reach_only_who_asked_for_them(asked: bool) -> None:
    code = (
        "import sys, warnings; import streamrecon.commands.gadgets as g\n"
        "from streamrecon import cli\n"
        "g.run = lambda options: print('before') or warnings.warn('leaked') or 0\n"
        "warnings.simplefilter('default')  # as some libraries do when they are loaded\n"
        "sys.exit(cli.main(['gadgets']))"
    )
    switch = ["-W", "default"] if asked else []
    clean = {name: text for name, text in os.environ.items() if name != "PYTHONWARNINGS"}

    done = subprocess.run(
        [sys.executable, *switch, "-c", code], env=clean, check=True, capture_output=True, text=True
    )

    assert done.stdout == "before\n"
    assert ("UserWarning: leaked" in done.stderr) == asked


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--format", "jpeg"], "argument --format: found jpeg, needed nifti,png,mrd,dicom"),
        (["--set", "x"], "argument --set: found 'x', needed NAME=VALUE"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_any_work(
    option: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["replay", __file__, "--config", "gre_recon", "-o", "o", *option])

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_check_shows_the_chain_and_the_values_it_will_have(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["check", "gre_recon"]) == 0

    shown = capsys.readouterr().out
    assert "EchoImages" in shown
    assert "magnitude = true" in shown


def test_check_refuses_a_chain_file_with_an_unknown_parameter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = tmp_path / "chain.xml"
    chain.write_text(
        "<configuration><version>2</version><stream><gadget><name>EchoImages</name>"
        "<property name='magnitud' value='true'/></gadget></stream></configuration>"
    )

    assert main(["check", str(chain)]) == 2
    assert "magnitude" in capsys.readouterr().err  # the nearest known name


def test_gadgets_lists_parameters_with_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gadgets"]) == 0

    assert "magnitude = true" in capsys.readouterr().out


def test_settings_are_shown_with_where_they_came_from(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STREAMRECON_IDLE_S", "77")

    assert main(["serve", "--show-settings", "--port", "9100"]) == 0

    shown = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "9100" in shown["port"]
    assert "[flag]" in shown["port"]
    assert "[environment STREAMRECON_IDLE_S]" in shown["idle_s"]
    assert "[default]" in shown["host"]

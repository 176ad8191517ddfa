from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import h5py
import ismrmrd
import numpy as np
import pytest
from narrowing import as_a
from streamrecon_simulator.__main__ import main
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.write import write_scan, write_scan_stream, write_truth

from streamrecon.mrd.files.plain_stream import read_stream
from streamrecon.mrd.header.protocol import read_protocol
from streamrecon.mrd.wire.layout import NOISE
from streamrecon.mrd.wire.messages import Acquisitions, Close, Header, Message

TINY = replace(SCENES["tiny"], bipolar=True, repetitions=2, waveforms=True)


def test_ismrmrd_reads_every_head_and_every_sample(tmp_path: Path) -> None:
    simulation = simulate(TINY)
    sent = [m for m in simulation.messages() if isinstance(m, Acquisitions)]
    write_scan(simulation, tmp_path / "scan.h5")

    scan = ismrmrd.Dataset(str(tmp_path / "scan.h5"), "dataset", False)

    wanted = [line for message in sent for line in message.lines()]
    assert scan.number_of_acquisitions() == len(wanted)
    for number in range(0, len(wanted), 7):
        line, head = scan.read_acquisition(number), wanted[number].header[0]
        np.testing.assert_array_equal(line.data, wanted[number].data[0])
        assert line.getHead().flags == head["flags"]
        assert line.idx.kspace_encode_step_1 == head["idx"]["kspace_encode_step_1"]
        assert list(line.read_dir) == head["read_dir"].tolist()
        assert line.center_sample == head["center_sample"]
    scan.close()


def test_ismrmrd_reads_the_header() -> None:
    scene = replace(
        SCENES["head"], noise_measurement_id="noise_7", phase_sign=-1, oversampling=(1.25, 1.0, 2.0)
    )
    (header, *_) = simulate(replace(scene, noise_only=True)).messages()

    xml = ismrmrd.xsd.CreateFromDocument(as_a(Header, header).xml)

    space, limits = xml.encoding[0].encodedSpace, xml.encoding[0].encodingLimits
    assert (space.matrixSize.z, space.matrixSize.y, space.matrixSize.x) == (40, 80, 192)
    assert (space.fieldOfView_mm.z, space.fieldOfView_mm.x) == pytest.approx((200, 422.4))
    assert limits.kspace_encoding_step_2.center == 20
    assert limits.contrast.maximum == 3
    assert pytest.approx([5, 10.3, 15.6, 20.9]) == xml.sequenceParameters.TE
    assert xml.experimentalConditions.H1resonanceFrequency_Hz == 127732436
    assert xml.measurementInformation.measurementDependency[0].measurementID == "noise_7"
    assert xml.userParameters.userParameterLong[0].value == -1


@pytest.mark.parametrize("study_uid", ["1.2.840.7", ""])
def test_the_header_names_the_study_that_the_scene_has(study_uid: str) -> None:
    scene = replace(SCENES["head"], noise_only=True, study_uid=study_uid)
    (header, *_) = simulate(scene).messages()

    xml = ismrmrd.xsd.CreateFromDocument(as_a(Header, header).xml)

    found = xml.studyInformation
    assert (found.studyInstanceUID if found else "") == study_uid
    assert read_protocol(as_a(Header, header).xml).ids.study_uid == study_uid


@pytest.mark.parametrize("name", SCENES)
def test_the_product_reads_the_header_of_every_scene(name: str) -> None:
    scene = replace(SCENES[name], noise_only=True)

    header = as_a(Header, next(iter(simulate(scene).messages())))
    protocol = read_protocol(header.xml)

    assert protocol.echoes.te_s == pytest.approx(scene.te_s)
    assert protocol.n_coils == scene.n_coils
    assert protocol.phase_sign.value == scene.phase_sign


def test_a_scene_that_keeps_its_sign_to_itself_says_nothing() -> None:
    scene = replace(SCENES["tiny"], says_phase_sign=False)

    header = as_a(Header, next(iter(simulate(scene).messages())))

    assert b"PhaseSign" not in header.xml


def test_the_stream_holds_the_same_lines_as_the_file(tmp_path: Path) -> None:
    simulation = simulate(TINY)
    sent = list(simulation.messages())
    write_scan_stream(simulation, tmp_path / "scan.mrd")

    with (tmp_path / "scan.mrd").open("rb") as source:
        received = list(read_stream(source))

    def samples(messages: Iterable[Message]) -> np.ndarray:
        lines = [m for m in messages if isinstance(m, Acquisitions)]
        imaging = [m for m in lines if not m.header["flags"][0] & np.uint64(NOISE)]
        return np.concatenate([m.data for m in imaging])

    assert isinstance(received[0], Header)
    assert isinstance(received[-1], Close)
    np.testing.assert_array_equal(samples(received), samples(sent))


def test_the_truth_lies_beside_the_scan(tmp_path: Path) -> None:
    (beside,) = write_truth(TINY, tmp_path / "scan.h5")

    with np.load(beside) as found:
        assert beside.name == "scan.truth.npz"
        assert found["echoes"].shape == (2, 8, 16, 16)
        assert found["mask"].sum() > 100
        assert found["affine_lps"].shape == (4, 4)


def test_the_command_line_changes_any_field_of_a_scene(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "write tiny -o scan.h5 --matrix 5,7,9 --echoes 3 --coils 1 --snr inf --bipolar"
    arguments = [*words.split(), "--oblique=-10,5", "--order", "centre-out", "--drop", "0,4"]
    arguments[3] = str(tmp_path / "scan.h5")

    assert main(arguments) == 0

    with h5py.File(tmp_path / "scan.h5") as file:
        head = file["dataset/data"]["head"]
    assert len(head) == 5 * 7 * 3 - 2
    assert set(head["number_of_samples"]) == {18}
    assert capsys.readouterr().out.split() == [
        str(tmp_path / "scan.h5"),
        str(tmp_path / "scan.truth.npz"),
    ]


def test_the_command_line_lists_every_scene(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenes"]) == 0

    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == list(SCENES)


def test_an_impossible_scene_ends_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["write", "tiny", "-o", str(tmp_path / "scan.h5"), "--echoes", "0"]) == 2

    assert "error [config] echoes: found 0" in capsys.readouterr().err
    assert not (tmp_path / "scan.h5").exists()


def test_a_folder_that_cannot_be_made_ends_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()

    assert main(["write", "tiny", "-o", str(tmp_path / "file" / "scan.h5")]) == 1

    assert "error [file]" in capsys.readouterr().err


def test_spacing_of_more_echoes_is_that_of_the_first_two(tmp_path: Path) -> None:
    main(["write", "tiny", "-o", str(tmp_path / "scan.h5"), "--te", "4,7.5", "--echoes", "3"])

    with h5py.File(tmp_path / "scan.h5") as file:
        protocol = read_protocol(file["dataset/xml"][0])
    assert protocol.echoes.te_s == pytest.approx((0.004, 0.0075, 0.011))

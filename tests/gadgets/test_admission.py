"""Lines that contradict their scan end it, or are missing from it and told, as the chain says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from chains import complex_echoes, run_chain, texts, volumes
from narrowing import all_of, as_a
from streamrecon_simulator.lines.header import header_xml
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.errors import DataError
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions, Header, Message

SCENE = Scene(
    "a few lines", matrix=(5, 14, 15), voxel_mm=(12.0, 9.0, 8.0), n_coils=3, te_s=(0.005, 0.012),
    noise_lines=8, noise_samples=64, tilt_deg=(11.0, -7.0),
)  # fmt: skip
LINE = 23  # echo 1, kz 0, ky 11
CHANGES: dict[str, Callable[[Acquisitions], None]] = {
    "NaN": lambda line: line.data.fill(np.nan),
    "one infinite sample": lambda line: line.data[:, 1, 3].fill(np.inf),
    "beyond the squares": lambda line: line.data[:, 0, 7].fill(3e38),
    "centre": lambda line: line.header["center_sample"].fill(30),
    "measurement": lambda line: line.header["measurement_uid"].fill(12),
    "position": lambda line: line.header["position"].fill(41.0),
    "no position": lambda line: line.header["position"].fill(np.nan),
    "turned": lambda line: line.header["phase_dir"].fill(0.6),
    "unknown space": lambda line: line.header["encoding_space_ref"].fill(1),
}


def lines_of(scene: Scene) -> tuple[Header, list[Acquisitions]]:
    """The header, and every line as a message of its own that may be written."""
    header, *runs = simulate(scene).messages()
    copies = [
        Acquisitions(run.header.copy(), run.data.copy(), run.trajectory)
        for run in all_of(Acquisitions, runs)
    ]
    return as_a(Header, header), [line for run in copies for line in run.lines()]


def changed(kind: str, scene: Scene = SCENE) -> list[Message]:
    header, lines = lines_of(scene)
    CHANGES[kind](lines[scene.noise_lines + LINE])
    return [header, *lines]


@pytest.mark.parametrize("kind", CHANGES)
def test_a_line_that_does_not_fit_ends_the_scan_by_its_name(kind: str) -> None:
    with pytest.raises(DataError, match=r"line: found .*\(echo 1, slice 0, kz 0, ky 11\)"):
        run_chain("gre_recon.xml", changed(kind))


@pytest.mark.parametrize("kind", CHANGES)
def test_a_line_that_does_not_fit_is_a_missing_line_where_the_chain_goes_on(kind: str) -> None:
    header, lines = lines_of(SCENE)
    del lines[SCENE.noise_lines + LINE]
    without = run_chain("gre_recon.xml", [header, *lines], incomplete="reconstruct")

    emitted = run_chain("gre_recon.xml", changed(kind), incomplete="reconstruct")

    (echoes,), (expected,) = complex_echoes(emitted), complex_echoes(without)
    np.testing.assert_array_equal(echoes.data, expected.data)
    assert np.isfinite(echoes.data).all()
    assert np.abs(echoes.data[1]).max() > 5  # in units of the noise: there is an image
    told = [text for text in texts(emitted) if "left out" in text]
    assert [text.split(":")[0] for text in told] == ["WRN line left out", "WRN 1 lines left out"]
    missing = "without 1 of 140 lines (echo 1, kz 0, ky 11)"
    for volume in volumes(emitted, Quantity.MAGNITUDE):
        assert missing in volume.comments[-1]


def test_noise_lines_without_numbers_are_left_out_of_the_noise() -> None:
    header, lines = lines_of(SCENE)
    lines[2].data[0, 1, 5] = np.nan
    others = [header, *lines[:2], *lines[3:]]

    emitted = run_chain("gre_recon.xml", [header, *lines], incomplete="reconstruct")

    (echoes,) = complex_echoes(emitted)
    (expected,) = complex_echoes(run_chain("gre_recon.xml", others))
    np.testing.assert_array_equal(echoes.data, expected.data)
    assert any("(noise line" in text for text in texts(emitted))


def test_a_noise_scan_without_numbers_is_refused() -> None:
    header, lines = lines_of(replace(SCENE, noise_only=True))
    lines[2].data[0, 1, 5] = np.nan

    with pytest.raises(DataError, match="noise scan: found samples that are no numbers"):
        run_chain("default_measurement_dependencies.xml", [header, *lines])


def test_lines_of_another_encoding_of_the_header_are_passed_over_and_told() -> None:
    first, lines = lines_of(SCENE)
    xml = first.xml.decode()
    start, stop = xml.index("<encoding>"), xml.index("</encoding>") + len("</encoding>")
    second = xml[start:stop].replace("<x>15</x>", "<x>5</x>").replace("<x>30</x>", "<x>10</x>")
    header = Header((xml[:stop] + second + xml[stop:]).encode())
    of_second = [Acquisitions(x.header.copy(), x.data, x.trajectory) for x in lines[-4:]]
    for line in of_second:
        line.header["encoding_space_ref"] = 1

    emitted = run_chain("gre_recon.xml", [header, *of_second, *lines])

    (echoes,), (expected,) = complex_echoes(emitted), complex_echoes(
        run_chain("gre_recon.xml", [first, *lines])
    )  # fmt: skip
    np.testing.assert_array_equal(echoes.data, expected.data)
    assert "INF 4 lines left out: another encoding space" in texts(emitted)


def test_each_slice_has_its_own_place() -> None:
    scene = replace(SCENE, slices=True, gap_mm=2.0, oversampling=(1.0, 1.0, 2.0))
    header, lines = lines_of(scene)

    emitted = run_chain("gre_recon.xml", [header, *lines])

    assert not [text for text in texts(emitted) if "left out" in text]
    lines[40].header["position"] += np.float32(0.3)
    with pytest.raises(DataError, match="found position or directions"):
        run_chain("gre_recon.xml", [header, *lines])


@pytest.mark.parametrize("flag", [layout.RT_FEEDBACK, layout.SURFACE_COIL_CORRECTION])
def test_lines_that_belong_to_no_image_may_be_of_any_kind(flag: int) -> None:
    header, lines = lines_of(SCENE)
    other = np.zeros(1, layout.ACQUISITION)
    other["flags"], other["active_channels"], other["number_of_samples"] = flag, 1, 9
    nowhere = np.zeros((1, 9, 0), np.float32)
    foreign = Acquisitions(other, np.full((1, 1, 9), np.nan, np.complex64), nowhere)

    for chain in ("gre_recon.xml", "gre_preview.xml"):
        emitted = run_chain(chain, [header, foreign, *lines, foreign])

        assert len(volumes(emitted, Quantity.MAGNITUDE)) == 2


def test_a_reversed_line_counts_its_centre_the_other_way() -> None:
    scene = replace(SCENE, bipolar=True, skipped_samples=6)
    header, lines = lines_of(scene)
    plain = complex_echoes(run_chain("gre_recon.xml", [header, *lines]))[0]
    longer = []
    for line in lines:
        cut = 0 if int(line.header["flags"][0]) & layout.NOISE else 4
        head = line.header.copy()
        head["number_of_samples"] += cut
        head["discard_post"] = cut
        if int(head["flags"][0]) & layout.REVERSE:
            head["center_sample"] += cut
        data = np.pad(line.data, ((0, 0), (0, 0), (0, cut)))
        path = np.zeros((1, data.shape[2], 0), np.float32)
        longer.append(Acquisitions(head, data, path))

    emitted = run_chain("gre_recon.xml", [header, *longer])

    np.testing.assert_allclose(complex_echoes(emitted)[0].data, plain.data, rtol=0, atol=0.3)


def test_accelerated_scans_learn_from_calibration_lines_that_fit() -> None:
    sampling = Sampling(acceleration=(1, 2), calibration_lines=8)
    scene = replace(SCENE, matrix=(5, 24, 15), n_coils=4, sampling=sampling)
    header, lines = lines_of(scene)
    assert header.xml == header_xml(scene)
    calibrates = [
        n for n, x in enumerate(lines) if x.header["flags"][0] & layout.PARALLEL_CALIBRATION
    ]
    lines[calibrates[3]].data[:] = np.inf

    emitted = run_chain("gre_recon.xml", [header, *lines], incomplete="reconstruct")

    (echoes,) = complex_echoes(emitted)
    assert np.isfinite(echoes.data).all()

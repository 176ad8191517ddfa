"""Headers as people write them: each gives the images of the right one, and says what was read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import TypeVar

import numpy as np
import pytest
from chains import complex_echoes, run_chain, texts
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.errors import DataError, HeaderError
from streamrecon.mrd.wire.messages import Acquisitions, Header

T = TypeVar("T")

SLAB = Scene(
    "a slab", matrix=(13, 40, 47), voxel_mm=(10.0, 5.0, 4.4), n_coils=2, noise_lines=4,
    te_s=(0.006, 0.012, 0.018), snr=200.0, bipolar=True,
)  # fmt: skip
SLICES = replace(SLAB, slices=True, matrix=(3, 40, 47), oversampling=(1.0, 1.0, 2.0))


def written(
    scene: Scene, xml: Callable[[bytes], bytes], lines: Callable[[np.ndarray], object]
) -> Iterator[object]:
    """A scan whose header and lines are edited."""
    for message in simulate(scene).messages():
        if isinstance(message, Header):
            yield Header(xml(message.xml))
        elif isinstance(message, Acquisitions):
            head = message.header.copy()
            lines(head)
            yield Acquisitions(head, message.data, message.trajectory)


@cache
def plain(scene: Scene) -> np.ndarray:
    return complex_echoes(run_chain("gre_recon.xml", simulate(scene).messages()))[0].data


def in_seconds(*names: bytes) -> Callable[[bytes], bytes]:
    def edited(xml: bytes) -> bytes:
        for name in names:
            xml = re.sub(rb"(<%s>)([^<]*)(</%s>)" % (name, name), a_thousandth, xml)
        return xml

    def a_thousandth(found: re.Match[bytes]) -> bytes:
        return b"%s%g%s" % (found[1], float(found[2]) / 1000, found[3])

    return edited


def two_partitions(xml: bytes) -> bytes:
    return re.sub(rb"(<encodedSpace>.*?<z>)1(</z>)", rb"\g<1>2\2", xml, count=1, flags=re.DOTALL)


def all_fields(name: str, value: object) -> Callable[[np.ndarray], None]:
    def edited(head: np.ndarray) -> None:
        head[name] = value

    return edited


def as_it_is(_: T) -> T:
    return _


CASES: dict[str, tuple[Scene, Callable[[bytes], bytes], Callable[[np.ndarray], object], str]] = {
    "centre at the first sample": (SLAB, as_it_is, all_fields("center_sample", 0), "as their mid"),
    "TE in seconds": (SLAB, in_seconds(b"TE"), as_it_is, "TE: found 0.006, 0.012, 0.018, read as"),
    "TE and TR in seconds": (SLAB, in_seconds(b"TE", b"TR"), as_it_is, "TR: found 0.028, read as"),
    "TR in seconds": (SLAB, in_seconds(b"TR"), as_it_is, "TR: found 0.028, read as seconds"),
    "two partitions of slices": (SLICES, two_partitions, as_it_is, "matrixSize/z: found 2"),
    "no sampling time": (SLAB, as_it_is, all_fields("sample_time_us", 0), "no sampling time"),
}


@pytest.mark.parametrize("case", CASES)
def test_images_are_those_of_the_right_header_and_it_is_told(case: str) -> None:
    scene, xml, lines, told = CASES[case]

    emitted = run_chain("gre_recon.xml", written(scene, xml, lines))

    (found,), expected = complex_echoes(emitted), plain(scene)
    assert any(text.startswith("WRN") and told in text for text in texts(emitted))
    assert found.scan.echoes.te_s == pytest.approx(scene.te_s)
    assert found.scan.echoes.tr_s == pytest.approx(scene.tr_s)
    ratio = np.vdot(expected, found.data) / np.vdot(expected, expected)
    size = 1.0
    if case == "no sampling time":  # of the noise's power, what follows from both sampling times
        size = np.sqrt(scene.noise_dwell_s / scene.dwell_s)
    assert ratio == pytest.approx(size, rel=1e-3)
    np.testing.assert_allclose(found.data, expected * size, atol=1e-3 * np.abs(expected).max())


def test_a_table_nowhere_near_the_magnet_is_passed_over_and_told_with_the_images() -> None:
    table = all_fields("patient_table_position", (0, 0, -1760012))

    (found,) = complex_echoes(run_chain("gre_recon.xml", written(SLAB, as_it_is, table)))

    assert found.scan.table_mm == (0.0, 0.0, 0.0)
    assert any("-1.76001e+06" in comment for comment in found.scan.comments)


def test_a_field_of_view_of_zero_is_refused_with_what_was_found() -> None:
    def no_field_of_view(xml: bytes) -> bytes:
        path = rb"(<reconSpace>.*?<fieldOfView_mm>\s*<x>)[^<]*(</x>)"
        return re.sub(path, rb"\g<1>0\2", xml, flags=re.DOTALL)

    with pytest.raises(HeaderError, match=r"fieldOfView_mm/x: found 0 mm, needed at least 1 mm"):
        run_chain("gre_recon.xml", written(SLAB, no_field_of_view, as_it_is))


def test_an_asymmetric_echo_that_begins_at_its_centre_stays_one_and_is_told() -> None:
    scene = replace(SLAB, skipped_samples=47, oversampling=(1.0, 1.0, 2.0), bipolar=False)
    messages: Iterable[object] = simulate(scene).messages()

    emitted = run_chain("gre_recon.xml", messages)

    assert not any("middle" in text for text in texts(emitted))
    assert any("center_sample 0, taken as half echoes" in text for text in texts(emitted))


def test_a_shorter_line_left_at_the_default_is_refused_with_the_numbers() -> None:
    """An asymmetric echo of which nobody wrote the centre: it is neither first nor middle."""
    scene = replace(SLAB, skipped_samples=20, oversampling=(1.0, 1.0, 2.0), bipolar=False)
    lines = written(scene, as_it_is, all_fields("center_sample", 0))

    with pytest.raises(DataError, match=r"center_sample 0 of 74 samples, 27 of which .* of 94"):
        run_chain("gre_recon.xml", lines)


def test_noise_lines_without_samples_are_refused_by_name() -> None:
    header, noise, *lines = simulate(SLAB).messages()
    assert isinstance(noise, Acquisitions)
    head = noise.header.copy()
    head["number_of_samples"] = head["active_channels"] = 0
    empty = Acquisitions(head, np.zeros((len(head), 0, 0), np.complex64), noise.trajectory[:, :0])

    with pytest.raises(DataError, match=r"found 0 samples of 0 channels, .* \(noise line"):
        run_chain("gre_recon.xml", [header, empty, *lines])

"""Damaged connections are answered as the client's fault, and bugs as the service's."""

from __future__ import annotations

import secrets
from dataclasses import replace

import numpy as np
import pytest
from answers_in_process import answer_in_process, connection
from mutated_images import CHAIN, mutated_images, small_images
from mutated_others import mutated_others
from mutated_scans import mutated_connection, small_scan
from narrowing import all_of, as_a, given

from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions, Header, Image, Message, Text
from streamrecon.recon.kspace.assemble import Assembler

FIXED = 200
RANDOM = 100
FOUND = (
    78492702616,  # a centre of k-space outside its line, in a preview of early lines
    745535189057,  # 4097 slices of 27 mm
    880000001338,  # lines of one channel behind noise of two, and nothing that would place them
)
CODES = ("protocol", "truncated", "config", "header", "data", "recon", "memory", "delivery")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the service logs them, and goes on
@pytest.mark.parametrize("start", [0, None], ids=["fixed seeds", "random seeds"])
def test_no_damage_to_a_connection_is_told_to_be_the_services_fault(
    start: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    first = secrets.randbelow(1 << 40) if start is None else start
    with capsys.disabled():
        print(f" from seed {first}", end="")

    seeds = range(first, first + (RANDOM if start is None else FIXED))
    for seed in (*seeds, *(FOUND if start == 0 else ())):
        answer = answer_in_process(mutated_connection(seed))

        assert not answer.is_internal, (seed, answer.texts, answer.error)
        assert answer.error is None or any(f"[{c}]" in answer.last_words for c in CODES), seed


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_no_damage_to_images_is_told_to_be_the_services_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = secrets.randbelow(1 << 40)
    with capsys.disabled():
        print(f" and from seed {first}", end="")

    for seed in (*range(100), 2607, 2731, *range(first, first + 50)):
        answer = answer_in_process(mutated_images(seed))

        assert not answer.is_internal, (seed, answer.texts, answer.error)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_no_damage_to_physiology_buckets_and_grids_is_told_to_be_the_services_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = secrets.randbelow(1 << 40)
    with capsys.disabled():
        print(f" and from seed {first}", end="")

    for seed in (*range(20), *range(first, first + 20)):
        answer = answer_in_process(mutated_others(seed))

        assert not answer.is_internal, (seed, answer.texts, answer.error)


def test_pixels_that_are_no_numbers_are_told_in_text_and_in_every_image() -> None:
    header, *sent = small_images()
    images = all_of(Image, sent)
    pixels = images[1].data.copy()
    pixels[0, 2, 3, 4:7] = np.nan

    answer = answer_in_process(
        connection(CHAIN, header, images[0], replace(images[1], data=pixels), *images[2:])
    )

    gaps = "3 of 2016 voxels are no numbers in magnitude or phase, and were set to 0"
    assert f"WRN images: {gaps}" in answer.texts
    made = answer.images[len(images) :]
    assert len(made) == len(images)
    assert all(np.isfinite(image.data).all() for image in made)
    assert all(gaps in " ".join(image.meta["ImageComments"]) for image in made)


def test_a_bug_is_told_to_be_the_services_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Assembler, "finish", lambda _: 1 // 0)

    answer = answer_in_process(connection("gre_recon", *small_scan()))

    assert answer.last_words.startswith("ERR [internal] session ")


def with_header(old: str, new: str) -> list[Message]:
    """The small scan with another text in its header."""
    header, *lines = small_scan()
    text = as_a(Header, header).xml.decode()
    assert old in text
    return [Header(text.replace(old, new, 1).encode()), *lines]


def with_lines(field: str, value: object, which: slice = slice(21, 22)) -> list[Message]:
    """The small scan with another value in a field of some imaging lines' headers."""
    *before, last = small_scan()
    run = as_a(Acquisitions, last)
    header = run.header.copy()
    (header["idx"] if field in given(header["idx"].dtype.names) else header)[field][which] = value
    return [*before, Acquisitions(header, run.data, run.trajectory)]


def with_channels(n_channels: int) -> list[Message]:
    """The small scan whose last lines have another number of channels."""
    *before, last = small_scan()
    run = as_a(Acquisitions, last)
    header = run.header[-5:].copy()
    header["active_channels"] = n_channels
    data = np.ones((5, n_channels, run.data.shape[2]), np.complex64)
    return [*before, run.select(slice(-5)), Acquisitions(header, data, run.trajectory[-5:])]


def with_noise_of(*shapes: tuple[int, int]) -> list[Message]:
    """The small scan with noise lines of other shapes (channels, samples)."""
    before, _, *after = small_scan()
    noise = []
    for channels, samples in shapes:
        header = np.zeros(1, layout.ACQUISITION)
        header["flags"] = layout.NOISE
        header["active_channels"], header["number_of_samples"] = channels, samples
        data = np.ones((1, channels, samples), np.complex64)
        noise.append(Acquisitions(header, data, np.zeros((1, samples, 0), np.float32)))
    return [before, *noise, *after]


FACTOR = (
    "<parallelImaging><accelerationFactor><kspace_encoding_step_1>{}</kspace_encoding_step_1>"
    "</accelerationFactor></parallelImaging>"
)
FAULTS = {
    "field of view": (with_header("<x>364.0</x>", "<x>1e9</x>"), "header", "along x"),
    "zero-filling": (with_header("<x>14</x>", "<x>60000</x>"), "header", "along x"),
    "tiny voxels": (with_header("<z>144.0</z>", "<z>1e-300</z>"), "header", "along z"),
    "acceleration": (
        with_header("</trajectory>", f"</trajectory>{FACTOR.format(1e9)}"), "header",
        "accelerationFactor",
    ),
    "no acceleration": (
        with_header("</trajectory>", f"</trajectory>{FACTOR.format(-2)}"), "header",
        "accelerationFactor",
    ),
    "channels of the header": (
        with_header("<receiverChannels>2<", "<receiverChannels>1e308<"), "header",
        "receiverChannels",
    ),
    "no channels of the header": (
        with_header("<receiverChannels>2<", "<receiverChannels>-3<"), "header", "receiverChannels",
    ),
    "centre": (with_header("<center>6</center>", "<center>60</center>"), "header", "centre 60"),
    "echo time": (with_header("<TE>11.0</TE>", "<TE>1e30</TE>"), "header", "TE"),
    "bandwidth": (
        with_header(">0.793<", ">-0.793<"), "header", "relativeReceiverNoiseBandwidth",
    ),
    "measurement": (with_lines("measurement_uid", 77), "data", "measurement_uid 77"),
    "position": (with_lines("position", (1, 2, 3)), "data", "position or directions"),
    "direction": (with_lines("read_dir", (0, 0, 1)), "data", "position or directions"),
    "space": (with_lines("encoding_space_ref", 3), "data", "encoding space 3"),
    "centre of a line": (with_lines("center_sample", 28), "data", "center_sample 28 of 28"),
    "discarded": (with_lines("discard_pre", 40), "data", "center_sample"),
    "echo": (with_lines("contrast", 9), "data", "echo 9"),
    "step": (with_lines("kspace_encode_step_1", 99), "data", "ky 99"),
    "channels": (with_channels(5), "data", "5 channels, needed 2"),
    "no channels": (with_channels(0), "data", "0 channels"),
    "noise channels": (with_noise_of((2, 32), (3, 32)), "data", "2 and 3 channels"),
    "noise of another coil": (with_noise_of((5, 64)), "data", "2 channels, but noise of 5"),
    "empty noise": (with_noise_of((2, 0)), "data", "0 samples"),
    "nested JSON": (
        [small_scan()[0], Text('{"parameters":' * 9000), *small_scan()[1:]], "config", "JSON",
    ),
    "half a character": (
        [small_scan()[0], Text('{"parameters": {"\\ud800": 1}}'), *small_scan()[1:]],
        "config", "surrogate",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_answered_by_its_code_and_its_field(kind: str) -> None:
    scan, code, named = FAULTS[kind]

    answer = answer_in_process(connection("gre_full", *scan))

    assert answer.last_words.startswith(f"ERR [{code}] "), answer.last_words
    assert named in answer.last_words
    assert not answer.images

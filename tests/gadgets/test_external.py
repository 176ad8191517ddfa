"""Our external process against Gadgetron's side of the socket."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from gadgetron_parent import CLOSE, GadgetronParent
from narrowing import as_a, given

from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Close,
    Image,
    ImageArray,
    RemoteFailure,
    Waveform,
)

PASS = "<stream/>"


def lines(n: int = 3, channels: int = 3, samples: int = 7) -> Acquisitions:
    """Lines of odd sizes whose every sample differs."""
    head = np.zeros(n, layout.ACQUISITION)
    head["number_of_samples"] = samples
    head["active_channels"] = head["available_channels"] = channels
    head["scan_counter"] = np.arange(n)
    values = np.arange(n * channels * samples, dtype="f4").reshape(n, channels, samples)
    return Acquisitions(
        head, (values - 1j * values[::-1]).astype("c8"), np.zeros((n, samples, 0), "f4")
    )


def image(meta: dict[str, tuple[str, ...]]) -> Image:
    """An odd complex image."""
    data = np.arange(1 * 3 * 5 * 7, dtype="f4").reshape(1, 3, 5, 7) * (1 - 2j)
    return Image(np.zeros(1, layout.IMAGE)[0], data.astype("c8"), meta)


def waveform() -> Waveform:
    head = np.zeros(1, layout.WAVEFORM)[0]
    head["channels"], head["number_of_samples"] = 2, 5
    return Waveform(head, np.arange(10, dtype="u4").reshape(2, 5))


def gadget(name: str) -> str:
    return f"<stream><gadget><name>{name}</name></gadget></stream>"


def test_an_empty_chain_gives_back_every_type_bit_for_bit() -> None:
    sent = (lines(), waveform(), image({"Comment": ("ä", "b"), "é": ("1",)}))
    with GadgetronParent() as parent:
        parent.begin(PASS)
        parent.send(*sent, Close())

        back = parent.answers()

        assert parent.wait() == 0
        run, trace, picture, close = back
        np.testing.assert_array_equal(as_a(Acquisitions, run).data, sent[0].data)
        np.testing.assert_array_equal(as_a(Acquisitions, run).header, sent[0].header)
        np.testing.assert_array_equal(as_a(Waveform, trace).data, sent[1].data)
        np.testing.assert_array_equal(as_a(Image, picture).data, sent[2].data)
        assert as_a(Image, picture).meta == sent[2].meta
        assert close == Close()


def test_an_image_array_with_waveforms_and_accents_comes_back_with_its_length() -> None:
    array = ImageArray(
        np.arange(7 * 5 * 3, dtype="f4").reshape((7, 5, 3, 1, 1, 1, 1), order="F").astype("c8"),
        np.zeros((1, 1, 1), layout.IMAGE),
        ({"Comment": ("é",)},),
        (waveform(),),
    )
    with GadgetronParent() as parent:
        parent.begin(PASS)
        parent.send(array, Close())

        answer, close = parent.answers()

        back = as_a(ImageArray, answer)
        np.testing.assert_array_equal(back.data, array.data)
        assert back.meta == array.meta
        assert len(given(back.waveforms)) == 1
        assert close == Close()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Leave", "[internal] SystemExit; the traceback is in the log of this process"),
        ("Refuse", "[recon] Refuse: mask: found no voxel, needed some, é"),
        ("Crash", "[internal] ZeroDivisionError; the traceback is in the log of this process"),
    ],
)
def test_an_error_of_a_gadget_is_told_as_error_8_then_close(name: str, reason: str) -> None:
    with GadgetronParent("external_targets") as parent:
        parent.begin(gadget(name))
        parent.send(lines())

        parent.wait()

        text = f"{reason}\n".encode()
        assert bytes(parent.raw) == struct.pack("<HQ", 8, len(text)) + text + CLOSE


def test_a_bad_config_is_told_before_any_data_come() -> None:
    with GadgetronParent() as parent:
        parent.begin(gadget("os.system"))

        answers = parent.answers()

        reason = "[config] line 2: gadget 'os.system': unknown"
        assert answers == [RemoteFailure(reason), Close()]
        assert parent.wait() == 1


def test_a_bug_leaves_its_traceback_in_the_log_and_not_on_the_wire() -> None:
    with GadgetronParent("external_targets") as parent:
        parent.begin(gadget("Crash"))
        parent.send(lines())

        code = parent.wait()

        assert code == 1
        assert "ZeroDivisionError: secret" in parent.log
        assert b"secret" not in parent.raw


@pytest.mark.parametrize("cut", [0, 100], ids=lambda cut: f"cut at {cut}")
def test_a_parent_that_vanishes_ends_the_process(cut: int) -> None:
    message = struct.pack("<H", 1008) + lines(1).header.tobytes() + lines(1).data.tobytes()
    with GadgetronParent() as parent:
        parent.begin(PASS)
        parent.send(lines())
        parent.send_bytes(message[:cut])
        parent.vanish()

        code = parent.wait()

        assert code == 1
        assert "TruncatedStream" in parent.log


def test_an_error_is_not_lost_when_much_is_still_on_its_way() -> None:
    with GadgetronParent("external_targets") as parent:
        parent.begin(gadget("Refuse"))
        parent.send(*[lines(64, 8, 511)] * 20)  # 42 MB: far more than the socket holds

        failure, close = parent.answers()

        assert as_a(RemoteFailure, failure).text.startswith("[recon] Refuse: mask")
        assert close == Close()


def test_notices_stay_off_the_wire_and_int16_images_become_int32() -> None:
    with GadgetronParent("external_targets") as parent:
        parent.begin(gadget("Speak"))
        parent.send(lines(1), Close())

        answer, close = parent.answers()

        picture = as_a(Image, answer)
        assert picture.data.dtype == np.int32
        assert picture.header["data_type"] == 4
        np.testing.assert_array_equal(picture.data.ravel(), np.arange(-15, 15))
        assert close == Close()
        assert parent.wait() == 0
        assert "sign assumed" in parent.log


def test_a_chain_that_gives_no_image_says_so_in_the_log() -> None:
    with GadgetronParent("external_targets") as parent:
        parent.begin(gadget("Hoard"))
        parent.send(lines(1), Close())

        assert parent.answers() == [Close()]
        assert parent.wait() == 0
        assert "no image: the chain ends with object" in parent.log

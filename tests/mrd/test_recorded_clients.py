"""What real clients sent is what ours send, and is read as what was in their file.

Recorded of FIRE's `client.py` (python-ismrmrd-server df45f51) and of the package `ismrmrd` 1.15.0
by `scripts/record_clients.py`; of Gadgetron's client stands in `test_wire_bytes` what was captured.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from mrd_clients import fire_client, gadgetron_client
from recording import (
    CHAIN,
    CONFIG,
    PARAMETERS,
    RECORDED,
    heard_from,
    recorded_image,
    recorded_lines,
)
from test_wire_bytes import capture

from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Close,
    ConfigFile,
    ConfigText,
    Header,
    Image,
    Message,
    Text,
    Waveform,
)
from streamrecon.mrd.wire.parser import MrdParser

HEADER, WAVEFORM, LINE = recorded_lines()
_, IMAGE = recorded_image()
WITH = f"{CONFIG}_with"

SENT: dict[str, Callable[..., object]] = {
    "fire-name": partial(fire_client, scan=[HEADER, LINE], config=CONFIG),
    "fire-parameters": partial(
        fire_client, scan=[HEADER, WAVEFORM, LINE], config=WITH, parameters=PARAMETERS
    ),
    "fire-chain": partial(fire_client, scan=[HEADER, LINE], config="", text=CHAIN.encode()),
    "fire-image": partial(fire_client, scan=[HEADER, IMAGE], config=CONFIG),
}
READ: dict[str, list[Message]] = {
    "fire-name": [ConfigFile(CONFIG), HEADER, LINE],
    "fire-parameters": [ConfigFile(WITH), HEADER, Text(""), WAVEFORM, LINE],
    "fire-chain": [ConfigText(CHAIN), HEADER, LINE],
    "fire-image": [ConfigFile(CONFIG), HEADER, IMAGE],
    "ismrmrd-name": [ConfigFile(CONFIG), HEADER, WAVEFORM, LINE],
    "ismrmrd-chain": [ConfigText(CHAIN), HEADER, WAVEFORM, LINE],
}


@pytest.mark.parametrize("kind", SENT)
def test_our_fire_client_sends_what_the_real_one_sent(kind: str) -> None:
    recorded = (RECORDED / f"{kind}.bin").read_bytes()

    assert heard_from(SENT[kind]) == recorded


@pytest.mark.parametrize("kind", ["name", "chain"])
def test_our_gadgetron_client_sends_what_the_reference_package_writes(kind: str) -> None:
    recorded = (RECORDED / f"ismrmrd-{kind}.bin").read_bytes()
    header = next(m for m in MrdParser().receive(recorded) if isinstance(m, Header))
    scan = [header, WAVEFORM, LINE]
    text = CHAIN.encode() if kind == "chain" else None

    assert heard_from(partial(gadgetron_client, scan=scan, config=CONFIG, text=text)) == recorded


def test_our_gadgetron_client_sends_what_the_cpp_client_was_captured_to_send() -> None:
    config, *scan, _ = MrdParser().receive(capture())
    assert isinstance(config, ConfigFile)

    assert heard_from(partial(gadgetron_client, scan=scan, config=config.name)) == capture()


@pytest.mark.parametrize("kind", READ)
def test_what_a_real_client_sent_is_what_was_in_its_file(kind: str) -> None:
    recorded = (RECORDED / f"{kind}.bin").read_bytes()

    *found, close = MrdParser().receive(recorded)

    assert close == Close()
    assert [type(m) for m in found] == [type(m) for m in READ[kind]]
    for message, expected in zip(found, READ[kind], strict=True):
        match message:
            case Header() | Text():
                pass  # spelled by their writers
            case Acquisitions() | Waveform() | Image():
                assert isinstance(expected, Acquisitions | Waveform | Image)
                np.testing.assert_array_equal(message.data, expected.data)
                assert _without_meta(message) == _without_meta(expected)
            case _:
                assert message == expected


def _without_meta(message: Acquisitions | Waveform | Image) -> bytes:
    """The header, but for the length of an image's meta."""
    header = np.array(message.header)
    if isinstance(message, Image):
        header["attribute_string_len"] = 0
    return header.tobytes()

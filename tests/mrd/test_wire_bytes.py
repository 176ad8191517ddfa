"""Byte for byte what the stock clients send: built from the annotated capture, not by our writer.

16×16 phantom, 2 coils, 2× readout oversampling: 16 020 bytes from the C++ client, and its
variants; FIRE's client.py beside it.
"""

from __future__ import annotations

import struct

import numpy as np
import pytest

from streamrecon.errors import ProtocolError
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.line_compression import unpack_nhlbi
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Close,
    ConfigFile,
    ConfigText,
    Header,
    Query,
    Text,
)
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode

SAMPLES = np.frombuffer(bytes.fromhex("c2f352bc005dcebc"), "<c8")  # the capture's first sample


def xml_of(size: int, ending: bytes) -> bytes:
    header, tail = b'<?xml version="1.0"?>\n<ismrmrdHeader>', b"</ismrmrdHeader>" + ending
    return header + b" " * (size - len(header) - len(tail)) + tail


def head_of(
    line: int, *, flags: int = 0, samples: int = 32, channels: int = 2, dimensions: int = 0
) -> bytes:
    """340 bytes, field by field at the offsets of ismrmrd.h."""
    header = bytearray(340)
    struct.pack_into("<HQ", header, 0, 1, flags)
    struct.pack_into("<HHH", header, 34, samples, channels, channels)
    struct.pack_into("<HHHHH", header, 168, 0, 0, samples // 2, 0, dimensions)
    struct.pack_into("<f", header, 178, 5.0)
    struct.pack_into("<H", header, 242, line)
    return bytes(header)


def samples_of(line: int, samples: int = 32, channels: int = 2) -> np.ndarray:
    ramp = np.arange(channels * samples, dtype=np.float32).reshape(channels, samples)
    data = (ramp + 1j * line).astype("<c8")
    data[0, 0] = SAMPLES[0]
    return data


def capture() -> bytes:
    parts = [
        b"\x01\x00" + b"default.xml".ljust(1024, b"\0"),
        b"\x03\x00" + struct.pack("<I", 1322) + xml_of(1322, b"\n"),
    ]
    for line in range(16):
        flags = {0: 0x40, 15: 0x80}.get(line, 0)
        parts.append(b"\xf0\x03" + head_of(line, flags=flags) + samples_of(line).tobytes())
    return b"".join([*parts, b"\x04\x00"])


def test_the_capture_has_the_size_and_the_landmarks_of_the_real_one() -> None:
    data = capture()

    assert len(data) == 16_020
    assert data[1026:1032] == bytes.fromhex("03002a050000")
    assert data[2354:2356] == bytes.fromhex("f003")
    assert data[2354 + 180 : 2354 + 184] == bytes.fromhex("0000a040")
    assert data[2354 + 342 : 2354 + 350] == bytes.fromhex("c2f352bc005dcebc")
    assert data[16_018:] == b"\x04\x00"


def test_the_cpp_clients_session_is_read() -> None:
    config, header, run, close = MrdParser().receive(capture())

    assert config == ConfigFile("default.xml")
    assert isinstance(header, Header)
    assert len(header.xml) == 1322
    assert header.xml.endswith(b"</ismrmrdHeader>\n")
    assert isinstance(run, Acquisitions)
    assert run.data.shape == (16, 2, 32)
    assert run.trajectory.shape == (16, 32, 0)
    assert run.header["idx"]["kspace_encode_step_1"].tolist() == list(range(16))
    assert run.header["flags"].tolist() == [0x40, *[0] * 14, 0x80]
    assert run.header["center_sample"].tolist() == [16] * 16
    assert run.header["sample_time_us"].tolist() == [5.0] * 16
    assert np.array_equal(run.data[7], samples_of(7))
    assert run.data[0, 0, 0] == np.complex64(-0.012875499 - 0.025190830j)
    assert close == Close()


def test_a_local_config_comes_as_text() -> None:
    xml = b"<configuration><version>2</version></configuration>"

    (found,) = MrdParser().receive(b"\x02\x00\x33\x00\x00\x00" + xml)

    assert found == ConfigText(xml.decode())


def test_a_query_has_43_bytes() -> None:
    data = b"\x06\x00" + struct.pack("<QQQ", 0, 0, 15) + b"gadgetron::info" + b"\x04\x00"

    assert len(data) == 43
    assert MrdParser().receive(data) == [Query("gadgetron::info", 0), Close()]


def packed(integers: list[int], bits: int, scale: float) -> bytes:
    """NHLBI's packing with Python integers, one bit string: slow and plain."""
    stream = sum((value & (1 << bits) - 1) << (i * bits) for i, value in enumerate(integers))
    body = stream.to_bytes(-(-bits * len(integers) // 8), "little")
    return struct.pack("<QfB", len(integers), scale, bits) + body


def compressed_line(integers: list[int], bits: int, scale: float, flags: int = 1 << 53) -> bytes:
    part = packed(integers, bits, scale)
    header = head_of(3, flags=flags | 0x40)
    return b"\xf0\x03" + header + struct.pack("<I", len(part)) + part


@pytest.mark.parametrize(("bits", "size"), [(12, 205), (2, 45)], ids=["-P 12", "-T 0.5"])
def test_a_compressed_line_has_the_captured_size_and_comes_out_as_an_ordinary_one(
    bits: int, size: int
) -> None:
    most = 2 ** (bits - 1)
    integers = np.random.default_rng(0).integers(-most, most, 128).tolist()
    integers[:2] = [-most, most - 1]
    line = compressed_line(integers, bits, 8.0)

    found = MrdParser().receive(line + line + b"\x04\x00")

    assert len(line) == 342 + 4 + size
    assert len(found) == 3
    run = found[1]
    assert isinstance(run, Acquisitions)
    assert int(run.header["flags"][0]) == 0x40
    wanted = np.array(integers, np.float32).view(np.complex64).reshape(1, 2, 32) / 8
    assert np.array_equal(run.data, wanted)


@pytest.mark.parametrize("bits", range(1, 33))
def test_every_width_of_the_packing_is_unpacked(bits: int) -> None:
    most = 2 ** (bits - 1)
    integers = np.random.default_rng(bits).integers(-most, most, 2 * 3 * 7).tolist()

    found = unpack_nhlbi(memoryview(packed(integers, bits, 0.5)), 3, 7)

    wanted = (np.array(integers) / 0.5).astype(np.float32).view(np.complex64).reshape(3, 7)
    assert np.array_equal(found, wanted)


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (b"\0" * 12, "found 12 bytes, needed 13"),
        (packed([0] * 126, 8, 1.0), "found 126 numbers, needed 128"),
        (packed([0] * 128, 33, 1.0), "found 33 bits"),
        (packed([0] * 128, 8, 0.0), "scale 0.0"),
        (packed([0] * 128, 8, float("nan")), "scale nan"),
        (packed([0] * 128, 8, 1.0)[:-1], "found 140 bytes, needed 141"),
    ],
)
def test_a_packing_that_contradicts_its_line_is_refused(part: bytes, told: str) -> None:
    header = b"\xf0\x03" + head_of(0, flags=1 << 53)

    with pytest.raises(ProtocolError, match=told):
        MrdParser().receive(header + struct.pack("<I", len(part)) + part)


def test_zfp_is_refused_by_name_where_the_package_is_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamrecon.mrd.wire.line_compression._zfpy", None)
    header = b"\xf0\x03" + head_of(0, flags=1 << 52)

    with pytest.raises(ProtocolError, match=r"found ZFP \(flag 53\), needed the optional package"):
        MrdParser().receive(header + struct.pack("<I", 4) + b"zfp\x05")


def test_a_noise_line_without_trajectory_precedes_lines_with_one() -> None:
    path = np.arange(64, dtype="<f4").reshape(32, 2)
    noise = b"\xf0\x03" + head_of(0, flags=0x40000, samples=48) + samples_of(0, 48).tobytes()
    line = b"\xf0\x03" + head_of(1, dimensions=2) + path.tobytes() + samples_of(1).tobytes()

    first, rest = MrdParser().receive(noise + line + line)

    assert isinstance(first, Acquisitions)
    assert isinstance(rest, Acquisitions)
    assert first.data.shape == (1, 2, 48)
    assert int(first.header["flags"][0]) == 1 << 18
    assert np.array_equal(rest.trajectory, [path, path])
    assert np.array_equal(rest.data[1], samples_of(1))


def test_fires_session_is_read() -> None:
    xml = xml_of(1322, b"\n")
    json = b'{"version":"1.1.0","parameters":{"config":"invertcontrast","sendOriginal":"False"}}'
    data = b"".join(
        [
            b"\x01\x00" + b"invertcontrast".ljust(1024, b"\0"),
            b"\x03\x00" + struct.pack("<I", 1323) + xml + b"\0",
            b"\x05\x00" + struct.pack("<I", len(json) + 1) + json + b"\0",
            b"\xf0\x03" + head_of(0) + samples_of(0).tobytes(),
            b"\x04\x00",
        ]
    )

    found = MrdParser().receive(data)

    assert found[0] == ConfigFile("invertcontrast")
    assert found[1] == Header(xml)
    assert found[2] == Text(json.decode())
    assert found[4] == Close()


def test_log_lines_end_with_a_newline_for_gadgetrons_client_alone() -> None:
    line = Text("WRN one")

    assert b"".join(encode(line, Dialect.GADGETRON)) == b"\5\0\x08\0\0\0WRN one\n"
    assert b"".join(encode(line, Dialect.FIRE)) == b"\5\0\x08\0\0\0WRN one\0"
    for dialect in Dialect:
        assert MrdParser().receive(b"".join(encode(line, dialect))) == [line]

"""MRD 2: lines, images, waveforms and headers survive both ways; the other party is `mrd`."""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import mrd
import numpy as np
import pytest
from mrd_headers import header_of
from narrowing import all_of, as_a, given
from streamrecon_simulator.lines.header import header_xml
from streamrecon_simulator.presets import SCENES
from wire_samples import image, lines, waveform

from streamrecon.errors import (
    ConfigError,
    DataError,
    HeaderError,
    ProtocolError,
    TruncatedStream,
)
from streamrecon.model.scan import ScanProtocol
from streamrecon.mrd.header.protocol import read_protocol
from streamrecon.mrd.version2 import Mrd2Writer, read_mrd2
from streamrecon.mrd.version2.header import header_from_xml, xml_from_header
from streamrecon.mrd.wire.layout import ACQUISITION, IMAGE, NOISE, PIXELS, REVERSE
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Close,
    Header,
    Image,
    Message,
    Text,
    Waveform,
)

HEADER = Header(header_of())
NOT_KEPT = {"version", "available_channels", "channel_mask", "attribute_string_len"}
"""What version 2 says otherwise: channels by their numbers, texts by their lengths."""


def written(messages: Iterable[Message]) -> bytes:
    out = io.BytesIO()
    writer = Mrd2Writer(out)
    for message in messages:
        writer.send(message)
    return out.getvalue()


def there_and_back(*messages: Message) -> list[Message]:
    first, *others = read_mrd2(io.BytesIO(written([HEADER, *messages, Close()])))
    assert isinstance(first, Header)
    return others


def assert_same_fields(found: Any, sent: Any, dtype: np.dtype) -> None:
    for name in set(given(dtype.names)) - NOT_KEPT:
        np.testing.assert_array_equal(found[name], sent[name], err_msg=name)


@pytest.mark.parametrize("dimensions", [0, 2])
@pytest.mark.parametrize("flags", [0, NOISE, REVERSE | (1 << 63)])
def test_lines_keep_every_bit(dimensions: int, flags: int) -> None:
    sent = lines(5, 3, 7, dimensions, flags=flags)
    sent.data[2, 1, 3] = np.nan + 1j * np.inf

    (found,) = all_of(Acquisitions, there_and_back(sent))

    assert found.data.tobytes() == sent.data.tobytes()
    assert found.trajectory.tobytes() == sent.trajectory.tobytes()
    assert_same_fields(found.header, sent.header, ACQUISITION)
    assert set(found.header["active_channels"]) == {3}


def test_channels_are_numbered_where_their_bits_say_so() -> None:
    sent = lines(1, 3, 4)
    sent.header["channel_mask"] = 0
    sent.header["channel_mask"][0, [0, 1]] = (1 << 5) | (1 << 63), 1

    (found,) = all_of(Acquisitions, there_and_back(sent))

    reader = mrd.BinaryMrdReader(io.BytesIO(written([HEADER, sent, Close()])))
    reader.read_header()
    (item,) = reader.read_data()
    assert item.value.head.channel_order == [5, 63, 64]
    np.testing.assert_array_equal(found.header["channel_mask"], sent.header["channel_mask"])


def test_runs_break_where_lines_differ_and_after_some() -> None:
    found = there_and_back(lines(258, 2, 5), lines(2, 2, 6), waveform(), lines(1, 2, 6))

    assert [
        len(m) if isinstance(m, Acquisitions) else as_a(Waveform, m).data.shape for m in found
    ] == [
        256, 2, 2, (2, 7), 1,
    ]  # fmt: skip


@pytest.mark.parametrize("kind", PIXELS)
def test_images_keep_every_bit_and_their_meta(kind: int) -> None:
    sent = image(kind, (2, 3, 5, 7), {"EchoTime": ("10.3",), "χ": ("a", "", "<b>")})
    sent.header["image_type"] = 2

    (found,) = there_and_back(sent)

    assert isinstance(found, Image)
    assert found.data.dtype == sent.data.dtype
    assert found.data.tobytes() == sent.data.tobytes()
    assert found.meta == sent.meta
    assert_same_fields(found.header, sent.header, IMAGE)


def test_waveforms_keep_every_sample() -> None:
    (found,) = there_and_back(waveform())

    assert isinstance(found, Waveform)
    np.testing.assert_array_equal(found.data, waveform().data)
    assert found.header["time_stamp"] == waveform().header["time_stamp"]


def meaning(xml: bytes) -> ScanProtocol:
    return replace(read_protocol(xml), ids=replace(read_protocol(xml).ids, header_xml=b""))


@pytest.mark.parametrize("scene", ["tiny", "marker"])
def test_a_header_means_the_same_afterwards(scene: str) -> None:
    xml = header_xml(SCENES[scene])

    assert meaning(xml_from_header(header_from_xml(xml))) == meaning(xml)


RICH = b"""<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
<subjectInformation><patientName>A &amp; B</patientName><patientWeight_kg>70.5</patientWeight_kg>
<patientID>007</patientID><patientBirthdate>1970-02-03</patientBirthdate>
<patientGender>F</patientGender></subjectInformation>
<studyInformation><studyTime>12:34:56</studyTime><studyInstanceUID>1.2.3</studyInstanceUID>
</studyInformation>
<measurementInformation><measurementID>m1</measurementID><patientPosition>HFS</patientPosition>
<measurementDependency><dependencyType>Noise</dependencyType><measurementID>m0</measurementID>
</measurementDependency><frameOfReferenceUID>4.5</frameOfReferenceUID></measurementInformation>
<acquisitionSystemInformation><systemVendor>SIEMENS</systemVendor>
<systemFieldStrength_T>2.8936</systemFieldStrength_T><receiverChannels>2</receiverChannels>
<coilLabel><coilNumber>1</coilNumber><coilName>H1</coilName></coilLabel>
<coilLabel><coilNumber>2</coilNumber><coilName>H2</coilName></coilLabel>
</acquisitionSystemInformation>
<experimentalConditions><H1resonanceFrequency_Hz>123206013</H1resonanceFrequency_Hz>
</experimentalConditions>
<encoding><encodedSpace><matrixSize><x>64</x><y>45</y><z>20</z></matrixSize><fieldOfView_mm>
<x>440</x><y>198.1</y><z>50</z></fieldOfView_mm></encodedSpace><reconSpace><matrixSize><x>32</x>
<y>45</y><z>20</z></matrixSize><fieldOfView_mm><x>220</x><y>198.1</y><z>50</z></fieldOfView_mm>
</reconSpace><encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>44</maximum>
<center>22</center></kspace_encoding_step_1></encodingLimits><trajectory>cartesian</trajectory>
<parallelImaging><accelerationFactor><kspace_encoding_step_1>2</kspace_encoding_step_1>
<kspace_encoding_step_2>1</kspace_encoding_step_2></accelerationFactor>
<calibrationMode>embedded</calibrationMode></parallelImaging></encoding>
<sequenceParameters><TR>28</TR><TE>4.7</TE><TE>10.3000002</TE><flipAngle_deg>15</flipAngle_deg>
<sequence_type>GRE</sequence_type></sequenceParameters>
<userParameters><userParameterLong><name>PhaseSign</name><value>-1</value></userParameterLong>
<userParameterString><name>c</name><value>\xce\xbc</value></userParameterString></userParameters>
<waveformInformation><waveformName>ECG</waveformName><waveformType>ecg</waveformType>
</waveformInformation><strange>1</strange></ismrmrdHeader>"""


def test_every_part_of_a_header_comes_back_in_its_spelling() -> None:
    found = xml_from_header(header_from_xml(RICH)).decode()

    for piece in (
        "<patientName>A &amp; B</patientName>", "<patientWeight_kg>70.5</patientWeight_kg>",
        "<patientBirthdate>1970-02-03</patientBirthdate>", "<patientGender>F</patientGender>",
        "<studyInstanceUID>1.2.3</studyInstanceUID>", "<patientPosition>HFS</patientPosition>",
        "<dependencyType>Noise</dependencyType><measurementID>m0</measurementID>",
        "<frameOfReferenceUID>4.5</frameOfReferenceUID>", "<coilName>H2</coilName>",
        "<H1resonanceFrequency_Hz>123206013</H1resonanceFrequency_Hz>", "<y>198.1</y>",
        "<kspace_encoding_step_1><minimum>0</minimum><maximum>44</maximum>",
        "<accelerationFactor><kspace_encoding_step_1>2</kspace_encoding_step_1>",
        "<calibrationMode>embedded</calibrationMode>", "<TE>4.7</TE><TE>10.3</TE>",
        "<flipAngle_deg>15.0</flipAngle_deg>", "<sequence_type>GRE</sequence_type>",
        "<userParameterLong><name>PhaseSign</name><value>-1</value></userParameterLong>",
        "<value>μ</value>", "<waveformType>ecg</waveformType>",
    ):  # fmt: skip
        assert piece in found
    assert "12:34:56" in found
    assert "strange" not in found
    assert meaning(found.encode()) == meaning(RICH)


def test_what_a_header_does_not_say_is_not_made_up() -> None:
    xml = re.sub(rb"<patientPosition>.*?</patientPosition>", b"", header_of(frequency=""))

    found = xml_from_header(header_from_xml(xml))

    assert b"H1resonance" not in found
    assert b"patientPosition" not in found
    assert read_protocol(found).b0_t == pytest.approx(read_protocol(xml).b0_t)


def test_a_stream_of_the_reference_package_is_read() -> None:
    out = io.BytesIO()
    head = mrd.AcquisitionHeader(center_sample=3, idx=mrd.EncodingCounters(kspace_encode_step_1=9))
    data = np.arange(10, dtype=np.complex64).reshape(2, 5)
    with mrd.BinaryMrdWriter(out) as writer:
        writer.write_header(header_from_xml(RICH))
        writer.write_data([mrd.StreamItem.Acquisition(mrd.Acquisition(head=head, data=data))])

    _, found = read_mrd2(io.BytesIO(out.getvalue()))

    assert isinstance(found, Acquisitions)
    np.testing.assert_array_equal(found.data[0], data)
    assert found.trajectory.shape == (1, 5, 0)
    assert found.header["idx"]["kspace_encode_step_1"] == 9
    assert found.header["center_sample"] == 3
    assert found.header["number_of_samples"] == 5


def test_numbers_that_version_1_cannot_hold_are_refused() -> None:
    out = io.BytesIO()
    head = mrd.AcquisitionHeader(center_sample=70_000)
    item = mrd.Acquisition(head=head, data=np.zeros((1, 2), np.complex64))
    with mrd.BinaryMrdWriter(out) as writer:
        writer.write_header(header_from_xml(RICH))
        writer.write_data([mrd.StreamItem.Acquisition(item)])

    with pytest.raises(ProtocolError, match="line: found a number beyond those of MRD 1"):
        list(read_mrd2(io.BytesIO(out.getvalue())))


def test_numbers_of_any_length_are_those_of_the_reference_reader() -> None:
    """Optional numbers that are not there, lists of other lengths, all that takes several bytes."""
    rng = np.random.default_rng(3)
    out, heads = io.BytesIO(), []
    for n in range(40):
        numbers = rng.integers(0, 2**16, 9).tolist()
        wide = rng.integers(0, 2**32, 4).tolist()
        heads.append(
            mrd.AcquisitionHeader(
                flags=mrd.AcquisitionFlags(int(rng.integers(0, 2**62))),
                idx=mrd.EncodingCounters(
                    kspace_encode_step_1=numbers[0], kspace_encode_step_2=n or None,
                    slice=numbers[1], contrast=numbers[2] % 200, user=numbers[3 : 3 + n % 6],
                ),
                measurement_uid=wide[0], scan_counter=wide[1], acquisition_time_stamp=wide[2],
                physiology_time_stamp=wide[: n % 4], channel_order=list(range(100 + n, 300 + n)),
                discard_pre=numbers[4], center_sample=None if n % 2 else numbers[5],
                sample_time_us=None if n % 3 else 2.5, position=rng.normal(size=3).astype("f4"),
                user_int=rng.integers(-(2**31), 2**31, n % 9).tolist(),
                user_float=rng.normal(size=n % 9).astype("f4").tolist(),
            )
        )  # fmt: skip
    heads = [head for head in heads for _ in range(2)]  # the second is as the one before
    data = np.ones((200, 3), np.complex64)
    with mrd.BinaryMrdWriter(out) as writer:
        writer.write_header(header_from_xml(RICH))
        writer.write_data(
            [mrd.StreamItem.Acquisition(mrd.Acquisition(head=head, data=data)) for head in heads]
        )

    _, found = read_mrd2(io.BytesIO(out.getvalue()))

    for row, head in zip(as_a(Acquisitions, found).header, heads, strict=True):
        assert int(row["flags"]) == head.flags.value
        assert row["idx"]["kspace_encode_step_1"] == head.idx.kspace_encode_step_1
        assert row["idx"]["kspace_encode_step_2"] == (head.idx.kspace_encode_step_2 or 0)
        assert row["idx"]["contrast"] == head.idx.contrast
        assert row["measurement_uid"] == head.measurement_uid
        assert row["acquisition_time_stamp"] == head.acquisition_time_stamp
        assert row["center_sample"] == (head.center_sample or 0)
        assert row["sample_time_us"] == (head.sample_time_us or 0)
        np.testing.assert_array_equal(row["position"], head.position)
        for name, there in (("user", head.idx.user), ("user_int", head.user_int),
                            ("user_float", head.user_float)):  # fmt: skip
            value = row["idx"][name] if name == "user" else row[name]
            np.testing.assert_array_equal(value[: len(there)], np.array(there, value.dtype))
            assert not value[len(there) :].any()
        bits = np.unpackbits(row["channel_mask"].view(np.uint8), bitorder="little")
        assert np.flatnonzero(bits).tolist() == head.channel_order


WHOLE = written([HEADER, lines(3, 2, 5), image(), Close()])


@pytest.mark.parametrize("cut", [0, 3, 9, 5000, len(WHOLE) - 200, len(WHOLE) - 1])
def test_a_stream_that_was_cut_is_truncated(cut: int) -> None:
    with pytest.raises((TruncatedStream, ProtocolError), match="MRD 2: "):
        list(read_mrd2(io.BytesIO(WHOLE[:cut])))


def test_damage_anywhere_is_a_fault_of_the_stream() -> None:
    first = secrets.randbelow(1 << 40)
    print(f"from seed {first}")
    behind_schema = 5 + 4 + 3 + len(mrd.BinaryMrdReader.schema)

    refused = 0
    for seed in (*range(150), *range(first, first + 50)):
        rng = np.random.default_rng(seed)
        data = bytearray(WHOLE)
        for place in rng.integers(behind_schema, len(data), 1 + seed % 3):
            data[place] = rng.integers(256)
        try:
            list(read_mrd2(io.BytesIO(data)))
        except (ProtocolError, HeaderError):
            refused += 1
    assert refused > 20  # most places are samples, in which nothing can be told


def test_a_stream_of_another_schema_is_refused() -> None:
    other = WHOLE.replace(b"kspaceEncodingStep1", b"kspaceEncodingStepX")

    with pytest.raises(ProtocolError, match="MRD 2: RuntimeError: Invalid schema"):
        list(read_mrd2(io.BytesIO(other)))


def test_what_version_2_cannot_hold_is_refused_by_name() -> None:
    writer = Mrd2Writer(io.BytesIO())

    with pytest.raises(DataError, match="MRD 2: found Text, which it cannot hold"):
        writer.send(Text("a log line"))


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamrecon.mrd.version2.package.find_spec", lambda _: None)

    with pytest.raises(ConfigError, match=r"needed the package mrd-python .*streamrecon\[mrd2\]"):
        list(read_mrd2(io.BytesIO(WHOLE)))

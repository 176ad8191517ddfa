"""Our bytes in the independent packages' readers, and theirs in ours."""

from __future__ import annotations

import ctypes
import io
import struct
from typing import Any

import gadgetron.external.readers as gadgetron_readers
import gadgetron.external.writers as gadgetron_writers
import gadgetron.types.acquisition_bucket as gadgetron_bucket
import gadgetron.types.image_array as gadgetron_images
import gadgetron.types.recon_data as gadgetron_recon
import ismrmrd
import numpy as np
import pytest
from narrowing import given
from wire_samples import EVERYTHING, META, assert_same, image, image_array, lines, waveform

from streamrecon.mrd.wire.layout import ACQUISITION, IMAGE, WAVEFORM
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Bucket,
    Image,
    ImageArray,
    Message,
    Meta,
    ReconData,
    Waveform,
)
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode


def body_of(message: Message) -> io.BytesIO:
    data = b"".join(bytes(piece) for piece in encode(message))
    return io.BytesIO(data[2:])


class Sink(io.BytesIO):
    """What gadgetron's writers write to; it takes ctypes structures too."""

    def write(self, data: Any) -> int:
        return super().write(bytes(data))


def test_the_structures_are_laid_out_as_in_the_reference_package() -> None:
    pairs = [
        (ACQUISITION, ismrmrd.AcquisitionHeader),
        (IMAGE, ismrmrd.ImageHeader),
        (WAVEFORM, ismrmrd.WaveformHeader),
    ]

    for dtype, structure in pairs:
        assert dtype.itemsize == ctypes.sizeof(structure)
        offsets = {name: getattr(structure, name).offset for name, *_ in structure._fields_}
        fields = given(dtype.fields)
        assert {name: fields[name][1] for name in fields} == offsets


@pytest.mark.parametrize("dimensions", [0, 2])
def test_ismrmrd_reads_our_lines(dimensions: int) -> None:
    run = lines(2, 3, 17, dimensions)
    source = body_of(run)

    for i in range(2):
        found = ismrmrd.Acquisition.deserialize_from(source.read)
        source.read(2)

        assert np.array_equal(found.data, run.data[i])
        assert np.array_equal(found.traj, run.trajectory[i])
        assert bytes(found.getHead()) == run.header[i].tobytes()


@pytest.mark.parametrize("dimensions", [0, 3])
def test_we_read_ismrmrds_lines(dimensions: int) -> None:
    data = (np.arange(42) * (1 - 2j)).astype(np.complex64).reshape(3, 14)
    path = np.arange(14 * dimensions, dtype=np.float32).reshape(14, dimensions)
    theirs = ismrmrd.Acquisition.from_array(data, path)
    theirs.idx.contrast = 2
    theirs.position[:] = (1.5, -2.5, 3.5)
    sink = Sink(b"\xf0\x03")
    sink.seek(2)
    theirs.serialize_into(sink.write)

    (found,) = MrdParser().receive(sink.getvalue())

    assert isinstance(found, Acquisitions)
    assert np.array_equal(found.data[0], data)
    assert np.array_equal(found.trajectory[0], path)
    assert found.header["idx"]["contrast"].tolist() == [2]
    assert found.header["position"].tolist() == [[1.5, -2.5, 3.5]]


# ismrmrd 1.15 takes type 4 for 64-bit: not a truth for us.
@pytest.mark.parametrize("kind", [1, 2, 3, 5, 6, 7, 8])
def test_ismrmrd_reads_our_images(kind: int) -> None:
    ours = image(kind, (2, 3, 4, 5), META)

    found = ismrmrd.Image.deserialize_from(body_of(ours).read)

    assert found.data.dtype == ours.data.dtype
    assert np.array_equal(found.data, ours.data)
    assert found.position[:] == ours.header["position"].tolist()
    assert dict(ismrmrd.Meta.deserialize(found.attribute_string)) == {
        "GADGETRON_DataRole": ["Image", "größer"],
        "χ": "-0.1 & <b>",
        "empty": "None",  # its way to read an empty value, so we send none in images of ours
    }


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.uint32, np.float32, np.complex64])
def test_we_read_ismrmrds_images(kind: type[np.generic]) -> None:
    data = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5).astype(kind)
    theirs = ismrmrd.Image.from_array(data, transpose=False)
    theirs.image_series_index = 7
    theirs.attribute_string = ismrmrd.Meta({"a": ["1", "é"], "b": "2"}).serialize()
    sink = Sink(b"\xfe\x03")
    sink.seek(2)
    theirs.serialize_into(sink.write)

    (found,) = MrdParser().receive(sink.getvalue())

    assert isinstance(found, Image)
    assert found.data.dtype == kind
    assert np.array_equal(found.data, data)
    assert found.header["image_series_index"] == 7
    assert found.meta == {"a": ("1", "é"), "b": ("2",)}


def test_type_4_has_four_bytes_a_pixel() -> None:
    pixels = np.array([[-1, 2**31 - 1], [-(2**31), 7]], "<i4")
    header = bytearray(198)
    struct.pack_into("<HH", header, 0, 1, 4)
    struct.pack_into("<HHH", header, 16, 2, 2, 1)
    struct.pack_into("<H", header, 34, 1)

    (found,) = MrdParser().receive(b"\xfe\x03" + header + bytes(8) + pixels.tobytes())

    assert isinstance(found, Image)
    assert found.data.dtype == np.int32
    assert found.data.tolist() == [[[[-1, 2147483647], [-2147483648, 7]]]]


def test_an_image_meta_with_gadgetrons_counted_nul_is_read() -> None:
    meta = b"<ismrmrdMeta><meta><name>a</name><value>1</value></meta></ismrmrdMeta>\0"
    header = bytearray(198)
    struct.pack_into("<HH", header, 0, 1, 1)

    (found,) = MrdParser().receive(b"\xfe\x03" + header + struct.pack("<Q", len(meta)) + meta)

    assert isinstance(found, Image)
    assert found.meta == {"a": ("1",)}


def test_ismrmrd_and_we_agree_on_waveforms() -> None:
    ours = waveform(3, 11)
    theirs = ismrmrd.Waveform.deserialize_from(body_of(ours).read)
    sink = Sink(b"\x02\x04")
    sink.seek(2)
    theirs.serialize_into(sink.write)

    (back,) = MrdParser().receive(sink.getvalue())

    assert np.array_equal(theirs.data, ours.data)
    assert isinstance(back, Waveform)
    assert np.array_equal(back.data, ours.data)
    assert back.header["waveform_id"] == ours.header["waveform_id"]
    assert back.header["time_stamp"] == ours.header["time_stamp"]


@pytest.mark.filterwarnings("ignore:A builtin ctypes object gave a PEP3118:RuntimeWarning")
def test_gadgetron_python_reads_our_recon_data_and_we_read_its() -> None:
    ours = EVERYTHING["recon data"]
    assert isinstance(ours, ReconData)

    theirs = gadgetron_recon.read_recon_data(body_of(ours))
    sink = Sink()
    gadgetron_recon.write_recon_data(sink, theirs)
    (back,) = MrdParser().receive(sink.getvalue())

    imaging, calibration = ours.bits[0]
    assert np.array_equal(theirs.bits[0].data.data, imaging.data)
    assert np.array_equal(theirs.bits[0].data.density, given(imaging.density))
    assert theirs.bits[0].data.headers.shape == imaging.header.shape
    last = imaging.header[2, 1, 0, 0, 0]
    assert bytes(theirs.bits[0].data.headers[2, 1, 0, 0, 0]) == last.tobytes()
    sampling = theirs.bits[0].data.sampling
    assert list(sampling.encoded_matrix) == [8, 3, 2]
    assert list(sampling.sampling_limits[0]) == [0, 4, 7]
    assert calibration is not None
    assert theirs.bits[0].ref.trajectory is None
    assert theirs.bits[1].ref is None
    assert_same(back, ours)


@pytest.mark.filterwarnings("ignore:A builtin ctypes object gave a PEP3118:RuntimeWarning")
def test_gadgetron_python_reads_our_image_array_and_we_read_its() -> None:
    ours = image_array(full=True)
    meta: Meta = {"a": ("b",)}
    ours = ImageArray(ours.data, ours.header, (meta,) * 4, None, ours.acquisitions)

    theirs = gadgetron_images.read_image_array(body_of(ours))
    sink = Sink()
    gadgetron_images.write_image_array(sink, theirs)
    (back,) = MrdParser().receive(sink.getvalue())

    assert np.array_equal(theirs.data, ours.data)
    assert bytes(theirs.headers[1, 0, 1]) == ours.header[1, 0, 1].tobytes()
    assert_same(back, ours)


def test_gadgetron_python_reads_our_bucket() -> None:
    ours = EVERYTHING["bucket"]
    assert isinstance(ours, Bucket)
    ours = Bucket(ours.data, ours.reference)  # its reader of waveforms is broken

    theirs = gadgetron_bucket.read_acquisition_bucket(body_of(ours))

    run, other = ours.data
    assert len(theirs.data) == 5
    assert np.array_equal(theirs.data[1].data, run.data[1])
    assert np.array_equal(theirs.data[4].traj, other.trajectory[2])
    assert np.array_equal(theirs.ref[0].data, ours.reference[0].data[0])
    space = int(run.header["encoding_space_ref"][0])
    mine = [part.header for part in ours.data]
    of_space = [h["idx"]["contrast"][h["encoding_space_ref"] == space] for h in mine]
    assert theirs.datastats[space].contrast == set(np.concatenate(of_space).tolist())


def test_gadgetron_pythons_writer_of_lines_is_read() -> None:
    data = np.ones((2, 8), np.complex64)
    sink = Sink()
    gadgetron_writers.write_acquisition(sink, ismrmrd.Acquisition.from_array(data))

    found = MrdParser().receive(b"\xf0\x03" + sink.getvalue().removeprefix(b"\xf0\x03"))

    assert len(found) == 1
    assert gadgetron_readers.read_acquisition(body_of(found[0])).data.shape == (2, 8)

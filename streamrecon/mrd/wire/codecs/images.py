"""Reads and writes messages with meta: images, DICOM files, facts of a noise scan."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from math import prod

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ProtocolError
from streamrecon.mrd.images.meta import write_meta
from streamrecon.mrd.wire.codecs.row import Codec, Turn
from streamrecon.mrd.wire.decode_fields import Reading, counted, decoded, meta, u32, u64
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.encode_fields import Piece, counted64, raw
from streamrecon.mrd.wire.layout import IMAGE, PIXEL_TYPES, PIXELS
from streamrecon.mrd.wire.messages import Dependency, DicomFile, Image, Limits, Message


def _read_image(limits: Limits) -> Reading[Message]:
    """Id 1022: header, meta, pixels.

    The length before the meta counts, not the one in the header: they differ in some writers.
    """
    header = np.frombuffer((yield IMAGE.itemsize), IMAGE)[0]
    kind = PIXELS.get(int(header["data_type"]))
    if kind is None:
        raise ProtocolError(f"image: found data type {header['data_type']}, needed 1 to 8")
    x, y, z = (int(n) for n in header["matrix_size"])
    shape = (int(header["channels"]), z, y, x)
    size = limits.check(prod(shape) * kind.itemsize, "image_bytes", "image: bytes")
    attributes = yield from meta(limits, "image")
    pixels = np.frombuffer((yield size), kind).reshape(shape)
    return Image(header, pixels, attributes)


def _write_image(message: Image, dialect: Dialect) -> Iterator[Piece]:
    kind = PIXEL_TYPES.get(message.data.dtype.newbyteorder("<"))
    if kind is None or message.data.ndim != 4:
        raise ProtocolError(
            f"image: found {message.data.dtype} {message.data.shape}, needed [channels, z, y, x]"
            " of one of the eight types"
        )
    # Gadgetron's own writer ends the meta with a counted NUL, FIRE's does not; both read both.
    ending = b"\0" if dialect is Dialect.GADGETRON else b""
    packed = write_meta(message.meta) + ending if message.meta else b""
    yield image_header(message, kind, len(packed)).tobytes() + counted64(packed)
    yield raw(message.data.astype(PIXELS[kind], copy=False))


def image_header(message: Image, kind: int, meta_bytes: int) -> NDArray[np.void]:
    """Header [1] with the fields that follow from the data and the meta."""
    channels, z, y, x = message.data.shape
    header = np.empty(1, IMAGE)
    header[0] = message.header
    header["data_type"] = kind
    header["channels"] = channels
    header["matrix_size"] = (x, y, z)
    header["attribute_string_len"] = meta_bytes
    return header


def _read_dicom_file(limits: Limits) -> Reading[Message]:
    """Id 1018: the file, its name, its meta."""
    data = bytes((yield from counted(u32, limits, "dicom_bytes", "DICOM file")))
    name = yield from counted(u64, limits, "text_bytes", "DICOM file name")
    return DicomFile(data, decoded(name, "DICOM file name"), (yield from meta(limits, "DICOM")))


def _write_dicom_file(message: DicomFile, _: Dialect) -> Iterator[Piece]:
    yield struct.pack("<I", len(message.data))
    yield message.data
    yield counted64(message.name.encode()) + counted64(write_meta(message.meta))


def _read_dependency(limits: Limits) -> Reading[Message]:
    """Id 1019."""
    return Dependency((yield from meta(limits, "dependency")))


def _write_dependency(message: Dependency, _: Dialect) -> Iterator[Piece]:
    yield counted64(write_meta(message.meta))


IMAGES = (
    Codec(1022, "IMAGE", Image, _read_image, _write_image, Turn.DATA),
    Codec(1018, "DICOM", DicomFile, _read_dicom_file, _write_dicom_file, Turn.NEVER),
    Codec(1019, "DEPENDENCY", Dependency, _read_dependency, _write_dependency, Turn.NEVER),
)

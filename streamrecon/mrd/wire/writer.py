"""Messages in, bytes out: a list of pieces to be sent one behind the other.

Lines that still lie as they were received leave as they came. Else pixels and samples are not
copied where they lie contiguous: their piece is a view. Lines of less than `PACK_BYTES` are
copied, because that is cheaper than naming each of them to the socket.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ProtocolError
from streamrecon.mrd.images.meta import write_meta
from streamrecon.mrd.wire.decode_lines import line_dtype
from streamrecon.mrd.wire.encode_composites import (
    bucket_pieces,
    image_array_pieces,
    recon_data_pieces,
)
from streamrecon.mrd.wire.encode_fields import Piece, counted64, raw, waveform_pieces
from streamrecon.mrd.wire.layout import ACQUISITION, IMAGE, PIXEL_TYPES, PIXELS
from streamrecon.mrd.wire.message_ids import Dialect, Id
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Bucket,
    Close,
    ConfigFile,
    ConfigText,
    Dependency,
    DicomFile,
    Header,
    Image,
    ImageArray,
    Message,
    Query,
    ReconData,
    RemoteFailure,
    Response,
    Text,
    Waveform,
)

PACK_BYTES = 16 << 10
_NAME_BYTES = 1024
_OPAQUE = np.dtype((np.void, ACQUISITION.itemsize))  # copied as a whole, not field by field
_PREFIX = np.dtype([("id", "<u2"), ("head", _OPAQUE)])


def encode(message: Message, dialect: Dialect = Dialect.GADGETRON) -> list[Piece]:
    """Bytes of ``message``; the views among them hold only while its arrays are not changed.

    Raises
    ------
    ProtocolError
        If the wire cannot carry it: a name of more than 1,023 bytes, pixels of another type, a
        header that contradicts its data.
    """
    writer = _WRITERS[type(message)]
    return list(writer(message, dialect))


def _config_file(message: ConfigFile, _: Dialect) -> Iterator[Piece]:
    name = message.name.encode()
    if len(name) >= _NAME_BYTES:
        raise ProtocolError(f"config name: found {len(name)} bytes, needed at most 1023")
    yield _id(Id.CONFIG_FILE) + name.ljust(_NAME_BYTES, b"\0")


def _config_text(message: ConfigText, dialect: Dialect) -> Iterator[Piece]:
    yield _id(Id.CONFIG_TEXT) + _counted32(message.xml.encode(), dialect)


def _header(message: Header, dialect: Dialect) -> Iterator[Piece]:
    yield _id(Id.HEADER) + _counted32(message.xml, dialect)


def _close(_: Close, __: Dialect) -> Iterator[Piece]:
    yield _id(Id.CLOSE)


def _text(message: Text, dialect: Dialect) -> Iterator[Piece]:
    yield _id(Id.TEXT) + _counted32(message.text.encode(), dialect)


def _query(message: Query, _: Dialect) -> Iterator[Piece]:
    yield _id(Id.QUERY) + struct.pack("<QQ", 0, message.correlation_id)
    yield counted64(message.text.encode())


def _response(message: Response, _: Dialect) -> Iterator[Piece]:
    yield _id(Id.RESPONSE) + struct.pack("<Q", message.correlation_id)
    yield counted64(message.text.encode())


def _remote_failure(message: RemoteFailure, _: Dialect) -> Iterator[Piece]:
    yield _id(Id.ERROR) + counted64(message.text.encode())


def _acquisitions(message: Acquisitions, _: Dialect) -> Iterator[Piece]:
    record = line_dtype(*message.data.shape[1:], message.trajectory.shape[-1])
    received = _as_received(message, record)
    if received is not None:
        yield raw(received)
        return
    _check_heads(message)
    if record.itemsize < PACK_BYTES:
        yield from _packed_lines(message, record)
    else:
        yield from _scattered_lines(message)


def _check_heads(message: Acquisitions) -> None:
    n, channels, samples = message.data.shape
    head, dimensions = message.head, message.trajectory.shape[-1]
    fits = (
        (head["number_of_samples"] == samples)
        & (head["active_channels"] == channels)
        & (head["trajectory_dimensions"] == dimensions)
    )
    if len(head) != n or len(message.trajectory) != n or not fits.all():
        raise ProtocolError(f"lines: found headers that contradict the data {message.data.shape}")


def _as_received(message: Acquisitions, record: np.dtype[np.void]) -> NDArray[np.void] | None:
    """The wire's own bytes, if head, trajectory and data still are views of all of them."""
    wire = message.head.base
    if not isinstance(wire, np.ndarray) or wire.dtype is not record:
        return None
    for name, part in (
        ("head", message.head),
        ("trajectory", message.trajectory),
        ("data", message.data),
    ):
        # A view of the same memory, shape and strides can only begin at the same place.
        whole = wire[name]
        if part.base is not wire or (part.shape, part.strides) != (whole.shape, whole.strides):
            return None
    return wire


def _packed_lines(message: Acquisitions, record: np.dtype[np.void]) -> Iterator[Piece]:
    lines = np.empty(len(message), record)
    lines["id"] = Id.ACQUISITION
    lines["head"] = message.head
    lines["trajectory"] = message.trajectory
    lines["data"] = message.data
    yield raw(lines)


def _scattered_lines(message: Acquisitions) -> Iterator[Piece]:
    prefix = np.empty(len(message), _PREFIX)
    prefix["id"] = Id.ACQUISITION
    prefix["head"] = message.head.view(_OPAQUE)
    heads = prefix.view(np.uint8).reshape(len(message), -1)
    paths = _rows(message.trajectory.astype("<f4", copy=False))
    data = _rows(message.data.astype("<c8", copy=False))
    for i in range(len(message)):
        yield heads[i].data
        if paths.shape[1]:
            yield paths[i].data
        yield data[i].data


def _rows(data: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Bytes [N, everything else]: a view where each row lies contiguous, else a copy."""
    last = data if data.strides[-1] == data.itemsize else np.ascontiguousarray(data)
    return last.view(np.uint8).reshape(len(data), -1)


def _waveform(message: Waveform, _: Dialect) -> Iterator[Piece]:
    yield _id(Id.WAVEFORM)
    yield from waveform_pieces(message)


def _image(message: Image, dialect: Dialect) -> Iterator[Piece]:
    kind = PIXEL_TYPES.get(message.data.dtype.newbyteorder("<"))
    if kind is None or message.data.ndim != 4:
        raise ProtocolError(
            f"image: found {message.data.dtype} {message.data.shape}, needed [channels, z, y, x]"
            " of one of the eight types"
        )
    # Gadgetron's own writer ends the meta with a counted NUL, FIRE's does not; both read both.
    ending = b"\0" if dialect is Dialect.GADGETRON else b""
    meta = write_meta(message.meta) + ending if message.meta else b""
    yield _id(Id.IMAGE) + image_head(message, kind, len(meta)).tobytes() + counted64(meta)
    yield raw(message.data.astype(PIXELS[kind], copy=False))


def image_head(message: Image, kind: int, meta_bytes: int) -> NDArray[np.void]:
    """Header [1] with the fields that follow from the data and the meta."""
    channels, z, y, x = message.data.shape
    head = np.empty(1, IMAGE)
    head[0] = message.head
    head["data_type"] = kind
    head["channels"] = channels
    head["matrix_size"] = (x, y, z)
    head["attribute_string_len"] = meta_bytes
    return head


def _dicom_file(message: DicomFile, _: Dialect) -> Iterator[Piece]:
    yield _id(Id.DICOM) + struct.pack("<I", len(message.data))
    yield message.data
    yield counted64(message.name.encode()) + counted64(write_meta(message.meta))


def _dependency(message: Dependency, _: Dialect) -> Iterator[Piece]:
    yield _id(Id.DEPENDENCY) + counted64(write_meta(message.meta))


def _recon_data(message: ReconData, _: Dialect) -> Iterator[Piece]:
    yield _id(Id.RECON_DATA)
    yield from recon_data_pieces(message)


def _image_array(message: ImageArray, _: Dialect) -> Iterator[Piece]:
    yield _id(Id.IMAGE_ARRAY)
    yield from image_array_pieces(message)


def _bucket(message: Bucket, _: Dialect) -> Iterator[Piece]:
    yield _id(Id.BUCKET)
    yield from bucket_pieces(message)


def _id(number: Id) -> bytes:
    return struct.pack("<H", number)


def _counted32(text: bytes, dialect: Dialect) -> bytes:
    ending = b"\0" if dialect is Dialect.FIRE else b""
    return struct.pack("<I", len(text) + len(ending)) + text + ending


_WRITERS: dict[type, Callable[[Any, Dialect], Iterator[Piece]]] = {
    ConfigFile: _config_file,
    ConfigText: _config_text,
    Header: _header,
    Close: _close,
    Text: _text,
    Query: _query,
    Response: _response,
    RemoteFailure: _remote_failure,
    Acquisitions: _acquisitions,
    Waveform: _waveform,
    Image: _image,
    DicomFile: _dicom_file,
    Dependency: _dependency,
    ReconData: _recon_data,
    ImageArray: _image_array,
    Bucket: _bucket,
}

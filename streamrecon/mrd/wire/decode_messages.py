"""Message bodies behind their ids: one reading each, acquisitions excepted."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from streamrecon.errors import ProtocolError
from streamrecon.mrd.wire.decode_composites import bucket, image_array, recon_data
from streamrecon.mrd.wire.decode_fields import Reading, counted, decoded, meta, u32, u64, until_nul
from streamrecon.mrd.wire.layout import IMAGE, PIXELS
from streamrecon.mrd.wire.limits import Limits
from streamrecon.mrd.wire.message_ids import Id
from streamrecon.mrd.wire.messages import (
    Close,
    ConfigFile,
    ConfigText,
    Dependency,
    DicomFile,
    Header,
    Image,
    Message,
    Query,
    RemoteFailure,
    Response,
    Text,
)
from streamrecon.mrd.wire.waveforms import waveform

CONFIG_FILE_BYTES = 1024


def config_file(_: Limits) -> Reading[Message]:
    """Id 1: a name in 1,024 bytes, NUL behind it."""
    return ConfigFile(decoded((yield CONFIG_FILE_BYTES), "config name"))


def config_text(limits: Limits) -> Reading[Message]:
    """Id 2."""
    return ConfigText(decoded((yield from counted(u32, limits, "text_bytes", "config")), "config"))


def header(limits: Limits) -> Reading[Message]:
    """Id 3."""
    return Header(until_nul((yield from counted(u32, limits, "header_bytes", "header"))))


def close(_: Limits) -> Reading[Message]:
    """Id 4: no body."""
    yield 0
    return Close()


def text(limits: Limits) -> Reading[Message]:
    """Id 5; bytes that are not UTF-8 become U+FFFD: a log line shall not end a scan."""
    line = until_nul((yield from counted(u32, limits, "text_bytes", "text")))
    return Text(line.decode(errors="replace"))


def query(limits: Limits) -> Reading[Message]:
    """Id 6: a reserved number, the correlation id, the question."""
    reserved = yield from u64()
    if reserved:
        raise ProtocolError(f"query: found {reserved} in the reserved field, needed 0")
    correlation = yield from u64()
    words = yield from counted(u64, limits, "text_bytes", "query")
    return Query(decoded(words, "query"), correlation)


def response(limits: Limits) -> Reading[Message]:
    """Id 7: the correlation id, the answer."""
    correlation = yield from u64()
    words = yield from counted(u64, limits, "text_bytes", "response")
    return Response(decoded(words, "response"), correlation)


def remote_failure(limits: Limits) -> Reading[Message]:
    """Id 8; bytes that are not UTF-8 become U+FFFD: the failure matters more."""
    words = until_nul((yield from counted(u64, limits, "text_bytes", "error")))
    return RemoteFailure(words.decode(errors="replace"))


def image(limits: Limits) -> Reading[Message]:
    """Id 1022: header, meta, pixels.

    The length before the meta counts, not the one in the header: they differ in some writers.
    """
    head = np.frombuffer((yield IMAGE.itemsize), IMAGE)[0]
    kind = PIXELS.get(int(head["data_type"]))
    if kind is None:
        raise ProtocolError(f"image: found data type {head['data_type']}, needed 1 to 8")
    x, y, z = (int(n) for n in head["matrix_size"])
    shape = (int(head["channels"]), z, y, x)
    size = limits.check(prod(shape) * kind.itemsize, "image_bytes", "image: bytes")
    attributes = yield from meta(limits, "image")
    pixels = np.frombuffer((yield size), kind).reshape(shape)
    return Image(head, pixels, attributes)


def dicom_file(limits: Limits) -> Reading[Message]:
    """Id 1018: the file, its name, its meta."""
    data = bytes((yield from counted(u32, limits, "dicom_bytes", "DICOM file")))
    name = yield from counted(u64, limits, "text_bytes", "DICOM file name")
    return DicomFile(data, decoded(name, "DICOM file name"), (yield from meta(limits, "DICOM")))


def dependency(limits: Limits) -> Reading[Message]:
    """Id 1019."""
    return Dependency((yield from meta(limits, "dependency")))


BODIES: dict[int, Callable[[Limits], Reading[Message]]] = {
    Id.CONFIG_FILE: config_file,
    Id.CONFIG_TEXT: config_text,
    Id.HEADER: header,
    Id.CLOSE: close,
    Id.TEXT: text,
    Id.QUERY: query,
    Id.RESPONSE: response,
    Id.ERROR: remote_failure,
    Id.DICOM: dicom_file,
    Id.DEPENDENCY: dependency,
    Id.IMAGE: image,
    Id.RECON_DATA: recon_data,
    Id.IMAGE_ARRAY: image_array,
    Id.WAVEFORM: waveform,
    Id.BUCKET: bucket,
}

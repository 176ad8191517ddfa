"""Writes lines as bytes; the parser itself reads them, in runs.

Lines that still lie as they were received leave as they came. Else samples are not copied where
they lie contiguous: their piece is a view. Lines of less than `PACK_BYTES` are copied, because
that is cheaper than naming each of them to the socket.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ProtocolError
from streamrecon.mrd.wire.codecs.row import Codec, Turn
from streamrecon.mrd.wire.decode_lines import line_dtype
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.encode_fields import Piece, raw
from streamrecon.mrd.wire.layout import ACQUISITION, LINE_ID
from streamrecon.mrd.wire.messages import Acquisitions

PACK_BYTES = 16 << 10
_OPAQUE = np.dtype((np.void, ACQUISITION.itemsize))  # copied as a whole, not field by field
_PREFIX = np.dtype([("id", "<u2"), ("head", _OPAQUE)])


def _write_lines(message: Acquisitions, _: Dialect) -> Iterator[Piece]:
    record = line_dtype(*message.data.shape[1:], message.trajectory.shape[-1])
    received = _as_received(message, record)
    if received is not None:
        yield raw(received)
        return
    _check_headers(message)
    if record.itemsize < PACK_BYTES:
        yield from _packed_lines(message, record)
    else:
        yield from _scattered_lines(message)


def _check_headers(message: Acquisitions) -> None:
    n, channels, samples = message.data.shape
    header, dimensions = message.header, message.trajectory.shape[-1]
    fits = (
        (header["number_of_samples"] == samples)
        & (header["active_channels"] == channels)
        & (header["trajectory_dimensions"] == dimensions)
    )
    if len(header) != n or len(message.trajectory) != n or not fits.all():
        raise ProtocolError(f"lines: found headers that contradict the data {message.data.shape}")


def _as_received(message: Acquisitions, record: np.dtype[np.void]) -> NDArray[np.void] | None:
    """The wire's own bytes, if header, trajectory and data still are views of all of them."""
    wire = message.header.base
    if not isinstance(wire, np.ndarray) or wire.dtype is not record:
        return None
    for name, part in (
        ("head", message.header),
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
    lines["id"] = LINE_ID
    lines["head"] = message.header
    lines["trajectory"] = message.trajectory
    lines["data"] = message.data
    yield raw(lines)


def _scattered_lines(message: Acquisitions) -> Iterator[Piece]:
    prefix = np.empty(len(message), _PREFIX)
    prefix["id"] = LINE_ID
    prefix["head"] = message.header.view(_OPAQUE)
    headers = prefix.view(np.uint8).reshape(len(message), -1)
    paths = _rows(message.trajectory.astype("<f4", copy=False))
    data = _rows(message.data.astype("<c8", copy=False))
    for i in range(len(message)):
        yield headers[i].data
        if paths.shape[1]:
            yield paths[i].data
        yield data[i].data


def _rows(data: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Bytes [N, everything else]: a view where each row lies contiguous, else a copy."""
    last = data if data.strides[-1] == data.itemsize else np.ascontiguousarray(data)
    return last.view(np.uint8).reshape(len(data), -1)


LINES = Codec(LINE_ID, "ACQUISITION", Acquisitions, None, _write_lines, Turn.DATA)

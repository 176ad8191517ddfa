"""Reads and writes physiology: a 40-byte header and unsigned samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from streamrecon.mrd.wire.codecs.row import Codec, Turn
from streamrecon.mrd.wire.decode_fields import Reading
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.encode_fields import Piece, raw
from streamrecon.mrd.wire.layout import WAVEFORM
from streamrecon.mrd.wire.messages import Limits, Waveform


def waveform(limits: Limits) -> Reading[Waveform]:
    """A waveform's header and samples, as a message's body and inside composites."""
    header = np.frombuffer((yield WAVEFORM.itemsize), WAVEFORM)[0]
    return (yield from waveform_data(header, limits))


def waveform_data(header: np.void, limits: Limits) -> Reading[Waveform]:
    """The samples that belong to ``header``."""
    shape = (int(header["channels"]), int(header["number_of_samples"]))
    size = limits.check(4 * shape[0] * shape[1], "waveform_bytes", "waveform: bytes")
    return Waveform(header, np.frombuffer((yield size), "<u4").reshape(shape))


def waveform_pieces(waveform: Waveform) -> Iterator[Piece]:
    """A waveform's header and samples, as a message's body and inside composites."""
    yield waveform_header(waveform).tobytes()
    yield raw(waveform.data.astype("<u4", copy=False))


def waveform_header(waveform: Waveform) -> NDArray[np.void]:
    """Header [1] with the shape of the data, padding zeroed."""
    header = np.zeros(1, WAVEFORM)
    header[0] = waveform.header
    header["channels"], header["number_of_samples"] = waveform.data.shape
    return header


def _write_waveform(message: Waveform, _: Dialect) -> Iterator[Piece]:
    return waveform_pieces(message)


WAVEFORM_CODEC = Codec(1026, "WAVEFORM", Waveform, waveform, _write_waveform, Turn.DATA)

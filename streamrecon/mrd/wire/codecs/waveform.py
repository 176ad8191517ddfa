"""Physiology: a 40-byte header and unsigned samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from streamrecon.mrd.wire.codecs.row import Codec, Turn
from streamrecon.mrd.wire.decode_fields import Reading
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.encode_fields import Piece, raw
from streamrecon.mrd.wire.layout import WAVEFORM
from streamrecon.mrd.wire.limits import Limits
from streamrecon.mrd.wire.messages import Waveform


def waveform(limits: Limits) -> Reading[Waveform]:
    """A waveform's header and samples, as a message's body and inside composites."""
    head = np.frombuffer((yield WAVEFORM.itemsize), WAVEFORM)[0]
    return (yield from waveform_data(head, limits))


def waveform_data(head: np.void, limits: Limits) -> Reading[Waveform]:
    """The samples that belong to ``head``."""
    shape = (int(head["channels"]), int(head["number_of_samples"]))
    size = limits.check(4 * shape[0] * shape[1], "waveform_bytes", "waveform: bytes")
    return Waveform(head, np.frombuffer((yield size), "<u4").reshape(shape))


def waveform_pieces(waveform: Waveform) -> Iterator[Piece]:
    """A waveform's header and samples, as a message's body and inside composites."""
    yield waveform_head(waveform).tobytes()
    yield raw(waveform.data.astype("<u4", copy=False))


def waveform_head(waveform: Waveform) -> NDArray[np.void]:
    """Header [1] with the shape of the data, padding zeroed."""
    head = np.zeros(1, WAVEFORM)
    head[0] = waveform.head
    head["channels"], head["number_of_samples"] = waveform.data.shape
    return head


def _write_waveform(message: Waveform, _: Dialect) -> Iterator[Piece]:
    return waveform_pieces(message)


WAVEFORM_CODEC = Codec(1026, "WAVEFORM", Waveform, waveform, _write_waveform, Turn.DATA)

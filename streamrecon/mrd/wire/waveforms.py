"""Physiology on the wire: a 40-byte header and unsigned samples."""

from __future__ import annotations

import numpy as np

from streamrecon.mrd.wire.decode_fields import Reading
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

"""Lists every kind of message once, for parser, writer and grammar."""

from __future__ import annotations

from streamrecon.mrd.wire.codecs.bucket import BUCKET
from streamrecon.mrd.wire.codecs.image_array import IMAGE_ARRAY
from streamrecon.mrd.wire.codecs.images import IMAGES
from streamrecon.mrd.wire.codecs.lines import LINES
from streamrecon.mrd.wire.codecs.recon_data import RECON_DATA
from streamrecon.mrd.wire.codecs.row import Codec, Turn
from streamrecon.mrd.wire.codecs.texts import TEXTS
from streamrecon.mrd.wire.codecs.waveform import WAVEFORM_CODEC
from streamrecon.mrd.wire.messages import Message

CODECS = (*TEXTS, LINES, *IMAGES, RECON_DATA, IMAGE_ARRAY, WAVEFORM_CODEC, BUCKET)
"""Every kind of message, once."""

BY_ID: dict[int, Codec] = {codec.number: codec for codec in CODECS}
BY_KIND: dict[type[Message], Codec] = {codec.kind: codec for codec in CODECS}


def kinds_of(*turns: Turn) -> tuple[type[Message], ...]:
    """Classes of the messages that have one of ``turns``."""
    return tuple(codec.kind for codec in CODECS if codec.turn in turns)

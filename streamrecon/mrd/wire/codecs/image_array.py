"""Reads and writes arrays of images, as Gadgetron gives them to external processes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from streamrecon.mrd.images.meta import write_meta
from streamrecon.mrd.wire.codecs.row import Codec, Turn
from streamrecon.mrd.wire.codecs.waveform import waveform, waveform_pieces
from streamrecon.mrd.wire.decode_fields import Reading, array, meta, optional, vector
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.encode_fields import (
    Piece,
    array_pieces,
    counted64,
    optional_pieces,
    vector_pieces,
)
from streamrecon.mrd.wire.layout import ACQUISITION, IMAGE
from streamrecon.mrd.wire.messages import ImageArray, Limits, Meta, Waveform


def _read(limits: Limits) -> Reading[ImageArray]:
    """Id 1024."""
    data = yield from array("<c8", limits, "image array data")
    header = yield from array(IMAGE, limits, "image array headers")
    metas = yield from vector(partial(meta, limits, "image array"), limits, "image array meta")
    waveforms = yield from optional(
        partial(vector, partial(waveform, limits), limits, "image array waveforms"), "waveforms"
    )
    acquisitions = yield from optional(
        partial(array, ACQUISITION, limits, "image array acquisitions"), "acquisitions"
    )
    return ImageArray(data, header, metas, waveforms, acquisitions)  # type: ignore[arg-type]


def _write(message: ImageArray, _: Dialect) -> Iterator[Piece]:
    """Body of id 1024."""
    yield from array_pieces(message.data.astype("<c8", copy=False))
    yield from array_pieces(message.header.astype(IMAGE, copy=False))
    yield from vector_pieces(message.meta, _meta)
    yield from optional_pieces(message.waveforms, _waveforms)
    yield from optional_pieces(message.acquisitions, array_pieces)


def _meta(one: Meta) -> Iterator[Piece]:
    yield counted64(write_meta(one))


def _waveforms(waveforms: tuple[Waveform, ...]) -> Iterator[Piece]:
    yield from vector_pieces(waveforms, waveform_pieces)


IMAGE_ARRAY = Codec(1024, "IMAGE_ARRAY", ImageArray, _read, _write, Turn.DATA)

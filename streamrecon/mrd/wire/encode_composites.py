"""Gadgetron's composites as bytes: the inverse of `streamrecon.mrd.wire.decode_composites`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.mrd.images.meta import write_meta
from streamrecon.mrd.wire.decode_composites import BUCKET_SIZES, COUNTER_SETS, SAMPLING
from streamrecon.mrd.wire.encode_fields import (
    Piece,
    array_pieces,
    counted64,
    optional_pieces,
    raw,
    u64,
    vector_pieces,
    waveform_head,
    waveform_pieces,
)
from streamrecon.mrd.wire.layout import ACQUISITION, IMAGE
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Bucket,
    ImageArray,
    Meta,
    ReconBuffer,
    ReconData,
    Waveform,
)


def recon_data_pieces(message: ReconData) -> Iterator[Piece]:
    """Body of id 1023."""

    def bit(pair: tuple[ReconBuffer, ReconBuffer | None]) -> Iterator[Piece]:
        yield from _recon_buffer(pair[0])
        yield from optional_pieces(pair[1], _recon_buffer)

    yield from vector_pieces(message.bits, bit)


def _recon_buffer(buffer: ReconBuffer) -> Iterator[Piece]:
    yield from array_pieces(buffer.data.astype("<c8", copy=False))
    yield from optional_pieces(buffer.trajectory, _floats)
    yield from optional_pieces(buffer.density, _floats)
    yield from array_pieces(buffer.head.astype(ACQUISITION, copy=False))
    sampling = np.zeros(1, SAMPLING)
    sampling["encoded_fov"] = buffer.sampling.encoded_fov_mm
    sampling["recon_fov"] = buffer.sampling.recon_fov_mm
    sampling["encoded_matrix"] = buffer.sampling.encoded_matrix
    sampling["recon_matrix"] = buffer.sampling.recon_matrix
    sampling["limits"] = buffer.sampling.limits
    yield sampling.tobytes()


def _floats(data: NDArray[np.float32]) -> Iterator[Piece]:
    yield from array_pieces(data.astype("<f4", copy=False))


def image_array_pieces(message: ImageArray) -> Iterator[Piece]:
    """Body of id 1024."""
    yield from array_pieces(message.data.astype("<c8", copy=False))
    yield from array_pieces(message.head.astype(IMAGE, copy=False))
    yield from vector_pieces(message.meta, _meta)
    yield from optional_pieces(message.waveforms, _waveforms)
    yield from optional_pieces(message.acquisitions, array_pieces)


def _meta(meta: Meta) -> Iterator[Piece]:
    yield counted64(write_meta(meta))


def _waveforms(waveforms: tuple[Waveform, ...]) -> Iterator[Piece]:
    yield from vector_pieces(waveforms, waveform_pieces)


def bucket_pieces(message: Bucket) -> Iterator[Piece]:
    """Body of id 1050, with the statistics that follow from the headers."""
    statistics = [b"".join(_statistics(lines)) for lines in (message.data, message.reference)]
    sizes = np.zeros(1, BUCKET_SIZES)
    sizes["data"] = _sizes(message.data)
    sizes["reference"] = _sizes(message.reference)
    sizes["data_stats"], sizes["reference_stats"] = (len(part) for part in statistics)
    heads = [waveform_head(waveform) for waveform in message.waveforms]
    samples = sum(4 * waveform.data.size for waveform in message.waveforms)
    sizes["waveforms"] = (len(heads), sum(head.nbytes for head in heads), samples)
    yield sizes.tobytes()
    for lines, part in zip((message.data, message.reference), statistics, strict=True):
        yield from (raw(run.head.astype(ACQUISITION, copy=False)) for run in lines)
        yield from (raw(run.trajectory.astype("<f4", copy=False)) for run in lines)
        yield from (raw(run.data.astype("<c8", copy=False)) for run in lines)
        yield part
    yield from (head.tobytes() for head in heads)
    yield from (raw(waveform.data.astype("<u4", copy=False)) for waveform in message.waveforms)


def _sizes(lines: Sequence[Acquisitions]) -> tuple[int, int, int, int]:
    count = sum(len(run) for run in lines)
    data = sum(8 * run.data.size for run in lines)
    trajectory = sum(4 * run.trajectory.size for run in lines)
    return count, count * ACQUISITION.itemsize, data, trajectory


def _statistics(lines: Sequence[Acquisitions]) -> Iterator[bytes]:
    """The values each counter takes, for every encoding space up to the largest that occurs."""
    if not lines:
        yield u64(0)
        return
    head = np.concatenate([run.head for run in lines])
    spaces = int(head["encoding_space_ref"].max()) + 1
    yield u64(spaces)
    for space in range(spaces):
        counters = head["idx"][head["encoding_space_ref"] == space]
        for name in COUNTER_SETS:
            values = np.unique(counters[name]).astype("<u2")
            yield u64(len(values)) + values.tobytes()

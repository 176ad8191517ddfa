"""Reads and writes buckets: lines that Gadgetron groups for external processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.mrd.wire.codecs.row import Codec, Turn
from streamrecon.mrd.wire.codecs.waveform import waveform_data, waveform_header
from streamrecon.mrd.wire.decode_fields import Reading, u64, vector
from streamrecon.mrd.wire.decode_lines import cuts
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.encode_fields import Piece, packed_u64, raw
from streamrecon.mrd.wire.layout import ACQUISITION, WAVEFORM
from streamrecon.mrd.wire.messages import Acquisitions, Bucket, Limits, Waveform

_SIZES = np.dtype(
    [
        ("data", "<u8", (4,)),
        ("reference", "<u8", (4,)),
        ("data_stats", "<u8"),
        ("reference_stats", "<u8"),
        ("waveforms", "<u8", (3,)),
    ]
)
"""Start of a bucket, 104 bytes; count first in each group, sizes in bytes behind it."""

_COUNTER_SETS = (
    "kspace_encode_step_1",
    "kspace_encode_step_2",
    "slice",
    "phase",
    "contrast",
    "repetition",
    "set",
    "segment",
    "average",
)
"""Order of the counters in a bucket's statistics."""


def _read(limits: Limits) -> Reading[Bucket]:
    """Id 1050; the statistics are not kept, they follow from the headers."""
    sizes = np.frombuffer((yield _SIZES.itemsize), _SIZES)[0]
    data = yield from _read_lines(int(sizes["data"][0]), limits)
    yield from _skip_statistics(limits)
    reference = yield from _read_lines(int(sizes["reference"][0]), limits)
    yield from _skip_statistics(limits)
    waveforms = yield from _read_waveforms(int(sizes["waveforms"][0]), limits)
    return Bucket(data, reference, waveforms)


def _read_lines(count: int, limits: Limits) -> Reading[tuple[Acquisitions, ...]]:
    limits.check(count, "items", "bucket: lines")
    header = np.frombuffer((yield count * ACQUISITION.itemsize), ACQUISITION)
    if count and int(header["active_channels"].max()) > limits.channels:
        limits.check(int(header["active_channels"].max()), "channels", "bucket: channels")
    runs = np.split(header, cuts(header)) if count else []
    trajectories, data = [], []
    for run in runs:
        samples, dimensions = _shape(run)[1:]
        size = 4 * len(run) * samples * dimensions
        limits.check(size, "array_bytes", "bucket: trajectory bytes")
        view = np.frombuffer((yield size), "<f4")
        trajectories.append(view.reshape(len(run), samples, dimensions))
    for run in runs:
        channels, samples, _ = _shape(run)
        size = 8 * len(run) * channels * samples
        limits.check(size, "array_bytes", "bucket: data bytes")
        view = np.frombuffer((yield size), "<c8")
        data.append(view.reshape(len(run), channels, samples))
    return tuple(
        Acquisitions(run, values, path)
        for run, values, path in zip(runs, data, trajectories, strict=True)
    )


def _shape(header: NDArray[np.void]) -> tuple[int, int, int]:
    first = header[0]
    return (
        int(first["active_channels"]),
        int(first["number_of_samples"]),
        int(first["trajectory_dimensions"]),
    )


def _skip_statistics(limits: Limits) -> Reading[None]:
    def counters() -> Reading[None]:
        n = yield from u64()
        limits.check(n, "items", "bucket statistics: counters")
        yield 2 * n

    def space() -> Reading[None]:
        for _ in _COUNTER_SETS:
            yield from counters()

    yield from vector(space, limits, "bucket statistics")


def _read_waveforms(count: int, limits: Limits) -> Reading[tuple[Waveform, ...]]:
    limits.check(count, "items", "bucket: waveforms")
    headers = np.frombuffer((yield count * WAVEFORM.itemsize), WAVEFORM)
    found = []
    for header in headers:
        found.append((yield from waveform_data(header, limits)))  # noqa: PERF401
    return tuple(found)


def _write(message: Bucket, _: Dialect) -> Iterator[Piece]:
    """Body of id 1050, with the statistics that follow from the headers."""
    statistics = [b"".join(_statistics(lines)) for lines in (message.data, message.reference)]
    sizes = np.zeros(1, _SIZES)
    sizes["data"] = _sizes(message.data)
    sizes["reference"] = _sizes(message.reference)
    sizes["data_stats"], sizes["reference_stats"] = (len(part) for part in statistics)
    headers = [waveform_header(waveform) for waveform in message.waveforms]
    samples = sum(4 * waveform.data.size for waveform in message.waveforms)
    sizes["waveforms"] = (len(headers), sum(header.nbytes for header in headers), samples)
    yield sizes.tobytes()
    for lines, part in zip((message.data, message.reference), statistics, strict=True):
        yield from (raw(run.header.astype(ACQUISITION, copy=False)) for run in lines)
        yield from (raw(run.trajectory.astype("<f4", copy=False)) for run in lines)
        yield from (raw(run.data.astype("<c8", copy=False)) for run in lines)
        yield part
    yield from (header.tobytes() for header in headers)
    yield from (raw(waveform.data.astype("<u4", copy=False)) for waveform in message.waveforms)


def _sizes(lines: Sequence[Acquisitions]) -> tuple[int, int, int, int]:
    count = sum(len(run) for run in lines)
    data = sum(8 * run.data.size for run in lines)
    trajectory = sum(4 * run.trajectory.size for run in lines)
    return count, count * ACQUISITION.itemsize, data, trajectory


def _statistics(lines: Sequence[Acquisitions]) -> Iterator[bytes]:
    """The values each counter takes, for every encoding space up to the largest that occurs."""
    if not any(len(run) for run in lines):
        yield packed_u64(0)
        return
    header = np.concatenate([run.header for run in lines])
    spaces = int(header["encoding_space_ref"].max()) + 1
    yield packed_u64(spaces)
    for space in range(spaces):
        counters = header["idx"][header["encoding_space_ref"] == space]
        for name in _COUNTER_SETS:
            values = np.unique(counters[name]).astype("<u2")
            yield packed_u64(len(values)) + values.tobytes()


BUCKET = Codec(1050, "BUCKET", Bucket, _read, _write, Turn.DATA)

"""What Gadgetron exchanges with external processes: recon data, image arrays, buckets."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from streamrecon.mrd.wire.decode_fields import Reading, array, meta, optional, u64, vector
from streamrecon.mrd.wire.decode_lines import cuts
from streamrecon.mrd.wire.layout import ACQUISITION, IMAGE, WAVEFORM
from streamrecon.mrd.wire.limits import Limits
from streamrecon.mrd.wire.messages import (
    Acquisitions,
    Bucket,
    ImageArray,
    ReconBuffer,
    ReconData,
    SamplingDescription,
    Waveform,
)
from streamrecon.mrd.wire.waveforms import waveform, waveform_data

SAMPLING = np.dtype(
    {
        "names": ["encoded_fov", "recon_fov", "encoded_matrix", "recon_matrix", "limits"],
        "formats": [("<f4", 3), ("<f4", 3), ("<u2", 3), ("<u2", 3), ("<u2", (3, 3))],
        "offsets": [0, 12, 24, 30, 36],
        "itemsize": 56,
    }
)
"""Sampling description, 56 bytes: two of them padding."""

BUCKET_SIZES = np.dtype(
    [
        ("data", "<u8", (4,)),
        ("reference", "<u8", (4,)),
        ("data_stats", "<u8"),
        ("reference_stats", "<u8"),
        ("waveforms", "<u8", (3,)),
    ]
)
"""Start of a bucket, 104 bytes; count first in each group, sizes in bytes behind it."""

COUNTER_SETS = (
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


def recon_data(limits: Limits) -> Reading[ReconData]:
    """Id 1023: one bit per encoding space."""

    def bit() -> Reading[tuple[ReconBuffer, ReconBuffer | None]]:
        imaging = yield from _recon_buffer(limits)
        return imaging, (yield from optional(partial(_recon_buffer, limits), "calibration"))

    return ReconData((yield from vector(bit, limits, "recon data")))


def _recon_buffer(limits: Limits) -> Reading[ReconBuffer]:
    data = yield from array("<c8", limits, "recon buffer data")
    floats = partial(array, "<f4", limits)
    trajectory = yield from optional(partial(floats, "recon buffer trajectory"), "trajectory")
    density = yield from optional(partial(floats, "recon buffer density"), "density")
    head = yield from array(ACQUISITION, limits, "recon buffer headers")
    sampling = np.frombuffer((yield SAMPLING.itemsize), SAMPLING)[0]
    return ReconBuffer(data, head, _sampling(sampling), trajectory, density)  # type: ignore[arg-type]


def _sampling(raw: np.void) -> SamplingDescription:
    e0, e1, e2 = raw["limits"].tolist()
    return SamplingDescription(
        tuple(raw["encoded_fov"].tolist()),
        tuple(raw["recon_fov"].tolist()),
        tuple(raw["encoded_matrix"].tolist()),
        tuple(raw["recon_matrix"].tolist()),
        (tuple(e0), tuple(e1), tuple(e2)),
    )


def image_array(limits: Limits) -> Reading[ImageArray]:
    """Id 1024."""
    data = yield from array("<c8", limits, "image array data")
    head = yield from array(IMAGE, limits, "image array headers")
    metas = yield from vector(partial(meta, limits, "image array"), limits, "image array meta")
    waveforms = yield from optional(
        partial(vector, partial(waveform, limits), limits, "image array waveforms"), "waveforms"
    )
    acquisitions = yield from optional(
        partial(array, ACQUISITION, limits, "image array acquisitions"), "acquisitions"
    )
    return ImageArray(data, head, metas, waveforms, acquisitions)  # type: ignore[arg-type]


def bucket(limits: Limits) -> Reading[Bucket]:
    """Id 1050; the statistics are not kept, they follow from the headers."""
    sizes = np.frombuffer((yield BUCKET_SIZES.itemsize), BUCKET_SIZES)[0]
    data = yield from _bucket_lines(int(sizes["data"][0]), limits)
    yield from _skip_statistics(limits)
    reference = yield from _bucket_lines(int(sizes["reference"][0]), limits)
    yield from _skip_statistics(limits)
    waveforms = yield from _bucket_waveforms(int(sizes["waveforms"][0]), limits)
    return Bucket(data, reference, waveforms)


def _bucket_lines(count: int, limits: Limits) -> Reading[tuple[Acquisitions, ...]]:
    limits.check(count, "items", "bucket: lines")
    head = np.frombuffer((yield count * ACQUISITION.itemsize), ACQUISITION)
    if count and int(head["active_channels"].max()) > limits.channels:
        limits.check(int(head["active_channels"].max()), "channels", "bucket: channels")
    runs = np.split(head, cuts(head)) if count else []
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


def _shape(head: NDArray[np.void]) -> tuple[int, int, int]:
    first = head[0]
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
        for _ in COUNTER_SETS:
            yield from counters()

    yield from vector(space, limits, "bucket statistics")


def _bucket_waveforms(count: int, limits: Limits) -> Reading[tuple[Waveform, ...]]:
    limits.check(count, "items", "bucket: waveforms")
    heads = np.frombuffer((yield count * WAVEFORM.itemsize), WAVEFORM)
    found = []
    for head in heads:
        found.append((yield from waveform_data(head, limits)))  # noqa: PERF401
    return tuple(found)

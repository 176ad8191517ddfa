"""Lines of MRD 1 as those of MRD 2, and waveforms both ways; samples keep every bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ProtocolError
from streamrecon.mrd.version2.package import Record, generated
from streamrecon.mrd.wire.layout import COUNTERS, WAVEFORM
from streamrecon.mrd.wire.messages import Acquisitions, Waveform

_NUMBERS = (
    "measurement_uid", "scan_counter", "acquisition_time_stamp", "discard_pre", "discard_post",
    "center_sample", "encoding_space_ref", "sample_time_us",
)  # fmt: skip
_VECTORS = ("position", "read_dir", "phase_dir", "slice_dir", "patient_table_position")
_LISTS = {"physiology_time_stamp": 3, "user_int": 8, "user_float": 8}
_COUNTED = tuple(name for name in COUNTERS.names or () if name != "user")
_OF_WAVEFORM = (
    "flags", "measurement_uid", "scan_counter", "time_stamp", "sample_time_us", "waveform_id",
)  # fmt: skip


def lines_of(run: Acquisitions) -> Iterator[Record]:
    """Acquisitions of version 2, one a line."""
    mrd = generated()
    for header, data, path in zip(run.header, run.data, run.trajectory, strict=True):
        head = mrd.AcquisitionHeader(
            flags=mrd.AcquisitionFlags(int(header["flags"])),
            idx=mrd.EncodingCounters(
                **{name: int(header["idx"][name]) for name in _COUNTED},
                user=header["idx"]["user"].tolist(),
            ),
            channel_order=_order(header, len(data)),
            **{name: header[name].item() for name in _NUMBERS},
            **{name: np.array(header[name]) for name in _VECTORS},
            **{name: header[name].tolist() for name in _LISTS},
        )
        yield mrd.Acquisition(
            head=head,
            data=np.ascontiguousarray(data),
            trajectory=np.ascontiguousarray(path.T) if path.size else np.zeros((0, 0), np.float32),
        )


def waveform_from(found: Record) -> Waveform:
    """A waveform of version 1."""
    header = np.zeros(1, WAVEFORM)
    data: NDArray[np.uint32] = np.asarray(found.data, np.uint32)
    header["version"] = 1
    for name, number in zip(("channels", "number_of_samples"), data.shape, strict=True):
        _put(header, name, number)
    for name in _OF_WAVEFORM:
        _put(header, name, getattr(found, name))
    return Waveform(header[0], data)


def waveform_to(waveform: Waveform) -> Record:
    """A waveform of version 2."""
    values = {name: waveform.header[name].item() for name in _OF_WAVEFORM}
    return generated().Waveform(data=np.ascontiguousarray(waveform.data), **values)


def padded(values: Sequence[float], length: int) -> list[float]:
    """Exactly ``length`` values: as many zeros as are missing, none beyond.

    >>> padded([1, 2], 3), padded([1, 2, 3, 4], 3)
    ([1, 2, 0], [1, 2, 3])
    """
    return [*values, *[0] * (length - len(values))][:length]


def _put(header: NDArray[np.void], name: str, values: object) -> None:
    try:
        header[name] = values
    except OverflowError as e:
        raise ProtocolError(f"{name}: found a number beyond those of MRD 1: {e}") from e


def _order(header: np.void, n_channels: int) -> list[int]:
    """Numbers of the channels by their bits, if these are as many; else counted."""
    bits = np.unpackbits(header["channel_mask"].view(np.uint8), bitorder="little")
    found: list[int] = np.flatnonzero(bits).tolist()
    return found if len(found) == n_channels else list(range(n_channels))

"""Lines of MRD 2 as runs of lines of MRD 1, and back; samples keep every bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ProtocolError
from streamrecon.mrd.version2.package import Record, generated
from streamrecon.mrd.wire.layout import ACQUISITION, COUNTERS, WAVEFORM
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
_MASK_WORDS = 16


def shape_of(line: Record) -> tuple[object, ...]:
    """What lines of one run share."""
    return line.data.shape, line.trajectory.shape


def run_of(lines: Sequence[Record]) -> Acquisitions:
    """Lines of one shape as one message.

    Raises
    ------
    ProtocolError
        If a number does not fit into the 16 bits that version 1 has for it.
    """
    heads = [line.head for line in lines]
    header = np.zeros(len(lines), ACQUISITION)
    n_channels, n_samples = lines[0].data.shape
    header["version"], header["number_of_samples"] = 1, _fitting("samples", n_samples)
    header["active_channels"] = header["available_channels"] = _fitting("channels", n_channels)
    header["trajectory_dimensions"] = lines[0].trajectory.shape[0]
    header["flags"] = [head.flags.value for head in heads]
    for name in _NUMBERS:
        _put(header, name, [getattr(head, name) or 0 for head in heads])
    for name in _VECTORS:
        header[name] = [getattr(head, name) for head in heads]
    for name, length in _LISTS.items():
        _put(header, name, _rows([getattr(head, name) for head in heads], length))
    counters = [head.idx for head in heads]
    for name in _COUNTED:
        _put(header["idx"], name, [getattr(idx, name) or 0 for idx in counters])
    _put(header["idx"], "user", _rows([idx.user for idx in counters], 8))
    header["channel_mask"] = _masks([head.channel_order for head in heads])
    path = np.stack([line.trajectory.T for line in lines]).astype(np.float32, copy=False)
    if not path.size:
        path = np.zeros((len(lines), n_samples, 0), np.float32)
    return Acquisitions(header, np.stack([line.data for line in lines]), path)


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


def _rows(lists: list[list[float]], length: int) -> list[list[float]]:
    """Lists of one length; most are of it already."""
    if {len(values) for values in lists} == {length}:
        return lists
    return [padded(values, length) for values in lists]


def _masks(orders: list[list[int]]) -> NDArray[np.uint64]:
    """Bits of the channels of each line; most lines have the same."""
    first = orders[0]
    if all(order == first for order in orders):
        return _mask(first)
    return np.stack([_mask(order) for order in orders])


def _put(header: NDArray[np.void], name: str, values: object) -> None:
    try:
        header[name] = values
    except OverflowError as e:
        raise ProtocolError(f"{name}: found a number beyond those of MRD 1: {e}") from e


def _fitting(what: str, number: int) -> int:
    if number > np.iinfo(np.uint16).max:
        raise ProtocolError(f"{what}: found {number}, needed at most 65535 as MRD 1 has them")
    return number


def _mask(order: Sequence[int]) -> NDArray[np.uint64]:
    """Bits of the channels; none where they are simply counted, as most writers leave it."""
    mask = np.zeros(_MASK_WORDS, np.uint64)
    if list(order) == list(range(len(order))):
        return mask
    for channel in order:
        if channel < 64 * _MASK_WORDS:
            mask[channel // 64] |= np.uint64(1 << channel % 64)
    return mask


def _order(header: np.void, n_channels: int) -> list[int]:
    """Numbers of the channels by their bits, if these are as many; else counted."""
    bits = np.unpackbits(header["channel_mask"].view(np.uint8), bitorder="little")
    found: list[int] = np.flatnonzero(bits).tolist()
    return found if len(found) == n_channels else list(range(n_channels))

"""Reads MRD files (HDF5) as messages, in bulk.

One read gives some hundred lines: tens of microseconds a line, where reading line by line takes
milliseconds. Fields are found by their names, so headers with padding are read rightly.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ProtocolError
from streamrecon.mrd.images.meta import read_meta
from streamrecon.mrd.wire.decode_lines import cuts
from streamrecon.mrd.wire.layout import (
    ACQUISITION,
    COMPRESSION_NHLBI,
    COMPRESSION_ZFP,
    IMAGE,
    WAVEFORM,
)
from streamrecon.mrd.wire.messages import Acquisitions, Header, Image, Message, Waveform

SLAB_BYTES = 16 << 20
"""Samples read at once: enough to hide the cost of a read, little beside a scan."""
_MOST_LINES = 4096
_COMPLEX: dict[int, np.dtype[np.generic]] = {8: np.dtype("<c8"), 16: np.dtype("<c16")}


def read_scan(path: Path, group: str | None = None) -> Iterator[Message]:
    """Header, then lines and waveforms in the order of their time stamps; no CLOSE.

    A scan without lines is one of images: the file's images follow instead.

    Parameters
    ----------
    path
        File.
    group
        Group of the scan: "dataset", or the only one there is, if not given.

    Raises
    ------
    ProtocolError
        If the file is no MRD file, or a line's data contradict its header.
    """
    with _opened(path) as file:
        scan = _group(file, group, path)
        yield Header(_header(scan, path))
        if "data" in scan:
            yield from _by_time(_lines(scan["data"]), list(_waveforms(scan)))
            return
        yield from _waveforms(scan)
        for group_of_images in _image_groups(file):
            yield from _images(group_of_images)


def read_images(path: Path) -> Iterator[Image]:
    """All images of a file, whatever their groups are called, group by group.

    Raises
    ------
    ProtocolError
        If the file is not readable, or data contradict their header.
    """
    with _opened(path) as file:
        for group in _image_groups(file):
            yield from _images(group)


def count_lines(path: Path, group: str | None = None) -> int:
    """Lines of a scan, without reading them.

    Raises
    ------
    ProtocolError
        If the file is not an MRD file.
    """
    with _opened(path) as file:
        scan = _group(file, group, path)
        return len(scan["data"]) if "data" in scan else 0


def _opened(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except OSError as e:
        raise ProtocolError(f"{path.name}: not readable as an MRD file: {e}") from e


def _group(file: h5py.File, wanted: str | None, path: Path) -> h5py.Group:
    scans = [name for name, item in file.items() if isinstance(item, h5py.Group) and "xml" in item]
    name = wanted or ("dataset" if "dataset" in scans or len(scans) != 1 else scans[0])
    if name not in scans:
        raise ProtocolError(
            f"{path.name}: found the groups {scans}, needed {name!r} with a header in it"
        )
    return file[name]


def _header(scan: h5py.Group, path: Path) -> bytes:
    xml = np.ravel(scan["xml"][()])
    if not len(xml):
        raise ProtocolError(f"{path.name}: found an empty header, needed one")
    text = xml[0]
    return text if isinstance(text, bytes) else str(text).encode()


def _lines(data: h5py.Dataset) -> Iterator[Acquisitions]:
    names = data.dtype.names or ()
    if not {"head", "data", "traj"} <= set(names):
        raise ProtocolError(f"{data.name}: found the fields {names}, needed head, data and traj")
    start = 0
    while start < len(data):
        probe = by_name(data[start : start + 1]["head"], ACQUISITION)[0]
        line_bytes = 8 * int(probe["number_of_samples"]) * int(probe["active_channels"])
        stop = start + max(1, min(SLAB_BYTES // max(line_bytes, 1), _MOST_LINES))
        yield from _slab(data[start:stop], start)
        start = stop


def _slab(rows: NDArray[np.void], start: int) -> Iterator[Acquisitions]:
    header = by_name(rows["head"], ACQUISITION)
    if (header["flags"] & np.uint64(COMPRESSION_NHLBI | COMPRESSION_ZFP)).any():
        raise ProtocolError("MRD file: found compressed lines, which exist on the wire only")
    for lines in np.split(np.arange(len(rows)), cuts(header)):
        first = header[lines[0]]
        samples, channels = int(first["number_of_samples"]), int(first["active_channels"])
        dimensions = int(first["trajectory_dimensions"])
        data = _stacked(rows["data"][lines], 2 * samples * channels, start + int(lines[0]))
        path = _stacked(rows["traj"][lines], samples * dimensions, start + int(lines[0]))
        yield Acquisitions(
            header[lines],
            data.view(np.complex64).reshape(len(lines), channels, samples),
            path.reshape(len(lines), samples, dimensions),
        )


def _stacked(rows: NDArray[np.object_], numbers: int, start: int) -> NDArray[np.float32]:
    for i, row in enumerate(rows):
        if len(row) != numbers:
            raise ProtocolError(
                f"line {start + i}: found {len(row)} numbers, needed {numbers} by its header"
            )
    stacked = np.empty((len(rows), numbers), np.float32)
    for target, row in zip(stacked, rows, strict=True):
        target[:] = row
    return stacked


def by_name(found: NDArray[np.void], wanted: np.dtype[np.void]) -> NDArray[np.void]:
    """Structures of ``found`` in the layout ``wanted``, matched by the fields' names.

    Raises
    ------
    ProtocolError
        If a field is not there.
    """
    if found.dtype == wanted:
        return found
    there = found.dtype.names or ()
    missing = [name for name in wanted.names or () if name not in there]
    if missing:
        raise ProtocolError(f"MRD file: the headers lack {', '.join(missing)}")
    converted = np.zeros(found.shape, wanted)
    for name in wanted.names or ():
        inner = wanted[name]
        converted[name] = found[name] if inner.names is None else by_name(found[name], inner)
    return converted


def _waveforms(scan: h5py.Group) -> Iterator[Waveform]:
    if "waveforms" not in scan:
        return
    for row in scan["waveforms"][()]:
        header = by_name(np.atleast_1d(np.asarray(row["head"])), WAVEFORM)[0]
        shape = (int(header["channels"]), int(header["number_of_samples"]))
        if len(row["data"]) != shape[0] * shape[1]:
            raise ProtocolError(
                f"waveform: found {len(row['data'])} samples, needed {shape[0] * shape[1]}"
            )
        yield Waveform(header, np.asarray(row["data"], np.uint32).reshape(shape))


def _by_time(lines: Iterator[Acquisitions], waveforms: list[Waveform]) -> Iterator[Message]:
    waveforms.sort(key=lambda waveform: int(waveform.header["time_stamp"]))
    waiting = iter(waveforms)
    waveform = next(waiting, None)
    for run in lines:
        # Stamps that run backwards (a counter that wraps) delay waveforms, and lose none.
        stamps = np.maximum.accumulate(run.header["acquisition_time_stamp"])
        done = 0
        while waveform is not None and int(waveform.header["time_stamp"]) <= int(stamps[-1]):
            cut = int(np.searchsorted(stamps, int(waveform.header["time_stamp"])))
            if cut > done:
                yield run.select(slice(done, cut))
                done = cut
            yield waveform
            waveform = next(waiting, None)
        yield run.select(slice(done, None))
    while waveform is not None:
        yield waveform
        waveform = next(waiting, None)


def _image_groups(file: h5py.File) -> list[h5py.Group]:
    groups: list[h5py.Group] = []
    file.visititems(lambda _, item: groups.append(item) if _holds_images(item) else None)
    return groups


def _holds_images(item: h5py.Group | h5py.Dataset) -> bool:
    return isinstance(item, h5py.Group) and {"header", "data"} <= set(item)


def _images(group: h5py.Group) -> Iterator[Image]:
    headers = by_name(group["header"][()], IMAGE)
    attributes = (
        group["attributes"].asstr("utf-8")[()] if "attributes" in group else [""] * len(headers)
    )
    data = group["data"]
    for i, header in enumerate(headers):
        pixels = _as_complex(data[i])
        x, y, z = (int(n) for n in header["matrix_size"])
        shape = (int(header["channels"]), z, y, x)
        if pixels.shape != shape:
            raise ProtocolError(f"{data.name}: found {pixels.shape}, needed {shape} by the header")
        yield Image(header, pixels, read_meta(str(attributes[i]).encode()))


def _as_complex(data: NDArray[np.generic]) -> NDArray[np.generic]:
    """Pairs of (real, imag), which is how the reference tools store complex numbers."""
    if data.dtype.names is None:
        return data
    return np.ascontiguousarray(data).view(_COMPLEX[data.dtype.itemsize])

"""Reads MRD files (HDF5) as messages, in bulk.

One read gives some hundred lines: tens of microseconds a line, where reading line by line takes
milliseconds. Fields are found by their names, so headers with padding are read rightly.

The library behind it can crash on a damaged file, and raises errors of all kinds: `hdf5_process`
reads files of strangers by running this module in a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ProtocolError
from streamrecon.mrd.files.hdf5_structure import (
    check_fields,
    check_rows,
    check_size,
    check_texts,
    dataset_in,
    group_in,
    names_in,
)
from streamrecon.mrd.images.meta import read_meta
from streamrecon.mrd.wire.decode_lines import cuts
from streamrecon.mrd.wire.layout import (
    ACQUISITION,
    COMPRESSION_NHLBI,
    COMPRESSION_ZFP,
    IMAGE,
    PIXEL_TYPES,
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
        data = dataset_in(scan, "data")
        if data is not None:
            yield from _by_time(_lines(data), list(_waveforms(scan)))
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
        data = dataset_in(_group(file, group, path), "data")
        return 0 if data is None or not data.ndim else len(data)


def _opened(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except OSError as e:
        raise ProtocolError(f"{path.name}: not readable as an MRD file: {e}") from e


def _group(file: h5py.File, wanted: str | None, path: Path) -> h5py.Group:
    groups = {name: group_in(file, name) for name in names_in(file)}
    scans = {
        name: group for name, group in groups.items() if group is not None and "xml" in set(group)
    }
    only = "dataset" if "dataset" in scans or len(scans) != 1 else next(iter(scans))
    name = wanted or only
    if name not in scans:
        if not scans and _image_groups(file):
            raise ProtocolError(
                f"{path.name}: found images and no header, needed one: --header gives that of the"
                " scan, an MRD file or its XML"
            )
        raise ProtocolError(
            f"{path.name}: found the groups {list(scans)}, needed {name!r} with a header in it"
        )
    return scans[name]


def _header(scan: h5py.Group, path: Path) -> bytes:
    texts = dataset_in(scan, "xml")
    if texts is None or not texts.size:
        raise ProtocolError(f"{path.name}: found an empty header, needed one")
    check_texts(texts)
    xml = np.ravel(texts[()])
    text = xml[0]
    return text if isinstance(text, bytes) else str(text).encode()


def _lines(data: h5py.Dataset) -> Iterator[Acquisitions]:
    check_rows(data, ACQUISITION, {"data": "iuf", "traj": "iuf"})
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
        If a field is not there, or of another kind.
    """
    if found.dtype == wanted:
        return found
    check_fields(found.dtype, wanted, "MRD file")
    converted = np.zeros(found.shape, wanted)
    for name in wanted.names or ():
        inner = wanted[name]
        converted[name] = found[name] if inner.names is None else by_name(found[name], inner)
    return converted


def _waveforms(scan: h5py.Group) -> Iterator[Waveform]:
    waveforms = dataset_in(scan, "waveforms")
    if waveforms is None:
        return
    check_rows(waveforms, WAVEFORM, {"data": "iu"})
    for row in waveforms[()]:
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
    return isinstance(item, h5py.Group) and {"header", "data"} <= set(names_in(item))


def _images(group: h5py.Group) -> Iterator[Image]:
    table, data = dataset_in(group, "header"), dataset_in(group, "data")
    if table is None or data is None:
        return
    for each in (table, data):
        check_size(each)
    headers = by_name(np.ravel(table[()]), IMAGE)
    metas = _metas(group, len(headers))
    if not data.ndim or len(data) < len(headers):
        raise ProtocolError(f"{data.name}: found {data.shape}, needed {len(headers)} images")
    for i, header in enumerate(headers):
        pixels = _pixels(data[i], data.name)
        x, y, z = (int(n) for n in header["matrix_size"])
        shape = (int(header["channels"]), z, y, x)
        if pixels.shape != shape:
            raise ProtocolError(f"{data.name}: found {pixels.shape}, needed {shape} by the header")
        yield Image(header, pixels, read_meta(metas[i].encode()))


def _metas(group: h5py.Group, images: int) -> list[str]:
    texts = dataset_in(group, "attributes")
    if texts is None:
        return [""] * images
    check_texts(texts)
    metas = [str(text) for text in np.ravel(texts.asstr("utf-8")[()])]
    if len(metas) < images:
        raise ProtocolError(f"{texts.name}: found {len(metas)} texts for {images} images")
    return metas


def _pixels(data: NDArray[np.generic], where: str) -> NDArray[np.generic]:
    """Numbers as the wire knows them; complex ones are stored as pairs of (real, imag).

    Some writers have 64-bit integers where the standard has 32.
    """
    if data.dtype.names is not None:
        data = _complex(data, where)
    little = data.astype(data.dtype.newbyteorder("<"), copy=False)
    if little.dtype in PIXEL_TYPES:
        return little
    if little.dtype.kind not in "iufb":
        raise ProtocolError(f"{where}: found {little.dtype}, needed numbers")
    narrow = little.astype(np.int32) if little.dtype.kind in "iub" else little
    whole = narrow is not little and np.array_equal(narrow, little)
    return narrow if whole else little.astype(np.float64)


def _complex(data: NDArray[np.generic], where: str) -> NDArray[np.generic]:
    kind = _COMPLEX.get(data.dtype.itemsize)
    parts = [(name, field[0].kind) for name, field in (data.dtype.fields or {}).items()]
    if parts != [("real", "f"), ("imag", "f")] or kind is None:
        raise ProtocolError(f"{where}: found {data.dtype}, needed pairs of (real, imag)")
    return np.ascontiguousarray(data).view(kind)

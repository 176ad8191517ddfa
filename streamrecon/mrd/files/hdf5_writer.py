"""Writes messages as an MRD file (HDF5), in bulk."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import Self

import h5py
import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.mrd.images.meta import write_meta
from streamrecon.mrd.wire.codecs.images import image_header
from streamrecon.mrd.wire.codecs.waveform import waveform_header
from streamrecon.mrd.wire.layout import ACQUISITION, IMAGE, PIXEL_TYPES, WAVEFORM
from streamrecon.mrd.wire.messages import Acquisitions, Header, Image, Message, Waveform

# UTF-8 under an ASCII name: the C library cannot convert strings that are declared UTF-8.
_TEXT = h5py.string_dtype("ascii")
_FLOATS, _WORDS = h5py.vlen_dtype(np.float32), h5py.vlen_dtype(np.uint32)
LINE = np.dtype([("head", ACQUISITION), ("traj", _FLOATS), ("data", _FLOATS)])
PHYSIOLOGY = np.dtype([("head", WAVEFORM), ("data", _WORDS)])
_PAIRS = {
    np.dtype("<c8"): np.dtype([("real", "<f4"), ("imag", "<f4")]),
    np.dtype("<c16"): np.dtype([("real", "<f8"), ("imag", "<f8")]),
}
_CHUNK_LINES = 64


class FileWriter:
    """Writes header, lines, waveforms and images to one group of an MRD file.

    Lines go to the file as they come, images and waveforms on leaving. Images of one series,
    shape and type share the group ``image_<series>``, as the reference tools have it; a series
    of several shapes has further groups ``image_<series>_<n>``.

    Parameters
    ----------
    path
        File; written anew.
    group
        Group of the scan.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "scan.h5"
    >>> with FileWriter(path) as file:
    ...     file.write(Header(b"<ismrmrdHeader/>"))
    """

    def __init__(self, path: Path, group: str = "dataset") -> None:
        self._file = h5py.File(path, "w")
        self._group = self._file.create_group(group)
        self._images: dict[tuple[object, ...], list[Image]] = defaultdict(list)
        self._waveforms: list[Waveform] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def write(self, message: Message) -> None:
        """Take a header, lines, a waveform or an image.

        Raises
        ------
        DataError
            If the message is of another kind.
        """
        match message:
            case Header():
                xml = self._group.create_dataset("xml", (1,), dtype=_TEXT)
                xml[0] = message.xml
            case Acquisitions():
                self._append_lines(message)
            case Waveform():
                self._waveforms.append(message)
            case Image():
                series = int(message.header["image_series_index"])
                self._images[series, message.data.shape, message.data.dtype.str].append(message)
            case _:
                raise DataError(
                    f"MRD file: found {type(message).__name__}, which files cannot hold"
                )

    def close(self) -> None:
        """Write what waits, and close the file; a second call does nothing."""
        if not self._file:
            return
        self._write_waveforms()
        taken: dict[object, int] = defaultdict(int)
        for (series, *_), images in self._images.items():
            number = taken[series]
            taken[series] += 1
            self._write_images(f"image_{series}" + (f"_{number}" if number else ""), images)
        self._file.close()

    def _append_lines(self, lines: Acquisitions) -> None:
        if "data" not in self._group:
            self._group.create_dataset(
                "data", (0,), maxshape=(None,), chunks=(_CHUNK_LINES,), dtype=LINE
            )
        target, n = self._group["data"], len(lines)
        rows = np.empty(n, LINE)
        rows["head"] = lines.header
        data = _flat(lines.data.astype(np.complex64, copy=False)).view(np.float32)
        paths = _flat(lines.trajectory.astype(np.float32, copy=False))
        for i in range(n):
            rows["data"][i] = data[i]
            rows["traj"][i] = paths[i]
        start = len(target)
        target.resize((start + n,))
        target[start:] = rows

    def _write_waveforms(self) -> None:
        if not self._waveforms:
            return
        rows = np.empty(len(self._waveforms), PHYSIOLOGY)
        for row, waveform in zip(rows, self._waveforms, strict=True):
            row["head"] = waveform_header(waveform)[0]
            row["data"] = np.ravel(waveform.data).astype(np.uint32)
        self._group.create_dataset("waveforms", data=rows, maxshape=(None,))

    def _write_images(self, name: str, images: list[Image]) -> None:
        group = self._group.create_group(name)
        metas = [write_meta(image.meta) for image in images]
        kind = PIXEL_TYPES[images[0].data.dtype]
        headers = np.empty(len(images), IMAGE)
        for i, (image, meta) in enumerate(zip(images, metas, strict=True)):
            headers[i] = image_header(image, kind, len(meta))[0]
        group.create_dataset("header", data=headers, maxshape=(None,))
        texts = group.create_dataset("attributes", (len(images),), maxshape=(None,), dtype=_TEXT)
        texts[:] = metas
        shape = images[0].data.shape
        data = group.create_dataset(
            "data",
            (len(images), *shape),
            maxshape=(None, *shape),
            chunks=(1, *shape),
            dtype=_PAIRS.get(images[0].data.dtype, images[0].data.dtype),
        )
        for i, image in enumerate(images):
            data[i] = np.ascontiguousarray(image.data).view(data.dtype)


def _flat(data: NDArray[np.generic]) -> NDArray[np.generic]:
    """[N, everything else], contiguous."""
    return np.ascontiguousarray(data).reshape(len(data), -1)

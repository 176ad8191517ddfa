"""Images of MRD 2 as those of MRD 1, and back; pixels keep every bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ProtocolError
from streamrecon.mrd.version2.lines import padded
from streamrecon.mrd.version2.package import Record, generated
from streamrecon.mrd.wire.layout import IMAGE, PIXEL_TYPES
from streamrecon.mrd.wire.messages import Image, Meta

_NUMBERS = (
    "measurement_uid", "average", "slice", "contrast", "phase", "repetition", "set",
    "acquisition_time_stamp", "image_index", "image_series_index",
)  # fmt: skip
_VECTORS = {
    "field_of_view": "field_of_view", "position": "position", "read_dir": "col_dir",
    "phase_dir": "line_dir", "slice_dir": "slice_dir",
    "patient_table_position": "patient_table_position",
}  # fmt: skip
"""Name in version 1 → name in version 2."""
_LISTS = {"physiology_time_stamp": 3, "user_int": 8, "user_float": 8}
_TAGS = {
    "<u2": "ImageUint16", "<i2": "ImageInt16", "<u4": "ImageUint32", "<i4": "ImageInt32",
    "<f4": "ImageFloat", "<f8": "ImageDouble", "<c8": "ImageComplexFloat",
    "<c16": "ImageComplexDouble",
}  # fmt: skip
_MAGNITUDE = 1  # what type 0 means to the reference tools; version 2 has no 0


def image_from(found: Record) -> Image:
    """An image of version 1.

    Raises
    ------
    ProtocolError
        If a number does not fit into the 16 bits that version 1 has for it.
    """
    head, data = found.head, np.asarray(found.data)
    header: np.void = np.zeros(1, IMAGE)[0]
    header["version"], header["data_type"] = 1, PIXEL_TYPES[data.dtype]
    header["flags"], header["image_type"] = head.flags.value, head.image_type.value
    channels, nz, ny, nx = data.shape
    try:
        header["channels"], header["matrix_size"] = channels, (nx, ny, nz)
        for name in _NUMBERS:
            header[name] = getattr(head, name) or 0
    except OverflowError as e:
        raise ProtocolError(f"image: found a number beyond those of MRD 1: {e}") from e
    for name, there in _VECTORS.items():
        header[name] = getattr(head, there)
    for name, length in _LISTS.items():
        header[name] = padded(getattr(head, name), length)
    meta: Meta = {
        name: tuple(str(value.value) for value in values) for name, values in found.meta.items()
    }
    return Image(header, data, meta)


def item_of(image: Image) -> Record:
    """An item of a stream of version 2; meta are texts there as here."""
    mrd, header = generated(), image.header
    head = mrd.ImageHeader(
        flags=mrd.ImageFlags(int(header["flags"])),
        image_type=mrd.ImageType(int(header["image_type"]) or _MAGNITUDE),
        **{name: int(header[name]) for name in _NUMBERS},
        **{there: np.array(header[name]) for name, there in _VECTORS.items()},
        **{name: header[name].tolist() for name in _LISTS},
    )
    meta = {
        name: [mrd.ImageMetaValue.String(value) for value in values]
        for name, values in image.meta.items()
    }
    pixels: NDArray[np.generic] = np.ascontiguousarray(image.data)
    item = getattr(mrd.StreamItem, _TAGS[pixels.dtype.str])
    return item(mrd.Image(head=head, data=pixels, meta=meta))

"""Refuses HDF5 structures that MRD files do not have, before their data are read.

A file of a stranger may point at other files, call for plug-ins, or claim more than it holds.
"""

from __future__ import annotations

from math import prod
from pathlib import Path

import h5py
import numpy as np

from streamrecon.errors import ProtocolError

_FILTERS = {
    h5py.h5z.FILTER_DEFLATE,
    h5py.h5z.FILTER_SHUFFLE,
    h5py.h5z.FILTER_FLETCHER32,
    h5py.h5z.FILTER_LZF,
}
"""Those in the library itself; all others are code that is loaded from elsewhere."""
_COMPRESSING = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_LZF}
_LARGEST_RATIO = 1032
"""Of deflate, by its format: 258 bytes from two bits."""
_NUMBERS = "iufb"


def names_in(group: h5py.Group) -> list[str]:
    """Names of the members that are in the file itself."""
    return [name for name in group if _is_own(group, name)]


def dataset_in(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """A data set of ``group``, ``None`` where there is nothing of that name.

    Raises
    ------
    ProtocolError
        If it is a group or a link, lies in other files, or needs a plug-in.
    """
    where = f"{group.name}/{name}".replace("//", "/")
    if not group.id.links.exists(name.encode()):
        return None
    if not _is_own(group, name):
        raise ProtocolError(f"{where}: found a link to elsewhere, needed the data themselves")
    item = group[name]
    if not isinstance(item, h5py.Dataset) or item.shape is None:
        raise ProtocolError(f"{where}: found no data, needed a data set")
    _check_layout(item, where)
    return item


def group_in(file: h5py.Group, name: str) -> h5py.Group | None:
    """A group of ``file``, ``None`` where there is no group of that name in the file itself."""
    if not file.id.links.exists(name.encode()) or not _is_own(file, name):
        return None
    item = file[name]
    return item if isinstance(item, h5py.Group) else None


def check_fields(found: np.dtype[np.void], wanted: np.dtype[np.void], where: str) -> None:
    """Refuse structures that lack a field of ``wanted``, or have it of another kind.

    Raises
    ------
    ProtocolError
        If they do.
    """
    there = found.names or ()
    missing = [name for name in wanted.names or () if name not in there]
    if missing:
        raise ProtocolError(f"{where}: the headers lack {', '.join(missing)}")
    for name in wanted.names or ():
        kind, needed = found[name], wanted[name]
        if needed.names is not None:
            check_fields(kind, needed, where)
        elif kind.base.kind not in _NUMBERS or kind.shape != needed.shape:
            raise ProtocolError(f"{where}: found {name} as {kind}, needed {needed}")


def check_rows(data: h5py.Dataset, structure: np.dtype[np.void], vectors: dict[str, str]) -> None:
    """Refuse a table that is no row of structures with numbers of any length beside them.

    One that claims more than the file can hold is refused too.

    Parameters
    ----------
    data
        The table.
    structure
        What its field ``head`` holds.
    vectors
        The fields of numbers beside it → the kinds that these may have.

    Raises
    ------
    ProtocolError
        If it is another one.
    """
    names = data.dtype.names or ()
    if data.ndim != 1 or not {"head", *vectors} <= set(names):
        raise ProtocolError(
            f"{data.name}: found the fields {names}, needed head, {', '.join(vectors)} in a row"
        )
    check_fields(data.dtype["head"], structure, data.name)
    for name, kinds in vectors.items():
        inner = h5py.check_vlen_dtype(data.dtype[name])
        if inner is None or np.dtype(inner).kind not in kinds:
            raise ProtocolError(f"{data.name}: found {name} as {inner}, needed rows of numbers")
    check_size(data)


def check_size(data: h5py.Dataset) -> None:
    """Refuse a data set that claims more bytes than the file can hold.

    Raises
    ------
    ProtocolError
        If it does.
    """
    claimed = prod(data.shape) * data.id.get_type().get_size()
    held = min(data.id.get_storage_size(), Path(data.file.filename).stat().st_size)
    packed = _filters(data.id.get_create_plist()) & _COMPRESSING
    if claimed > held * (_LARGEST_RATIO if packed else 1):
        raise ProtocolError(f"{data.name}: claims {claimed} bytes, the file holds {held} of them")


def check_texts(data: h5py.Dataset) -> None:
    """Refuse what holds no texts, or claims more than the file can hold.

    Raises
    ------
    ProtocolError
        If it holds something else.
    """
    if h5py.check_string_dtype(data.dtype) is None:
        raise ProtocolError(f"{data.name}: found {data.dtype}, needed texts")
    check_size(data)


def _is_own(group: h5py.Group, name: str) -> bool:
    """Whether a member is in the file; asked of the link, which is not followed."""
    return bool(group.id.links.get_info(name.encode()).type == h5py.h5l.TYPE_HARD)


def _check_layout(data: h5py.Dataset, where: str) -> None:
    made = data.id.get_create_plist()
    if made.get_layout() == h5py.h5d.VIRTUAL or made.get_external_count():
        raise ProtocolError(f"{where}: found data in other files, needed them in this one")
    filters = _filters(made)
    if filters - _FILTERS:
        raise ProtocolError(
            f"{where}: found HDF5 filter {min(filters - _FILTERS)}, needed gzip, LZF or none"
        )


def _filters(made: h5py.h5p.PropDCID) -> set[int]:
    return {made.get_filter(n)[0] for n in range(made.get_nfilters())}

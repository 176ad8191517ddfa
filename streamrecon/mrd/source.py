"""A scan from a file of either kind: MRD in HDF5, or a plain stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from streamrecon.errors import ProtocolError
from streamrecon.mrd.file import read_scan
from streamrecon.mrd.messages import Close, Message
from streamrecon.mrd.stream import read_stream

_HDF5 = b"\x89HDF\r\n\x1a\n"


def open_scan(path: Path, group: str | None = None) -> Iterator[Message]:
    """Header, then data in their order; no CLOSE.

    Parameters
    ----------
    path
        File; its first bytes say of which kind it is.
    group
        Group of the scan in an HDF5 file, where there are several.

    Raises
    ------
    ProtocolError
        If it cannot be read, or is no scan.
    """
    try:
        with path.open("rb") as file:
            if file.peek(len(_HDF5)).startswith(_HDF5):
                yield from read_scan(path, group)
                return
            for message in read_stream(file):
                if not isinstance(message, Close):
                    yield message
    except OSError as e:
        raise ProtocolError(f"{path}: {e.strerror or e}") from e

"""What kind of file somebody gave, for errors that name it."""

from __future__ import annotations

import zlib
from pathlib import Path

_LENGTH = 400
_NIFTI_AT = 344  # where version 1 has its magic; version 2 has it behind its first number


def kind_of_file(path: Path) -> str:
    """Kind of a file by its first bytes; ``an unknown kind of file`` where they say nothing.

    >>> kind_of_file(Path("/nowhere"))
    'no file'
    """
    if path.is_dir():
        return "a folder"
    try:
        with path.open("rb") as file:
            start = file.read(_LENGTH)
    except FileNotFoundError:
        return "no file"
    except OSError as e:
        return f"a file that cannot be read ({e.strerror})"
    return kind_of_bytes(start)


def kind_of_bytes(start: bytes) -> str:
    """Kind of a file or stream that begins with ``start``.

    >>> kind_of_bytes(b"yardl and more")
    'an MRD file of version 2 (yardl)'
    """
    if not start:
        return "an empty file"
    return next((kind for kind, fits in _KINDS if fits(start)), "an unknown kind of file")


def _is_twix(start: bytes) -> bool:
    """Whether the first numbers are those of a Siemens VD/VE file: 0, and up to 64 scans."""
    first, count = (int.from_bytes(start[at : at + 4], "little") for at in (0, 4))
    new = len(start) >= 8 and first < 10_000 and 1 <= count <= 64
    return new or start[8:15] == b"Config\0"  # VB files begin with their protocols


def _is_packed_nifti(start: bytes) -> bool:
    if not start.startswith(b"\x1f\x8b"):
        return False
    try:
        inside = zlib.decompressobj(wbits=31).decompress(start, _LENGTH)
    except zlib.error:
        return False
    return inside[_NIFTI_AT : _NIFTI_AT + 3] in {b"n+1", b"ni1"}


_KINDS = (
    ("an HDF5 file, as MRD is", lambda start: start.startswith(b"\x89HDF\r\n\x1a\n")),
    ("a DICOM file", lambda start: start[128:132] == b"DICM"),
    ("a NIfTI file", lambda start: start[_NIFTI_AT : _NIFTI_AT + 3] in {b"n+1", b"ni1"}),
    ("a NIfTI file", lambda start: start[4:7] in {b"n+2", b"ni2"}),
    ("a compressed NIfTI file", _is_packed_nifti),
    ("a compressed (gzip) file", lambda start: start.startswith(b"\x1f\x8b")),
    ("a Git LFS pointer, not the data", lambda start: start.startswith(b"version https://git-lfs")),
    ("an XML file", lambda start: start.lstrip().startswith(b"<")),
    ("a JSON file", lambda start: start.lstrip().startswith((b"{", b"["))),
    ("a MATLAB file", lambda start: start.startswith(b"MATLAB ")),
    ("an MRD file of version 2 (yardl)", lambda start: start.startswith(b"yardl")),
    ("a Pulseq sequence", lambda start: start.startswith(b"# Pulseq")),
    ("a NumPy file", lambda start: start.startswith(b"\x93NUMPY")),
    ("an NRRD file", lambda start: start.startswith(b"NRRD")),
    ("a ZIP archive", lambda start: start.startswith(b"PK\x03\x04")),
    ("a picture", lambda start: start.startswith((b"\x89PNG", b"\xff\xd8\xff"))),
    ("a PDF document", lambda start: start.startswith(b"%PDF-")),
    ("Siemens raw data (.dat)", _is_twix),
)

"""Scans from files of both kinds, and images with numbers that tell them apart."""

from __future__ import annotations

import gzip
from io import BufferedReader, BytesIO
from pathlib import Path

import numpy as np
import pytest
from narrowing import all_of
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.write import write_scan, write_scan_stream
from wire_samples import image

from streamrecon.errors import ProtocolError, TruncatedStream
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import Scan
from streamrecon.mrd.files.hdf5_writer import FileWriter
from streamrecon.mrd.files.open_scan import check_is_stream, header_of, lines_of, open_scan
from streamrecon.mrd.header.protocol import read_protocol
from streamrecon.mrd.images.image_series import ImageSeries
from streamrecon.mrd.wire.messages import Acquisitions, Header, Image

_SIMULATION = simulate(SCENES["tiny"])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tiny")
    write_scan(_SIMULATION, folder / "tiny.h5")
    write_scan_stream(_SIMULATION, folder / "tiny.h5.copy")  # the name says nothing
    return folder / "tiny.h5", folder / "tiny.h5.copy"


def joined(path: Path) -> np.ndarray:
    runs = [m for m in open_scan(path) if isinstance(m, Acquisitions)]
    return np.concatenate([run.data.ravel() for run in runs])


def test_both_kinds_of_file_give_the_same_scan(files: tuple[Path, Path]) -> None:
    hdf5, stream = files

    assert header_of(hdf5) == header_of(stream)
    np.testing.assert_array_equal(joined(hdf5), joined(stream))


def test_the_number_of_lines_is_known_where_the_file_tells_it(files: tuple[Path, Path]) -> None:
    hdf5, stream = files

    sent = [len(m) for m in open_scan(stream) if isinstance(m, Acquisitions)]

    assert lines_of(hdf5) == sum(sent)
    assert lines_of(stream) is None


def test_a_stream_without_its_close_is_truncated(files: tuple[Path, Path], tmp_path: Path) -> None:
    torn = tmp_path / "torn.mrd"
    torn.write_bytes(files[1].read_bytes()[:-2])

    with pytest.raises(TruncatedStream):
        list(open_scan(torn))


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"hello, world", "an unknown kind of file"),
        (b"", "an empty file"),
        (bytes(128) + b"DICM", "a DICOM file"),
        (bytes(344) + b"n+1\0", "a NIfTI file"),
        (b"\x1f\x8b\x08\0", "a compressed (gzip) file"),
        (b"\0\0\0\0\2\0\0\0" + bytes(400), "Siemens raw data (.dat)"),
        (b"<?xml version='1.0'?><ismrmrdHeader/>", "an XML file"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"MATLAB 7.3 MAT-file", "a MATLAB file"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer, not the data"),
    ],
)
def test_what_is_no_scan_is_refused_by_its_kind(tmp_path: Path, start: bytes, kind: str) -> None:
    (tmp_path / "a.h5").write_bytes(start)

    with pytest.raises(ProtocolError) as refused:
        list(open_scan(tmp_path / "a.h5"))

    assert str(refused.value) == f"a.h5: found {kind}, needed MRD (HDF5, or a plain stream)"


@pytest.mark.parametrize("damage", [slice(None, -2), slice(None, 4000)])
def test_a_stream_that_breaks_off_is_told_with_its_name(
    files: tuple[Path, Path], tmp_path: Path, damage: slice
) -> None:
    (tmp_path / "torn").write_bytes(files[1].read_bytes()[damage])

    with pytest.raises(TruncatedStream, match=r"^torn: "):
        list(open_scan(tmp_path / "torn"))


def test_a_file_that_is_not_there_is_told_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match=r"none\.h5: No such file or directory$"):
        next(open_scan(tmp_path / "none.h5"))


def volume(quantity: Quantity, echo: int) -> Volume:
    (header,) = (m for m in _SIMULATION.messages() if isinstance(m, Header))
    grid = Geometry((3, 4, 5), (1.0, 1.0, 1.0), np.eye(3))
    scan = Scan(grid, read_protocol(header.xml), slice_thickness_mm=1.0)
    return Volume(np.ones(grid.shape, np.float32), grid, quantity, scan, echo=echo)


def test_a_quantity_is_a_series_whose_images_are_counted_from_one() -> None:
    series = ImageSeries()
    order = [(q, e) for e in (0, 1) for q in (Quantity.MAGNITUDE, Quantity.PHASE)]

    headers = [image.header for q, e in order for image in series.images(volume(q, e))]

    found = [(int(header["image_series_index"]), int(header["image_index"])) for header in headers]
    assert found == [(1, 1), (2, 1), (1, 2), (2, 2)]


KINDS = {
    "MRD of version 2": (b"yardl\1\0\0\0and a schema", "an MRD file of version 2"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"),
    "Siemens VE": (b"\0\0\0\0\2\0\0\0" + bytes(64), "Siemens raw data"),
    "Siemens VB": (b"\x80\x78\0\0\6\0\0\0Config\0", "Siemens raw data"),
    "DICOM": (bytes(128) + b"DICM", "a DICOM file"),
    "NIfTI": (b"\x5c\1\0\0" + bytes(340) + b"n+1\0", "a NIfTI file"),
    "packed NIfTI": (gzip.compress(bytes(344) + b"n+1\0"), "a compressed NIfTI file"),
    "HDF5 on a pipe": (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as MRD is"),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_no_stream_is_called_by_its_kind(name: str) -> None:
    start, kind = KINDS[name]
    source: BufferedReader = BufferedReader(BytesIO(start))

    with pytest.raises(ProtocolError, match=f"found {kind}.*, needed a plain MRD stream"):
        check_is_stream(source)


def test_looking_at_the_kind_takes_nothing_of_a_stream(files: tuple[Path, Path]) -> None:
    content = files[1].read_bytes()
    source: BufferedReader = BufferedReader(BytesIO(content))

    check_is_stream(source)

    assert source.read() == content


@pytest.fixture
def headless(tmp_path: Path) -> Path:
    """Images in a group that is called by the day, without a header: as Gadgetron's client has."""
    path = tmp_path / "out.h5"
    with FileWriter(path, "2026-11-28 10:50:00") as file:
        for kind in (5, 7):
            file.write(image(kind, (1, 2, 3, 5), {"GADGETRON_TE": ("4.5",)}))
    return path


def test_images_without_a_header_are_read_with_that_of_their_scan(
    headless: Path, files: tuple[Path, Path]
) -> None:
    header, *others = open_scan(headless, header=header_of(files[0]))
    found = all_of(Image, others)

    assert header == Header(header_of(files[1]))
    assert sorted(image.data.dtype.str for image in found) == ["<c8", "<f4"]
    assert {image.meta["GADGETRON_TE"] for image in found} == {("4.5",)}


def test_images_without_a_header_say_how_to_give_it(headless: Path) -> None:
    with pytest.raises(ProtocolError, match="found images and no header, needed one: --header"):
        list(open_scan(headless))


def test_a_header_may_be_given_as_its_text(files: tuple[Path, Path], tmp_path: Path) -> None:
    text = tmp_path / "header.xml"
    text.write_bytes(header_of(files[0]))

    assert header_of(text) == header_of(files[0])

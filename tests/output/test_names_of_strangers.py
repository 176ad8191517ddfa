"""Names that come from a peer never leave the folder, and never exceed what a file system takes."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_server import CLOSE, ScriptedServer, hear_all
from test_formats import _HEADER, image

from streamrecon.cli import main
from streamrecon.errors import HeaderError
from streamrecon.mrd.files.plain_stream import write_stream
from streamrecon.mrd.images import meta_keys
from streamrecon.mrd.wire.messages import Close, DicomFile, Header
from streamrecon.mrd.wire.writer import encode
from streamrecon.output.formats import FORMATS, ScanResults, write_harvest

_KEYS = [text for name, text in vars(meta_keys).items() if name.isupper() and isinstance(text, str)]
_NAMES = {
    "climbs": "/../../../x",
    "absolute": "/tmp/x",
    "parent": "..",
    "long": "x" * 5000,
    "long_utf8": "脑" * 300,
    "null": "a\0b",
    "control": "\x1b[2J\nforged\r\x07",
    "empty": "",
    "backslash": "..\\..\\x",
    "number": "nan",
    "one": "1",
}


def files_of(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if not path.is_dir()]


def assert_all_inside(root: Path, folder: Path) -> None:
    for path in files_of(root):
        assert folder in path.parents, path
        relative = path.relative_to(folder)
        assert len(relative.parts) <= 2  # a file, or one in the folder of DICOM files
        assert all(len(part.encode()) <= 255 and part.isascii() for part in relative.parts)


@pytest.mark.parametrize(
    ("key", "name"),
    [(meta_keys.QUANTITY, name) for name in _NAMES.values()]
    + [(key, _NAMES["climbs"]) for key in _KEYS],
)
def test_no_text_of_a_servers_images_names_a_file_elsewhere(
    tmp_path: Path, key: str, name: str
) -> None:
    folder = tmp_path / "a" / "b" / "c" / "d"
    images = [replace(image(echo=0, kind=1), meta={key: (name,)})]
    header = _HEADER.replace(b"gre 3D", name.replace("\0", "").replace("\x1b", "").encode())
    results = ScanResults(header, images, [DicomFile(b"d", name)])

    for form in FORMATS:
        try:
            write_harvest(results, folder, [form])
        except HeaderError as refused:  # a text where a number belongs
            assert "image meta" in str(refused)

    assert_all_inside(tmp_path, folder)
    assert (folder / "dicom").is_dir()


@pytest.mark.parametrize("key", _KEYS)
def test_a_name_without_values_is_as_good_as_none_or_refused(tmp_path: Path, key: str) -> None:
    results = ScanResults(_HEADER, [replace(image(echo=0, kind=1), meta={key: ()})])

    try:
        written = write_harvest(results, tmp_path, list(FORMATS))
    except HeaderError as refused:
        assert f"image meta {key}: found ()" in str(refused)
    else:
        assert len(written) == 3 + 9  # NIfTI, sheet, MRD; DICOM of nine slices


def test_labels_that_look_alike_on_some_file_systems_get_names_of_their_own(tmp_path: Path) -> None:
    labels = ("a/b", "a:b", "A B", "a-b")
    images = [
        replace(image(echo=0, kind=1), meta={meta_keys.QUANTITY: (label,)}) for label in labels
    ]

    written = write_harvest(ScanResults(_HEADER, images), tmp_path, ["nifti"])

    assert len({path.name.casefold() for path in written}) == len(labels)


@pytest.mark.parametrize("name", _NAMES.values(), ids=_NAMES)
def test_send_writes_a_hostile_servers_images_into_its_folder_alone(
    tmp_path: Path, name: str
) -> None:
    scan, folder = tmp_path / "scan.mrd", tmp_path / "a" / "b" / "out"
    with scan.open("wb") as file:
        write_stream([Header(_HEADER), Close()], file)
    hostile = replace(image(echo=0, kind=1), meta={meta_keys.QUANTITY: (name,)})
    words = b"".join(map(bytes, (*encode(hostile), *encode(DicomFile(b"d", name.strip("\0"))))))

    def script(peer: socket.socket) -> bytes:
        heard = hear_all(peer)
        peer.sendall(words + CLOSE)
        return heard

    with ScriptedServer(script) as server:
        to = ["--to", str(server.address), "--config", "gre_recon"]
        status = main(["send", str(scan), *to, "-o", str(folder)])

    assert status == 0
    scan.unlink()
    assert_all_inside(tmp_path, folder)
    assert len(files_of(folder)) == 5

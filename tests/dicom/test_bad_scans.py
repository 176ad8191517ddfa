"""Lines without a place in the patient give valid files that say so."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

from checkers import complaints
from pydicom import dcmread
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.scan import simulate
from test_marker_through_the_chain import CHAIN, SLABS

from streamrecon.mrd.wire.messages import Acquisitions, DicomFile
from streamrecon.stream.chainfile.build import build_chain


def without_place(lines: Acquisitions) -> Acquisitions:
    """As the reference generator of ISMRMRD writes them: all vectors zero."""
    header = lines.header.copy()
    for name in ("position", "read_dir", "phase_dir", "slice_dir"):
        header[name] = 0
    return replace(lines, header=header)


def test_lines_without_vectors_make_valid_files_that_say_so(
    tmp_path: Path,
) -> None:
    messages = [
        without_place(message) if isinstance(message, Acquisitions) else message
        for message in simulate(SLABS["odd slices"]).messages()
    ]
    emitted: list[object] = []

    build_chain(CHAIN, REGISTRY).run(messages, emitted.append)

    file = next(item for item in emitted if isinstance(item, DicomFile))
    (tmp_path / "a.dcm").write_bytes(file.data)
    said = complaints([tmp_path / "a.dcm"])[tmp_path / "a.dcm"]
    image = dcmread(BytesIO(file.data))
    assert [line for line in said if line.startswith("Error")] == []
    assert "direction" in image.ImageComments
    assert list(image.ImageOrientationPatient) == [1, 0, 0, 0, 1, 0]

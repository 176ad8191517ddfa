"""A chain's volumes leave as DICOM, by the three ways."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from streamrecon_gadgets import REGISTRY

from streamrecon.dicom.delivery.spool import Spool
from streamrecon.dicom.delivery.spool_status import listing
from streamrecon.errors import ConfigError
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Echoes, Volume
from streamrecon.model.notice import Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import (
    CounterRange,
    EchoTrain,
    Encoding,
    PhaseSign,
    Scan,
    ScanProtocol,
    SignOrigin,
)
from streamrecon.mrd.wire.messages import DicomFile
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Context

GRID = Geometry((3, 5, 4), (2.0, 1.0, 1.5), np.eye(3)[::-1], (1.0, 2.0, 3.0))
PROTOCOL = ScanProtocol(
    EchoTrain((0.01,)),
    Encoding(
        (3, 5, 4),
        (6.0, 5.0, 6.0),
        (3, 5, 4),
        (6.0, 5.0, 6.0),
        CounterRange(0, 4, 2),
        CounterRange(0, 2, 1),
    ),
    b0_t=3.0,
    f0_hz=127.7e6,
    phase_sign=PhaseSign(1, SignOrigin.CHAIN),
)
SCAN = Scan(GRID, PROTOCOL, 2.0)
CHI = Volume(np.full(GRID.shape, -0.123, np.float32), GRID, Quantity.CHI, SCAN)


def run(
    gadget: str, *items: Volume, storage: Path | None = None, properties: str = ""
) -> list[object]:
    xml = (
        "<configuration><version>2</version><stream><gadget>"
        f"<name>{gadget}</name>{properties}</gadget></stream></configuration>"
    )
    emitted: list[object] = []
    build_chain(xml.encode(), REGISTRY, Context(storage=storage)).run(items, emitted.append)
    return emitted


def test_files_reach_the_client_and_the_volume_goes_on() -> None:
    emitted = run("SendDicom", CHI)

    files = [item for item in emitted if isinstance(item, DicomFile)]
    images = [dcmread(BytesIO(file.data)) for file in files]
    assert emitted[-1] is CHI
    assert {value for image in images for value in image.pixel_array.ravel()} == {-123}
    assert len({file.name for file in files}) == 3


def test_what_is_missing_in_the_header_reaches_the_console() -> None:
    told = [str(item) for item in run("SendDicom", CHI) if isinstance(item, Notice)]

    assert [text[:26] for text in told] == [
        "WRN the header has no pati",
        "WRN the header has no stud",
    ]


def test_outputs_that_are_not_asked_for_stay_and_complex_ones_pass() -> None:
    raw = Volume(np.zeros(GRID.shape, np.complex64), GRID, Quantity.COMPLEX, SCAN, echo=0)
    only = "<property><name>outputs</name><value>SWI, Mag</value></property>"

    assert run("SendDicom", CHI, raw, properties=only) == [CHI, raw]


def test_the_spool_keeps_images_for_the_destinations_that_want_them(tmp_path: Path) -> None:
    (tmp_path / "destinations.toml").write_text(
        '[[destination]]\nname = "console"\nhost = "a"\noutputs = ["Mag"]\n'
        '[[destination]]\nname = "archive"\nhost = "b"\n'
    )

    run("SpoolDicom", CHI, storage=tmp_path)

    with Spool(tmp_path / "spool") as spool:
        (line,) = listing(spool)
    assert line.split() == ["9007", "QSM_ppb", "archive", "3", "waiting"]


def test_a_folder_is_complete_when_the_chain_ends(tmp_path: Path) -> None:
    run("WriteDicomFolder", CHI, storage=tmp_path)

    (manifest,) = (tmp_path / "dicom").rglob("manifest.json")
    assert len(json.loads(manifest.read_bytes())["files"]) == 3


def test_a_service_without_storage_says_so() -> None:
    with pytest.raises(ConfigError, match="SpoolDicom: needs the service's storage"):
        run("SpoolDicom", CHI)


TWO_BRANCHES = """<configuration><version>2</version><stream><parallel>
<stream key="maps"><gadget><name>SpoolDicom</name>
<property name="outputs" value="QSM_ppb"/></gadget></stream>
<stream key="echoes"><gadget><name>EchoImages</name></gadget><gadget><name>SpoolDicom</name>
<property name="outputs" value="Mag"/></gadget></stream>
</parallel></stream></configuration>"""


def test_a_map_names_the_echo_images_that_another_branch_asks_for(tmp_path: Path) -> None:
    (tmp_path / "destinations.toml").write_text('[[destination]]\nname = "pacs"\nhost = "a"\n')
    echoes = Echoes(np.ones((1, *GRID.shape), np.complex64), SCAN)
    chain = build_chain(TWO_BRANCHES, REGISTRY, Context(storage=tmp_path))

    chain.run([CHI, echoes], lambda _: None)  # the map first: its branch begins the study

    images = [dcmread(file) for file in (tmp_path / "spool" / "batches").glob("*/*.dcm")]
    magnitudes = {image.SOPInstanceUID for image in images if "Mag" in image.SeriesDescription}
    maps = [image for image in images if "QSM" in image.SeriesDescription]
    named = [
        item.ReferencedSOPInstanceUID
        for image in maps
        for item in image.get("SourceImageSequence", ())
    ]
    assert len(maps) == len(magnitudes) == GRID.shape[0]
    assert sorted(named) == sorted(magnitudes), "one of its place for each slice, and no phase"


@pytest.mark.parametrize("gadget", ["SendDicom", "SpoolDicom", "WriteDicomFolder"])
@pytest.mark.parametrize(
    ("outputs", "hint"),
    [
        ("QSM", "did you mean QSM_ppb?"),
        ("mag", "did you mean Mag?"),
        ("Mag, r2star", "did you mean R2star_per_s?"),
        ("zzz", "known: B0map_Hz, "),
    ],
)
def test_outputs_that_no_image_is_called_are_refused_with_the_nearest(
    tmp_path: Path, gadget: str, outputs: str, hint: str
) -> None:
    properties = f"<property><name>outputs</name><value>{outputs}</value></property>"

    with pytest.raises(
        ConfigError, match=f"outputs: .*which no image is called.*{re.escape(hint)}"
    ):
        run(gadget, CHI, storage=tmp_path, properties=properties)


def test_every_output_may_be_asked_for(tmp_path: Path) -> None:
    names = ", ".join(each.dicom.suffix for each in Quantity if each.dicom is not None)
    properties = f"<property><name>outputs</name><value>{names}</value></property>"

    sent = run("SendDicom", CHI, storage=tmp_path, properties=properties)

    assert len([item for item in sent if isinstance(item, DicomFile)]) == GRID.shape[0]


def test_a_destination_of_outputs_that_no_image_is_called_is_refused(tmp_path: Path) -> None:
    (tmp_path / "destinations.toml").write_text(
        '[[destination]]\nname = "pacs"\nhost = "a"\noutputs = ["Mag", "QSM"]\n'
    )

    with pytest.raises(ConfigError, match=r"destinations\.toml: .*found 'QSM'.*QSM_ppb"):
        run("SpoolDicom", CHI, storage=tmp_path)

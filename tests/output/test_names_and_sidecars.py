"""File names and BIDS facts against what BIDS asks for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamrecon.model.geometry import Geometry
from streamrecon.mrd.header.protocol import read_protocol
from streamrecon.mrd.images.volumes_from_images import Stack
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.output.names import plain, stems
from streamrecon.output.sidecar import sidecar, write_sidecar

_HEADER = b"""<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD">
<acquisitionSystemInformation><systemVendor>SIEMENS</systemVendor><systemModel>Prisma</systemModel>
</acquisitionSystemInformation>
<experimentalConditions><H1resonanceFrequency_Hz>123194000</H1resonanceFrequency_Hz>
</experimentalConditions>
<encoding><trajectory>cartesian</trajectory>
<encodedSpace><matrixSize><x>8</x><y>8</y><z>1</z></matrixSize>
<fieldOfView_mm><x>80</x><y>80</y><z>3</z></fieldOfView_mm></encodedSpace>
<reconSpace><matrixSize><x>8</x><y>8</y><z>1</z></matrixSize>
<fieldOfView_mm><x>80</x><y>80</y><z>3</z></fieldOfView_mm></reconSpace></encoding>
<sequenceParameters><TR>21</TR><TE>4</TE><TE>9</TE><flipAngle_deg>15</flipAngle_deg>
</sequenceParameters></ismrmrdHeader>"""

_STACK = Stack(
    values=np.zeros((1, 8, 8), np.float32),
    geometry=Geometry((1, 8, 8), (3.0, 10.0, 10.0), np.eye(3)[::-1]),
    label="phase",
    unit="rad",
    series=2,
    echo=1,
    te_s=0.009,
    repetition=0,
    channel=0,
    thickness_mm=3.0,
    comments=("phase sign assumed",),
    meta={"STREAMRECON_PhaseSign": ("-1 (vendor table)",)},
    header=np.zeros(1, IMAGE)[0],
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gre_3echo", "gre-3echo"),
        ("../../etc/passwd", "etc-passwd"),
        ("a\x00b\nc", "a-b-c"),
        ("__--__", "scan"),
        ("", "scan"),
        ("x" * 300, "x" * 64),
    ],
)
def test_a_protocol_name_becomes_a_bids_label(name: str, expected: str) -> None:
    assert plain(name) == expected


def test_echo_and_part_are_in_the_name_as_bids_has_them() -> None:
    stacks = [
        replace(_STACK, label=label, echo=echo)
        for echo in (0, 1)
        for label in ("magnitude", "phase")
    ]

    assert stems(stacks, "QSM head") == [
        "QSM-head_echo-1_part-mag_MEGRE",
        "QSM-head_echo-1_part-phase_MEGRE",
        "QSM-head_echo-2_part-mag_MEGRE",
        "QSM-head_echo-2_part-phase_MEGRE",
    ]


def test_repetitions_are_runs() -> None:
    stacks = [replace(_STACK, repetition=n) for n in (0, 1)]

    assert stems(stacks, "p") == [
        "p_run-1_echo-2_part-phase_MEGRE",
        "p_run-2_echo-2_part-phase_MEGRE",
    ]


def test_volumes_that_look_alike_never_share_a_name() -> None:
    stacks = [_STACK, replace(_STACK, channel=1), replace(_STACK, channel=2)]

    assert stems(stacks, "p") == [f"p_acq-{k}_echo-2_part-phase_MEGRE" for k in (1, 2, 3)]


def test_a_map_of_all_echoes_has_no_echo_in_its_name() -> None:
    stacks = [replace(_STACK, label=label, te_s=None) for label in ("chi", "r2star", "local_field")]

    assert stems(stacks, "p") == ["p_Chimap", "p_R2starmap", "p_localfield"]


def test_a_sidecar_has_the_units_of_bids() -> None:
    facts = sidecar(_STACK, read_protocol(_HEADER))

    assert facts["EchoTime"] == 0.009
    assert facts["RepetitionTime"] == 0.021
    assert facts["FlipAngle"] == 15.0
    assert facts["MagneticFieldStrength"] == pytest.approx(2.8934, abs=1e-4)  # 123.194 / 42.577
    assert facts["ImagingFrequency"] == pytest.approx(123.194)
    assert facts["Units"] == "rad"
    assert facts["Manufacturer"] == "SIEMENS"
    assert facts["ImageComments"] == ["phase sign assumed"]


def test_the_server_says_which_sign_was_removed() -> None:
    facts = sidecar(_STACK, read_protocol(_HEADER))

    assert (facts["PhaseSign"], facts["PhaseSignOrigin"]) == (-1, "vendor table")
    assert facts["PhaseConvention"] == "positive where the field is above B0"


def test_without_the_servers_word_the_sign_is_the_headers_and_still_in_the_phase() -> None:
    header = _HEADER.replace(
        b"</ismrmrdHeader>",
        b"<userParameters><userParameterLong><name>PhaseSign</name><value>-1</value>"
        b"</userParameterLong></userParameters></ismrmrdHeader>",
    )

    facts = sidecar(replace(_STACK, meta={}), read_protocol(header))

    assert (facts["PhaseSign"], facts["PhaseSignOrigin"]) == (-1, "header")
    assert facts["PhaseConvention"] == "as the server sent it"


def test_the_headers_echo_time_serves_where_the_server_gives_none() -> None:
    assert sidecar(replace(_STACK, te_s=None), read_protocol(_HEADER))["EchoTime"] == 0.009


def test_what_nobody_knows_is_left_out(tmp_path: Path) -> None:
    unknown = replace(_STACK, te_s=None, unit="", comments=(), meta={})

    write_sidecar(tmp_path / "a.json", sidecar(unknown, None))

    facts = json.loads((tmp_path / "a.json").read_text())
    assert facts["Units"] == "arbitrary"
    assert not {"EchoTime", "RepetitionTime", "PhaseSign", "ImageComments"} & facts.keys()

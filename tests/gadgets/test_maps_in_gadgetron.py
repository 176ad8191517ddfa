"""The chain files of maps inside a Gadgetron, over the protocol of its external node."""

from __future__ import annotations

import re

import pytest
from chains import CONFIG
from gadgetron_parent import GadgetronParent
from narrowing import all_of, given
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.mrd.wire.messages import Close, Header, Image

SCENE = Scene("odd head", matrix=(17, 29, 33), voxel_mm=(8.0, 6.5, 6.0), n_coils=2, snr=100.0)
MADE = {
    "gre_swi.xml": {"magnitude", "swi", "minip"},
    "gre_single_echo_swi.xml": {"magnitude", "phase", "swi", "minip"},
    "gre_preview.xml": {
        "magnitude", "phase", "magnitude_preview", "swi_preview", "chi_preview",
    },
    "gre_full.xml": {
        "magnitude", "phase", "swi", "minip", "chi_preview", "chi", "chi_maxip", "tswi",
        "tswi_minip", "r2star", "r2star_sd", "t2star", "field_hz", "mask", "phase_quality", "snr",
        "veins",
    },
}  # fmt: skip
ANYWHERE = '<property name="anywhere" value="true"/>'  # a smooth ball is not taken for a brain
EVEN_LATE = '<property name="even_late" value="true"/>'  # all lines come at once here


@pytest.mark.parametrize("file_name", MADE)
def test_a_gadgetron_gets_every_map_of_the_file(file_name: str) -> None:
    header, *data = simulate(SCENE).messages()
    assert isinstance(header, Header)
    text = (CONFIG / file_name).read_text()
    text = text.replace("<name>Preview</name>", f"<name>Preview</name>{EVEN_LATE}")
    text = text.replace("<name>FindVeins</name>", f"<name>FindVeins</name>{ANYWHERE}")
    node = re.search(r"<execute.*?(<configuration>.*?</configuration>)", text, re.DOTALL)

    with GadgetronParent() as parent:
        parent.begin_with(f'<?xml version="1.0"?>\n{given(node)[1]}\n'.encode(), header.xml)
        parent.send(*data, Close())
        *answers, close = parent.answers()
        assert parent.wait() == 0, parent.log

    assert close == Close()
    images = all_of(Image, answers)
    assert {image.meta["STREAMRECON_Quantity"][0] for image in images} == MADE[file_name]
    for projected in (i for i in images if i.meta["STREAMRECON_Quantity"][0] == "minip"):
        assert projected.data.shape[1:] == (17, 29, 33)  # one slice is as near to 8 mm as can be

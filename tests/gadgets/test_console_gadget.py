"""Every packaged chain of ours ends with what a console is sent, if a client says which."""

from __future__ import annotations

import numpy as np
import pytest
from chains import CONFIG, in_units, run_chain, texts, volumes
from narrowing import as_a, given
from streamrecon_gadgets import REGISTRY
from streamrecon_gadgets.exchange.console import ConsoleImages
from streamrecon_gadgets.maps.projection import ProjectSlabs
from streamrecon_gadgets.maps.susceptibility import RemoveBackground
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate

from streamrecon.errors import ConfigError
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.wire.messages import Image
from streamrecon.server.sessions.fire_parameters import read_parameters
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Context


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIG.glob("gre_*.xml")))
def test_a_client_may_name_its_console_to_every_chain(name: str) -> None:
    chain = build_chain(
        (CONFIG / name).read_bytes(), REGISTRY, overrides={"console": "fire", "grouping": "one"}
    )

    assert [notice.text for notice in chain.notices if "no gadget" in notice.text] == []


def test_a_host_without_underscores_sets_what_it_means_and_default_changes_nothing() -> None:
    sent = '{"parameters": {"slabmm": 12.5, "firstseries": "300", "quality": "default"}}'
    parameters = read_parameters(sent)

    chain = build_chain(
        (CONFIG / "gre_swi.xml").read_bytes(), REGISTRY, overrides=given(parameters)
    )

    gadgets = {type(step.gadget): step.gadget for step in chain.steps}
    assert parameters == {"slabmm": "12.5", "firstseries": "300"}
    assert as_a(ProjectSlabs, gadgets[ProjectSlabs]).slab_mm == 12.5
    assert as_a(ConsoleImages, gadgets[ConsoleImages]).first_series == 300
    assert as_a(RemoveBackground, gadgets[RemoveBackground]).quality.value == "fast"


def test_without_a_console_all_passes_as_it_is() -> None:
    gadget = ConsoleImages()
    gadget.enter(Context())
    emitted = run_chain("gre_recon.xml", simulate(SCENES["tiny"]).messages())
    passing = [item for item in emitted if isinstance(item, Volume)]

    assert [item for each in passing for item in gadget.feed(each)] == passing
    assert len(passing) == 4


def test_a_chain_ends_with_slices_that_hold_the_same_numbers() -> None:
    plain = run_chain("gre_recon.xml", simulate(SCENES["tiny"]).messages())
    emitted = run_chain(
        "gre_recon.xml", simulate(SCENES["tiny"]).messages(), console="gadgetron", bits="16"
    )

    images = [item for item in emitted if isinstance(item, Image)]
    phases = [image for image in images if image.header["image_type"] == 2]
    echoes = volumes(plain, Quantity.PHASE)
    truth = np.concatenate([in_units(volume) for volume in echoes])
    assert [item for item in emitted if isinstance(item, Volume)] == []
    assert len(images) == 2 * len(truth)
    found = np.stack([i.data[0, 0] * np.pi / 4096 - np.pi for i in phases])
    off = np.angle(np.exp(1j * (found - truth)))
    assert np.abs(off).max() <= np.pi / 8192 * 1.001
    assert not [text for text in texts(emitted) if "beyond" in text]


@pytest.mark.parametrize(
    ("name", "value"),
    [("console", "syngo"), ("outputs", "QSM"), ("bits", "8"), ("first_series", "0")],
)
def test_what_no_console_has_is_refused_before_the_scan(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name):
        build_chain((CONFIG / "gre_recon.xml").read_bytes(), REGISTRY, overrides={name: value})

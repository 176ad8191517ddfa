"""A scan whose sign is wrong: assumed ones are turned round, given ones are doubted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from chains import complex_echoes, texts
from streamrecon_gadgets import REGISTRY
from streamrecon_gadgets.maps.phase_sign import CheckPhaseSign
from streamrecon_simulator.phantoms.phantom import HEAD, VEIN, Part, Tissue
from streamrecon_simulator.phantoms.shapes import Cylinder, Ellipsoid
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import truth

from streamrecon.model.images import Echoes, Regions
from streamrecon.model.notice import Notice
from streamrecon.model.scan import SignOrigin
from streamrecon.stream.chainfile.build import build_chain

_VEINS = tuple(
    Part(Cylinder((0.0, p, s), (1.0, d, 0.3), 3.0), VEIN)
    for p, s, d in ((20.0, 30.0, 0.5), (-25.0, 25.0, -0.4), (30.0, -25.0, 0.2))
)
_WHITE_MATTER = Part(Ellipsoid((0.0, 5.0, 5.0), (48.0, 60.0, 52.0)), Tissue(0.95, 18.0, 0.0))
"""Without the contrast of a brain, iron and veins are not asked."""

SCENE = Scene(
    "head with white matter and more veins",
    phantom=replace(HEAD, parts=(HEAD.parts[0], _WHITE_MATTER, *HEAD.parts[1:], *_VEINS)),
    matrix=(44, 58, 52), voxel_mm=(3.6, 3.3, 3.0), n_coils=1, noise_lines=0, snr=80.0,
)  # fmt: skip
CHAIN = """<configuration><version>2</version><stream>
<gadget><name>AssembleKSpace</name></gadget><gadget><name>CombineCoils</name></gadget>
<gadget><name>CheckPhaseSign</name></gadget></stream></configuration>"""
CHECK = "<gadget><name>CheckPhaseSign</name></gadget>"


def run(scene: Scene, chain: str = CHAIN, **overrides: str) -> list[object]:
    emitted: list[object] = []
    build_chain(chain, REGISTRY, overrides=overrides).run(
        simulate(scene).messages(), emitted.append
    )
    return emitted


def grows_with_the_field(echoes: np.ndarray, scene: Scene) -> float:
    """Correlation of the phase between two echoes with the true field, where there is signal."""
    known = truth(replace(scene, phase_sign=1))
    turn = np.angle(echoes[1] * echoes[0].conj())[known.mask]
    true = np.angle(known.echoes[1] * known.echoes[0].conj())[known.mask]
    return float(np.corrcoef(np.sin(turn), np.sin(true))[0, 1])


def test_an_assumed_sign_that_is_wrong_is_turned_round_and_marked() -> None:
    scene = replace(SCENE, phase_sign=-1, says_phase_sign=False)

    emitted = run(scene)

    (echoes,) = complex_echoes(emitted)
    assert echoes.scan.phase_sign.origin is SignOrigin.INFERRED
    assert echoes.scan.phase_sign.value == -1
    assert grows_with_the_field(echoes.data, scene) > 0.9
    assert any("-1 (inferred): +1 (assumed) is contradicted" in text for text in texts(emitted))
    assert [text for text in echoes.scan.comments if "sign" in text] == ["phase sign -1 (inferred)"]


def test_a_given_sign_that_is_wrong_stays_and_every_image_says_so() -> None:
    scene = replace(SCENE, phase_sign=-1, says_phase_sign=False)

    emitted = run(scene, phase_sign="1")

    (echoes,) = complex_echoes(emitted)
    assert echoes.scan.phase_sign.origin is SignOrigin.CHAIN
    assert grows_with_the_field(echoes.data, scene) < -0.9
    assert any("in doubt, against" in text for text in echoes.scan.comments)
    assert any(
        text.startswith("WRN phase sign: +1 (chain file) in doubt") for text in texts(emitted)
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_a_right_sign_is_only_told(sign: int) -> None:
    scene = replace(SCENE, phase_sign=sign)

    emitted = run(scene)

    (echoes,) = complex_echoes(emitted)
    assert echoes.scan.phase_sign.origin is SignOrigin.HEADER
    assert not any("doubt" in text for text in echoes.scan.comments)
    assert any(text.startswith("INF phase sign: ") for text in texts(emitted))


def test_iron_and_veins_of_an_object_have_no_vote() -> None:
    phantom = replace(HEAD, parts=HEAD.parts + _VEINS)

    emitted = run(replace(SCENE, phantom=phantom, phase_sign=-1))

    (told,) = (text for text in texts(emitted) if "phase sign: " in text)
    assert "iron and veins not asked, no brain was recognised" in told


def test_iron_and_veins_of_a_brain_that_is_given_are_asked() -> None:
    scene = replace(SCENE, phantom=HEAD)  # which is not recognised as a head with a brain
    (echoes,) = complex_echoes(run(scene, chain=CHAIN.replace(CHECK, "")))
    known = truth(scene)

    def said(*items: Regions | Echoes) -> str:
        gadget = CheckPhaseSign()
        made = [each for item in items for each in gadget.feed(item)]
        assert [type(each) for each in made if not isinstance(each, Notice)] == [*map(type, items)]
        return next(each.text for each in made if isinstance(each, Notice))

    assert "iron and veins not asked" in said(echoes)
    assert "iron and veins not asked" not in said(Regions(brain=known.mask), echoes)

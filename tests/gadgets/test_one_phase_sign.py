"""One phase sign for a scan, whichever gadget of the chain file was given it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from chains import complex_echoes, in_units, volumes
from streamrecon_gadgets import REGISTRY
from streamrecon_gadgets.acquisition import header as reading
from streamrecon_simulator.phantoms.phantom import HEAD, Part, Phantom, Tissue
from streamrecon_simulator.phantoms.shapes import Ellipsoid, Sphere
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.errors import ConfigError
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import SignOrigin
from streamrecon.mrd.header import scan_header
from streamrecon.mrd.header.fields import header_root
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.xml import Element

IRON = (-32.0, 20.0, 20.0)
BALL = Phantom(
    parts=(
        Part(Ellipsoid((0.0, 0.0, 0.0), (70.0, 88.0, 78.0)), Tissue(0.8, 18.0, 0.0)),
        Part(Sphere(IRON, 8.0), Tissue(0.7, 30.0, 0.5)),
    ),
    background_ppm=HEAD.background_ppm,
)
SCENE = Scene(
    "a ball of iron", phantom=BALL, matrix=(24, 45, 48), voxel_mm=(7.0, 4.6, 4.0), n_coils=2,
    te_s=(0.005, 0.0103, 0.0156), noise_lines=0, snr=80.0, phase_sign=-1, says_phase_sign=False,
)  # fmt: skip
CHAIN = """<configuration><version>2</version><stream>
<gadget><name>WatchQuality</name></gadget>
<gadget><name>CollectCentre</name>{centre}</gadget>
<gadget><name>CompressCoils</name></gadget>
<gadget><name>AssembleKSpace</name>{assemble}</gadget>
<gadget><name>CombineCoils</name></gadget>
<gadget><name>Preview</name><property name="even_late" value="true"/></gadget>
</stream></configuration>"""


def chain_of(*, centre: int | None = None, assemble: int | None = None) -> str:
    """The chain file with a sign at one gadget, at both or at none."""
    signs = {"centre": centre, "assemble": assemble}
    return CHAIN.format(
        **{
            gadget: "" if sign is None else f'<property name="phase_sign" value="{sign}"/>'
            for gadget, sign in signs.items()
        }
    )


def run(chain: str, scene: Scene = SCENE) -> list[object]:
    emitted: list[object] = []
    build_chain(chain, REGISTRY).run(simulate(scene).messages(), emitted.append)
    return emitted


def at(volume: Volume, place_lps: tuple[float, float, float]) -> float:
    index = np.linalg.inv(volume.geometry.affine_lps()) @ (*place_lps, 1)
    return float(in_units(volume)[tuple(np.rint(index[:3]).astype(int))])


@pytest.mark.parametrize(
    "signs", [{"assemble": -1}, {"centre": -1}, {"centre": -1, "assemble": -1}]
)
def test_a_sign_set_at_one_gadget_governs_previews_and_images(signs: dict[str, int]) -> None:
    """The scan's phase falls with the field and its header does not say so; iron stays positive."""
    emitted = run(chain_of(**signs))

    (echoes,) = complex_echoes(emitted)
    previews = volumes(emitted, Quantity.CHI_PREVIEW)
    assert echoes.scan.phase_sign.value == -1
    assert echoes.scan.phase_sign.origin is SignOrigin.CHAIN
    assert previews
    for preview in previews:
        assert preview.scan.phase_sign == echoes.scan.phase_sign
        assert at(preview, IRON) > 0.1  # 0.5 ppm, in slices of 14 mm


@pytest.mark.parametrize("sign", [1, -1])
def test_images_are_the_same_bits_whichever_gadget_was_told(sign: int) -> None:
    scene = replace(SCENE, te_s=(0.005,))

    (by_assembly,) = complex_echoes(run(chain_of(assemble=sign), scene))
    (by_centre,) = complex_echoes(run(chain_of(centre=sign), scene))

    np.testing.assert_array_equal(by_centre.data, by_assembly.data)


def test_two_gadgets_that_contradict_each_other_are_refused_by_name() -> None:
    with pytest.raises(
        ConfigError,
        match=r"line 5: AssembleKSpace\.phase_sign: found 1, but CollectCentre\.phase_sign is -1 "
        r"\(line 3\)",
    ):
        build_chain(chain_of(centre=-1, assemble=1), REGISTRY)


def test_a_session_parses_its_header_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five gadgets ask for the protocol and one for the noise scan."""
    parsed: list[bytes] = []

    def counted(xml: bytes) -> Element:
        parsed.append(xml)
        return header_root(xml)

    monkeypatch.setattr(scan_header, "header_root", counted)
    before = "<gadget><name>WhitenNoise</name></gadget><gadget><name>CorrectNavigators</name>"
    chain = CHAIN.format(centre="", assemble="").replace(
        "<gadget><name>WatchQuality</name>", f"{before}</gadget><gadget><name>WatchQuality</name>"
    )

    run(chain, replace(SCENE, te_s=(0.005,)))

    assert len(parsed) == 1
    assert reading.ReadHeader not in REGISTRY.gadgets

"""One chain file in both hosts: alone, and inside a Gadgetron."""

from __future__ import annotations

import re

import numpy as np
from chains import CONFIG, run_chain, volumes
from gadgetron_parent import GadgetronParent
from narrowing import all_of, as_a, given
from streamrecon_simulator.phantoms.phantom import SPHERES as PHANTOM
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.wire.messages import Close, Header, Image

SCENE = Scene(
    "small odd head", matrix=(9, 21, 27), voxel_mm=(12.0, 9.0, 8.0), n_coils=3, bipolar=True,
    oversampling=(1.0, 1.0, 1.0), tilt_deg=(20.0, 10.0),
)  # fmt: skip

SPHERES = Scene(
    "spheres", phantom=PHANTOM, matrix=(29, 30, 31), voxel_mm=(6.0, 6.0, 6.0), n_coils=2,
    te_s=(0.004, 0.008, 0.012), oversampling=(1.0, 1.0, 1.0),
)  # fmt: skip


def configuration_of(file_name: str) -> bytes:
    """What Gadgetron sends: the first external node's configuration, as it stands in the file."""
    text = (CONFIG / file_name).read_text()
    node = re.search(r"<execute.*?(<configuration>.*?</configuration>)", text, re.DOTALL)
    return f'<?xml version="1.0"?>\n{given(node)[1]}\n'.encode()


def complex_images(parts: list[np.ndarray]) -> np.ndarray:
    """Echoes [E, Z, Y, X] from magnitudes and then phases."""
    half = len(parts) // 2
    return np.stack(parts[:half]) * np.exp(1j * np.stack(parts[half:]))


def test_an_odd_oblique_scan_gives_the_same_images_inside_gadgetron_as_alone() -> None:
    header, *data = simulate(SCENE).messages()
    assert isinstance(header, Header)
    alone = run_chain("gre_recon.xml", [header, *data])
    expected = complex_images(
        [v.values for v in volumes(alone, Quantity.MAGNITUDE) + volumes(alone, Quantity.PHASE)]
    )

    with GadgetronParent() as parent:
        parent.begin_with(configuration_of("gre_recon.xml"), header.xml)
        parent.send(*data, Close())
        *answers, close = parent.answers()
        assert parent.wait() == 0

    images = all_of(Image, answers)
    images.sort(key=lambda image: (image.header["image_series_index"], image.header["contrast"]))
    assert close == Close()
    assert [image.header["image_type"] for image in images] == [1] * 4 + [2] * 4
    found = complex_images([image.data[0] for image in images])
    assert found.shape == (4, 9, 21, 27)
    # batches of other sizes round otherwise; a wrong voxel would be off by its signal
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * abs(expected).max())


def test_whole_numbers_reach_gadgetron_in_a_type_that_it_reads() -> None:
    header, *data = simulate(SCENE).messages()
    short = b"<gadget><name>FloatToShort</name></gadget></stream>"

    with GadgetronParent() as parent:
        parent.begin_with(
            configuration_of("gre_recon.xml").replace(b"</stream>", short), as_a(Header, header).xml
        )
        parent.send(*data, Close())
        *images, close = parent.answers()
        assert parent.wait() == 0

    assert close == Close()
    types = {int(image.header["data_type"]) for image in all_of(Image, images)}
    assert types == {4}  # int32: int16 ends its stream


def test_susceptibility_reaches_gadgetron_with_the_echoes() -> None:
    header, *data = simulate(SPHERES).messages()
    config = configuration_of("gre_qsm.xml").replace(
        b'name="preview" value="true"', b'name="quality" value="fast"'
    )

    with GadgetronParent() as parent:
        parent.begin_with(config, as_a(Header, header).xml)
        parent.send(*data, Close())
        *images, close = parent.answers()
        assert parent.wait() == 0

    assert close == Close()
    kinds = [image.meta["STREAMRECON_Quantity"][0] for image in all_of(Image, images)]
    assert sorted(kinds) == ["chi", *["magnitude"] * 3, *["phase"] * 3]

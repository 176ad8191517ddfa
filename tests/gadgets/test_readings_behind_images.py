"""Readings take nothing from images: none begins before the last image has left the chain."""

from __future__ import annotations

import pytest
from chains import CONFIG
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.phantoms.phantom import SPHERES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.errors import DataError
from streamrecon.model.images import Volume
from streamrecon.output.readings import of_chain
from streamrecon.output.readings.chain_scan import ChainScan
from streamrecon.output.readings.of_chain import MadeReading
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Context

SMALL = Scene(
    "spheres", phantom=SPHERES, matrix=(29, 30, 31), voxel_mm=(6.0, 6.0, 6.0), n_coils=2, snr=100.0,
    te_s=(0.004, 0.008, 0.012), oversampling=(1.0, 1.0, 1.0),
)  # fmt: skip


@pytest.mark.parametrize("name", ["gre_readings.xml", "gre_full.xml"])
def test_no_reading_begins_before_the_last_image_has_left(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a reading takes, images are gone by then; and they are the same ones as without."""
    events: list[str] = []

    def reader(scan: ChainScan, seconds: float) -> MadeReading:
        events.append("reading")
        raise DataError("read nothing")

    def note(item: object) -> None:
        if isinstance(item, Volume):
            events.append(item.quantity.label)

    readers = of_chain.READERS
    assert isinstance(readers, dict)
    monkeypatch.setitem(readers, "qc", reader)
    orders = []
    for readings in ("", "qc"):
        events.clear()
        chain = build_chain(
            (CONFIG / name).read_bytes(),
            REGISTRY,
            Context(),
            overrides={"MakeReadings.readings": readings},
        )
        chain.run(simulate(SMALL).messages(), note)
        orders.append(list(events))

    without, with_one = orders
    assert len(without) >= 6
    assert with_one[-1] == "reading"
    assert sorted(with_one[:-1]) == sorted(without)

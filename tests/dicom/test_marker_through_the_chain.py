"""A marker of raw k-space is at its place in the DICOM files, by both versions of dcm2niix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checkers import DCM2NIIX, lps_affine, niftis
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.phantoms.phantom import MARKER
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Orientation, Scene

from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.wire.messages import DicomFile
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Context

PLACE_LPS_MM = np.array(MARKER.parts[0].shape.centre_mm)
NAMES = ("WhitenNoise", "AssembleKSpace", "CombineCoils", "EchoImages", "SendDicom")
CHAIN = (
    "<configuration><version>2</version><stream>"
    + "".join(f"<gadget><name>{name}</name></gadget>" for name in NAMES)
    + "</stream></configuration>"
).encode()
QUIET: dict[str, Any] = {
    "phantom": MARKER,
    "te_s": (0.005,),
    "n_coils": 2,
    "snr": float("inf"),
    "noise_lines": 0,
}
SLABS = {
    "oblique, left-handed": Scene(
        "marker", matrix=(20, 28, 24), voxel_mm=(3.0, 2.5, 2.0), supersampling=3,
        left_handed=True, tilt_deg=(25.0, -15.0), centre_lps_mm=(9.0, -5.0, 4.0), **QUIET,
    ),
    "odd slices": Scene(
        "marker", matrix=(21, 27, 25), voxel_mm=(3.0, 2.5, 2.0), supersampling=3, slices=True,
        orientation=Orientation.SAGITTAL, centre_lps_mm=(9.0, -5.0, 4.0), **QUIET,
    ),
}  # fmt: skip


@pytest.mark.parametrize("slab", SLABS)
def test_a_marker_is_at_its_place(slab: str, tmp_path: Path) -> None:
    emitted: list[object] = []
    build_chain(CHAIN, REGISTRY, Context()).run(simulate(SLABS[slab]).messages(), emitted.append)
    (tmp_path / "dicom").mkdir()
    for file in emitted:
        if isinstance(file, DicomFile):
            (tmp_path / "dicom" / file.name).write_bytes(file.data)
    (volume,) = [v for v in emitted if isinstance(v, Volume) and v.quantity is Quantity.MAGNITUDE]

    for version in DCM2NIIX:
        images = niftis(tmp_path / "dicom", tmp_path / version, version)
        (magnitude,) = [image for name, image in images.items() if "Mag" in name]
        values, affine = magnitude.get_fdata(), lps_affine(magnitude)

        index = np.stack(np.meshgrid(*map(np.arange, values.shape), indexing="ij"), -1)
        weights = values[..., None] ** 2
        centre = (weights * index).sum(axis=(0, 1, 2)) / weights.sum()
        away = np.linalg.solve(affine[:3, :3], (affine @ [*centre, 1])[:3] - PLACE_LPS_MM)
        assert np.abs(away).max() < 0.1
        brightest = np.unravel_index(volume.values.argmax(), volume.values.shape)
        place = volume.geometry.affine_lps() @ [*brightest, 1]
        read = affine @ [*np.unravel_index(values.argmax(), values.shape), 1]
        assert np.linalg.norm(read - place) < 0.01

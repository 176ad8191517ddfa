"""The marker comes out where it was put, by the headers alone.

Nothing here uses the scene's own geometry: lines are placed by their counters, transformed by
scipy, and located with position, directions and fields of view read by the ismrmrd package.
"""

from dataclasses import replace
from typing import Any

import ismrmrd
import numpy as np
import pytest
import scipy.fft
from streamrecon_simulator.phantoms.phantom import MARKER
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Orientation, Scene

from streamrecon.mrd.wire.messages import Acquisitions, Header

PLACE_LPS_MM = MARKER.parts[0].shape.centre_mm
SCENE = Scene(
    "marker",
    phantom=MARKER,
    matrix=(20, 27, 24),
    voxel_mm=(3.0, 2.5, 2.0),
    te_s=(0.005,),
    n_coils=1,
    snr=float("inf"),
    supersampling=3,
)
OFF_CENTRE = (9.0, -5.0, 4.0)


def measured(scene: Scene) -> tuple[Any, np.ndarray, np.ndarray]:
    header, *rest = simulate(scene).messages()
    assert isinstance(header, Header)
    lines = [m for m in rest if isinstance(m, Acquisitions)]
    return (
        ismrmrd.xsd.CreateFromDocument(header.xml),
        np.concatenate([m.header for m in lines]),
        np.concatenate([m.data for m in lines]),
    )


def volume(xml: Any, head: np.ndarray, data: np.ndarray) -> np.ndarray:
    """Encoded image [z, y, x] of the only echo and coil."""
    matrix = xml.encoding[0].encodedSpace.matrixSize
    n_slices = xml.encoding[0].encodingLimits.slice.maximum + 1
    kspace = np.zeros((max(matrix.z, n_slices), matrix.y, matrix.x), complex)
    idx = head["idx"]
    depth = idx["slice"] if n_slices > 1 else idx["kspace_encode_step_2"]
    kspace[depth, idx["kspace_encode_step_1"]] = data[:, 0]
    axes = (1, 2) if n_slices > 1 else (0, 1, 2)
    centred = scipy.fft.ifftn(scipy.fft.ifftshift(kspace, axes=axes), axes=axes)
    return scipy.fft.fftshift(centred, axes=axes)


def centroid_lps_mm(xml: Any, head: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Centre of mass of the magnitude's square, in the patient."""
    space = xml.encoding[0].encodedSpace
    weights = np.abs(image) ** 2
    z, y, x = (
        (weights * axis).sum() / weights.sum()
        for axis in np.meshgrid(*(np.arange(n) for n in image.shape), indexing="ij")
    )
    first = head[0]
    along_x = (x - space.matrixSize.x // 2) * space.fieldOfView_mm.x / space.matrixSize.x
    along_y = (y - space.matrixSize.y // 2) * space.fieldOfView_mm.y / space.matrixSize.y
    in_plane = along_x * first["read_dir"] + along_y * first["phase_dir"]
    if space.matrixSize.z > 1:
        along_z = (z - space.matrixSize.z // 2) * space.fieldOfView_mm.z / space.matrixSize.z
        return np.asarray(first["position"] + in_plane + along_z * first["slice_dir"])
    positions = np.stack(
        [head["position"][head["idx"]["slice"] == s][0] for s in range(len(image))]
    )
    return np.asarray(positions[0] + z * (positions[1] - positions[0]) + in_plane)


SLABS: dict[str, dict[str, Any]] = {
    "axial": {},
    "off centre": {"centre_lps_mm": OFF_CENTRE},
    "sagittal": {"orientation": Orientation.SAGITTAL, "centre_lps_mm": OFF_CENTRE},
    "coronal": {"orientation": Orientation.CORONAL, "centre_lps_mm": OFF_CENTRE},
    "oblique": {"tilt_deg": (30.0, 0.0), "centre_lps_mm": OFF_CENTRE},
    "doubly oblique": {"tilt_deg": (25.0, -15.0), "centre_lps_mm": OFF_CENTRE},
    "left-handed": {"left_handed": True, "tilt_deg": (25.0, -15.0), "centre_lps_mm": OFF_CENTRE},
    "oversampled along z": {"oversampling": (1.2, 1.0, 2.0), "centre_lps_mm": OFF_CENTRE},
    "odd readout": {"matrix": (21, 26, 25), "oversampling": (1.0, 1.0, 1.0)},
    "slices": {"slices": True, "tilt_deg": (25.0, -15.0), "centre_lps_mm": OFF_CENTRE},
    "slices with a gap": {"slices": True, "left_handed": True, "gap_mm": 0.5},
}


@pytest.mark.parametrize("slab", SLABS)
def test_the_marker_lies_at_its_place(slab: str) -> None:
    xml, head, data = measured(replace(SCENE, **SLABS[slab]))

    found = centroid_lps_mm(xml, head, volume(xml, head, data))

    # A tenth of the smallest voxel; slices cut the ball in slabs of 3 mm, and miss it in gaps.
    np.testing.assert_allclose(found, PLACE_LPS_MM, atol=0.2 if "slices" not in slab else 0.35)


@pytest.mark.parametrize("tilt", [(0.0, 0.0), (30.0, -20.0)])
@pytest.mark.parametrize("orientation", Orientation)
@pytest.mark.parametrize("left_handed", [True, False])
def test_directions_are_orthonormal_and_handed_as_asked(
    tilt: tuple[float, float], orientation: Orientation, left_handed: bool
) -> None:
    scene = replace(
        SCENE, matrix=(2, 3, 4), tilt_deg=tilt, orientation=orientation, left_handed=left_handed
    )

    _, head, _ = measured(scene)

    read, phase, normal = (head[0][f"{name}_dir"] for name in ("read", "phase", "slice"))
    np.testing.assert_allclose(
        np.stack([read, phase, normal]) @ np.stack([read, phase, normal]).T, np.eye(3), atol=1e-6
    )
    assert np.dot(np.cross(read, phase), normal) == pytest.approx(
        -1 if left_handed else 1, abs=1e-6
    )

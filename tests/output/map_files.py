"""Writes maps of one scan as the service's own files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.nifti import write_nifti
from streamrecon.output.sidecar import Fact, write_sidecar


def oblique_grid(shape: tuple[int, int, int] = (9, 14, 11)) -> Geometry:
    """Anisotropic voxels, B0 along none of the axes."""
    tilt, turn = np.radians(20.0), np.radians(-12.0)
    about_l = np.array(
        [[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]
    )
    about_p = np.array(
        [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
    )
    axes = (about_p @ about_l @ np.eye(3)[::-1].T).T
    return Geometry(shape, (1.5, 0.8, 1.1), axes, (4.0, -7.5, 12.0))


def write_map(
    folder: Path,
    name: str,
    quantity: Quantity,
    values: NDArray[np.generic],
    geometry: Geometry,
    **facts: Fact,
) -> None:
    """NIfTI and sidecar as `streamrecon replay` writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    unit = quantity.unit or "arbitrary"
    write_nifti(folder / f"{name}.nii.gz", values, geometry)
    known: dict[str, Fact] = {"Quantity": quantity.label, "Units": unit}
    write_sidecar(folder / f"{name}.json", {**known, **facts})

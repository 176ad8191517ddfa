"""A vendor's filter on the air of a magnitude does not make the field better known."""

from pathlib import Path

import numpy as np
import pytest

from streamrecon.commands.image_inputs.echo_files import read_echo_files
from streamrecon.commands.image_inputs.mask_files import read_mask
from streamrecon.phase.phase_scaling import complex_echoes
from streamrecon.qsm.total_field import TotalField, total_field

pytestmark = pytest.mark.shared


def field_of(folder: Path, magnitude: str) -> TotalField:
    files = read_echo_files(
        [folder / "phase.nii.gz"],
        [folder / magnitude],
        te=["0.024"],
        b0_t=3.0,
    )
    echoes = complex_echoes(files.magnitude, files.phase, files.scale, sign=1)
    mask = read_mask(folder / "mask.nii.gz", files.geometry).mask
    return total_field(echoes, files.te_s, files.b0_t, files.geometry, mask=mask)


def test_the_same_phase_has_the_same_deviation(shared_data: Path) -> None:
    folder = shared_data.parent / "cases" / "truth" / "single_echo_noise"
    if not folder.is_dir():
        pytest.skip("no case truth/single_echo_noise beside the real scans")

    measured = field_of(folder, "mag_air_as_measured.nii.gz")
    cleaned = field_of(folder, "mag_air_cleaned.nii.gz")

    inside = measured.mask & cleaned.mask
    ratio = np.median(cleaned.fit.sd_ppm[inside]) / np.median(measured.fit.sd_ppm[inside])
    assert ratio == pytest.approx(1, abs=0.35)  # texture raises the figure of the object
    assert any("noise measured within the object" in notice for notice in cleaned.notices)

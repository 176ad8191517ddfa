"""A voxel that a chain makes no number of leaves as 0, and is told wherever the image is seen."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from answers_in_process import Answer, answer_in_process, connection
from chains import CONFIG
from dicom_scans import GRIDS, scan_of
from mutated_images import small_images
from narrowing import given
from streamrecon_simulator.phantoms.phantom import HEAD
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.images import meta_keys

CHAINS = sorted({path.stem for path in CONFIG.glob("*.xml")} - {"default_measurement_dependencies"})
SCENE = Scene(
    "a small head", phantom=HEAD, matrix=(6, 12, 14), voxel_mm=(24.0, 17.0, 13.0), n_coils=2,
    te_s=(0.005, 0.011), noise_lines=4, noise_samples=32,
)  # fmt: skip
TOLD = re.compile(r"WRN (.+): 3 of \d+ voxels were no finite numbers, and are 0")


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three voxels of every image are no numbers as it is made: NaN and both infinities."""
    check = Volume.__post_init__

    def spoilt(volume: Volume) -> None:
        if volume.values.dtype.kind in "fc" and not volume.n_undefined:
            values = volume.values.copy()
            values[1, 2, 3:6] = np.nan, np.inf, -np.inf
            object.__setattr__(volume, "values", values)
        check(volume)

    monkeypatch.setattr(Volume, "__post_init__", spoilt)


def answer(chain: str, storage: Path) -> Answer:
    """Of a small scan, or of images where the chain takes those."""
    scan = small_images() if chain.endswith("_images") else simulate(SCENE).messages()
    return answer_in_process(connection(chain, *scan), storage=storage)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of arithmetic with what was planted
@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("chain", CHAINS)
def test_no_chain_lets_out_what_is_no_number_and_each_image_says_so(
    chain: str, tmp_path: Path
) -> None:
    (tmp_path / "destinations.toml").write_text(
        '[[destination]]\nname = "archive"\nhost = "127.0.0.1"\nport = 1\n'
    )

    heard = answer(chain, tmp_path)

    assert heard.error is None, heard.error
    passed_by = len(small_images()) - 1 if chain.endswith("_images") else 0
    made = heard.images[passed_by:]
    assert made
    for image in made:
        assert np.isfinite(image.data).all()
        assert "3 of" in " ".join(image.meta[meta_keys.COMMENTS])
    matches = [given(TOLD.fullmatch(text)) for text in heard.texts if "3 of" in text]
    told = {match[1].partition(" of ")[0] for match in matches}
    assert told >= {image.meta[meta_keys.QUANTITY][0] for image in made}
    for path in (tmp_path / "spool").rglob("*.dcm"):
        assert "no finite numbers" in pydicom.dcmread(path).ImageComments


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_a_volume_of_numbers_is_not_copied_and_one_with_gaps_leaves_its_source_alone(
    dtype: type,
) -> None:
    scan = scan_of(GRIDS["axial"])
    whole: np.ndarray = np.full(scan.geometry.shape, 3e38, dtype)  # whose sum is beyond the type
    gaps = whole.copy()
    gaps[0, 0, :2] = np.nan, np.inf

    kept = Volume(whole, scan.geometry, Quantity.MAGNITUDE, scan, echo=0)
    filled = Volume(gaps, scan.geometry, Quantity.MAGNITUDE, scan, echo=0)

    assert kept.values is whole
    assert (kept.n_undefined, kept.comments) == (0, ())
    assert filled.n_undefined == 2
    assert filled.values.dtype == dtype
    assert np.array_equal(filled.values.ravel()[:3], np.array([0, 0, 3e38], dtype))
    assert not np.isfinite(gaps[0, 0, :2]).any()

"""Readings of a chain have the pictures that those of the commands have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from chain_items import GRID, Item, items, read
from made_maps import chi_map, total_field_of
from narrowing import as_a
from PIL import Image
from streamrecon_gadgets.maps.readings import MakeReadings

from streamrecon.analysis.separation import joint_sources
from streamrecon.model.images import Echoes, volume_of
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.nifti import write_nifti
from streamrecon.output.preview.colours import Window
from streamrecon.output.readings.drawings.figures import numbered_planes, outlined_planes
from streamrecon.qsm.field_maps import ChiMap
from streamrecon.units import hz_per_ppm

SIDE, GAP = 120, 4


def shown() -> list[Item]:
    """The volume with the phase of its local field, magnitudes of 1, and R2*."""
    echoes, chi, veins = items()
    echoes, chi = as_a(Echoes, echoes), as_a(ChiMap, chi)
    field, scan = chi.found.total.fit.field_ppm, chi.scan
    turns = hz_per_ppm(scan.b0_t) * field * scan.echoes.te_s[-1]
    data = (np.abs(echoes.data) * np.exp(2j * np.pi * turns)).astype(np.complex64)
    total = total_field_of(
        chi.mask, field_ppm=field, sd_ppm=chi.found.total.fit.sd_ppm, magnitude=np.ones(GRID.shape)
    )
    random = np.random.default_rng(5)
    rate = random.uniform(15, 30, GRID.shape).astype(np.float32)
    decay = volume_of(scan, Quantity.R2_STAR, rate, 0)
    return [Echoes(data, scan), chi_map(chi.chi_ppm, total, scan), veins, decay]


def pictures_of(folder: Path, kind: str) -> dict[str, np.ndarray]:
    made = folder / "readings/scan_run-1_readings"
    return {
        path.stem.removeprefix(f"{kind}_"): np.asarray(Image.open(path)).astype(int)
        for path in made.glob(f"{kind}_*.png")
    }


def test_a_lesion_is_shown_in_swi_susceptibility_and_phase_in_three_planes(tmp_path: Path) -> None:
    read(MakeReadings(readings=("lesions",)), shown(), storage=tmp_path)

    thumbnails = pictures_of(tmp_path, "lesions")["thumbnails"]
    assert thumbnails.shape[1] == 9 * SIDE + 8 * GAP
    tiles = [thumbnails[20:, n * (SIDE + GAP) :][:SIDE, :SIDE] for n in range(9)]
    # a bleed: its field is positive along B0, where the image is black, and it turns the phase
    swi, chi, phase = tiles[0], tiles[4], tiles[6]
    assert min(swi.min(), chi.min()) < 30 < 200 < max(swi.max(), chi.max())
    assert np.ptp(phase[..., 0] - phase[..., 2]) > 100  # colours of both signs
    page = (tmp_path / "readings/scan_run-1_readings/analysis.html").read_text()
    assert "SWI, χ, phase of the last echo" in page


def test_a_rim_is_shown_in_swi_susceptibility_and_local_field(tmp_path: Path) -> None:
    mask = np.zeros(GRID.shape, np.uint8)
    mask[10:19, 14:24, 13:23] = 1
    write_nifti(tmp_path / "labels" / "ms.nii.gz", mask, GRID)

    read(MakeReadings(readings=("rims",), lesion_mask="ms.nii.gz"), shown(), storage=tmp_path)

    pictures = pictures_of(tmp_path, "rims")
    assert set(pictures) == {"overlay", "thumbnails"}
    assert pictures["thumbnails"].shape[1] >= 9 * SIDE
    page = (tmp_path / "readings/scan_run-1_readings/analysis.html").read_text()
    assert "SWI, χ, local field" in page


def test_sources_have_their_maps_quadrants_and_joint_histogram(tmp_path: Path) -> None:
    r2 = np.random.default_rng(1).uniform(8, 14, GRID.shape).astype(np.float32)
    write_nifti(tmp_path / "labels" / "r2.nii.gz", r2, GRID)

    read(MakeReadings(readings=("sources",), r2="r2.nii.gz"), shown(), storage=tmp_path)

    pictures = pictures_of(tmp_path, "sources")
    assert set(pictures) == {"positive", "negative", "coherence", "quadrants", "histogram"}
    colours = {tuple(each) for each in pictures["quadrants"].reshape(-1, 3).tolist()}
    assert len(colours) == 5  # four quadrants, and black outside


def test_without_r2_there_are_no_quadrants(tmp_path: Path) -> None:
    read(MakeReadings(readings=("sources",)), shown(), storage=tmp_path)

    assert "quadrants" not in pictures_of(tmp_path, "sources")


def test_a_number_has_its_colour_where_its_voxels_are_drawn() -> None:
    numbers = np.random.default_rng(0).integers(0, 3, GRID.shape).astype(np.uint8)
    colours = [(200, 10, 20), (30, 40, 250)]

    drawn = np.asarray(numbered_planes(numbers, GRID, colours, side=600))

    for number, colour in enumerate(colours, start=1):
        white = np.asarray(outlined_planes(numbers == number, GRID, Window(0, 1), side=600)) == 255
        inside = white.all(axis=-1)  # grown smoothly: white in the middle of a voxel alone
        assert inside.any()
        assert (drawn[inside] == colour).all()


def test_a_joint_fit_without_time_leaves_a_partial_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = iter(np.arange(100) * 3600.0)
    monkeypatch.setattr(joint_sources, "monotonic", lambda: float(next(hours)))

    gadget = MakeReadings(readings=("sources",), joint_sources=True)
    (told,) = read(gadget, shown(), storage=tmp_path)

    assert "partial, voxel by voxel alone: joint fit: too little time" in told.text
    names = (tmp_path / "readings/scan_run-1_readings/analysis.json").read_text()
    assert '"chi_positive"' in names
    assert "joint_chi_positive" not in names

"""Clients as consoles have them receive all images of a chain, and read them as they were meant."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from console_trial import CLIENTS, SCENES, as_floats, judged, scan_of, through_client
from mrd_clients import ClientDied, Heard, Received, fire_client, store
from narrowing import as_a
from streamrecon_simulator.scene import Scene

from streamrecon.client import Server
from streamrecon.model.images import Volume
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.mrd.wire.messages import Image, Message

HEAD, SLICES = SCENES["3-D, 3 echoes"], SCENES["2-D, 3 echoes"]


@cache
def made(chain: str, scene: Scene) -> tuple[list[Message], list[Volume]]:
    """A scene's scan, and all that a chain makes of it."""
    scan = scan_of(scene)
    return scan, as_floats(chain, scan)


@pytest.fixture(scope="module")
def address(server: Server) -> tuple[str, int]:
    return server.host, server.port


@pytest.mark.parametrize("client", CLIENTS)
def test_the_full_chain_reaches_every_client_whole(address: tuple[str, int], client: str) -> None:
    scan, volumes = made("gre_full", HEAD)

    heard = through_client(client, address, "gre_full", scan)
    trial = judged(heard, volumes, HEAD, scan)

    assert trial.is_right, trial
    assert trial.n_series == len({volume.quantity for volume in volumes}) >= 15
    told = [text for text in heard.texts if "beyond" in text]
    assert bool(told) == bool(trial.n_clipped), told


@pytest.mark.parametrize("client", CLIENTS)
def test_slices_have_their_own_places_and_times(address: tuple[str, int], client: str) -> None:
    scan, volumes = made("gre_recon", SLICES)

    heard = through_client(client, address, "gre_recon", scan)
    trial = judged(heard, volumes, SLICES, scan)

    assert trial.is_right, trial
    assert len({image.header.acquisition_time_stamp for image in heard.images}) > 3


@pytest.mark.parametrize(
    ("client", "options"),
    [
        ("fire", {"bits": 16}),
        ("fire", {"signed": True}),
        ("openrecon", {"bits": "16", "signed": "true"}),
        ("gadgetron", {"bits": 12}),
        ("gadgetron", {"signed": "true"}),
        ("fire", {"first_series": 1000}),
    ],
    ids=str,
)
def test_every_depth_is_read_as_it_was_meant(
    address: tuple[str, int], client: str, options: dict[str, object]
) -> None:
    scan, volumes = made("gre_recon", HEAD)

    heard = through_client(client, address, "gre_recon", scan, **options)
    trial = judged(heard, volumes, HEAD, scan)

    assert trial.is_right, trial
    first = as_a(int, options.get("first_series", 200))
    assert {image.header.image_series_index for image in heard.images} == {first + 1, first + 2}


def test_one_series_and_chosen_outputs(address: tuple[str, int]) -> None:
    scan, _ = made("gre_recon", HEAD)
    parameters = {"console": "openrecon", "grouping": "one", "outputs": "Mag"}

    heard = fire_client(address, scan, config="gre_recon", parameters=parameters)

    found = [(i.header.image_series_index, i.header.image_index) for i in heard.images]
    assert found == [(200, k + 1) for k in range(3 * HEAD.matrix[0])]


def test_previews_are_slices_of_integers_in_series_of_their_own(address: tuple[str, int]) -> None:
    scan, volumes = made("gre_preview", HEAD)

    heard = through_client("fire", address, "gre_preview", scan)
    trial = judged(heard, volumes, HEAD, scan)

    previews = {
        i.text("STREAMRECON_Quantity")
        for i in heard.images
        if "preview" in i.text("STREAMRECON_Quantity")
    }
    assert trial.is_right, trial
    assert "magnitude_preview" in previews


def test_the_scanners_own_images_keep_their_series(address: tuple[str, int]) -> None:
    """Magnitude and phase of a scanner in series that ours would have, of another type."""
    (header, *_), volumes = made("gre_recon", HEAD)
    own = [
        _as_scanners(volume, series)
        for series, volume in zip((201, 202, 208, 201, 202, 208), volumes, strict=True)
    ]

    heard = fire_client(
        address, [header, *own], config="gre_qsm_images", parameters={"console": "fire"}
    )

    numbers = [image.header.image_series_index for image in heard.images[: len(own)]]
    chi = {
        image.header.image_series_index
        for image in heard.images
        if image.text("STREAMRECON_Quantity") == "chi"
    }
    assert sorted(set(numbers)) == [201, 202, 208]
    assert chi == {308}
    assert any("series 208 is the scanner's own" in text for text in heard.texts)


def _as_scanners(volume: Volume, series: int) -> Image:
    """A volume as floats, as the simulator's scanner has it."""
    header = np.zeros(1, IMAGE)[0]
    grid, (nz, ny, nx) = volume.geometry, volume.geometry.shape
    header["data_type"], header["channels"] = 5, 1
    header["matrix_size"] = (nx, ny, nz)
    header["field_of_view"] = np.multiply(grid.voxel_mm, grid.shape)[::-1]
    header["position"] = grid.centre_lps_mm
    header["slice_dir"], header["phase_dir"], header["read_dir"] = grid.axes_lps
    header["contrast"] = volume.echo
    header["image_type"] = volume.quantity.row.image_type
    header["image_series_index"] = series
    return Image(header, np.asarray(volume.values, np.float32)[None], {})


def test_without_a_console_a_host_makes_no_file_of_a_volume(address: tuple[str, int]) -> None:
    """The harness sees what was wrong before."""
    scan, volumes = made("gre_recon", HEAD)

    heard: Heard = fire_client(address, scan, config="gre_recon")
    trial = judged(heard, volumes, HEAD, scan)

    assert not trial.is_right
    assert "magnitude: no host makes a file of it" in trial.faults


def test_a_client_that_keeps_series_as_arrays_dies_of_two_forms_in_one() -> None:
    header = type("Header", (), {"image_series_index": 8})()
    series: dict[int, tuple[object, ...]] = {}
    store(series, Received(header, {}, np.zeros((1, 1, 4, 4), np.uint16)))

    with pytest.raises(ClientDied, match="series 8"):
        store(series, Received(header, {}, np.zeros((1, 1, 4, 5), np.uint16)))

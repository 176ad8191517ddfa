"""Volumes as images and back: numbers, place, and what a foreign server's images say."""

from __future__ import annotations

import dataclasses
import io
from dataclasses import replace
from typing import Any

import ismrmrd
import numpy as np
import pytest
from test_placement import OBLIQUE, headers, slice_protocol, volume_protocol

import streamrecon
from streamrecon.errors import DataError, HeaderError
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import Scan
from streamrecon.mrd.header.placement import NO_DIRECTIONS, NO_POSITIONS, place
from streamrecon.mrd.images.images_from_volume import images_of
from streamrecon.mrd.images.volumes_from_images import stacks_of
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.mrd.wire.messages import Image, Meta
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.mrd.wire.writer import encode


def slab_scan(hand: int = -1) -> Scan:
    normal = hand * OBLIQUE[2]
    return place(volume_protocol(), headers([(10, -20, 35)], OBLIQUE[0], OBLIQUE[1], normal)).scan


def slice_scan(n: int, way: int = -1) -> Scan:
    positions = np.array([5, -7, 11]) + way * 4.2 * np.arange(n)[:, None] * OBLIQUE[2]
    return place(slice_protocol(n), headers(positions, *OBLIQUE)).scan


def volume_of(
    scan: Scan, quantity: Quantity = Quantity.MAGNITUDE, *, echo: int | None = 1, **more: Any
) -> Volume:
    rng = np.random.default_rng(0)
    values = rng.standard_normal(scan.geometry.shape).astype(np.float32)
    if quantity is Quantity.COMPLEX:
        values = (values + 1j).astype(np.complex64)
    return Volume(values, scan.geometry, quantity, scan, echo=echo, **more)


def over_the_wire(images: list[Image]) -> list[Image]:
    data = b"".join(bytes(piece) for image in images for piece in encode(image))
    return [message for message in MrdParser().receive(data) if isinstance(message, Image)]


@pytest.mark.parametrize("quantity", [Quantity.MAGNITUDE, Quantity.COMPLEX, Quantity.CHI])
@pytest.mark.parametrize(
    "scan", [slab_scan(1), slab_scan(-1), slice_scan(1), slice_scan(4, 1), slice_scan(5, -1)],
    ids=["slab", "left-handed slab", "slice", "slices", "left-handed slices"],
)  # fmt: skip
def test_a_volume_comes_back_with_its_numbers_and_its_place(scan: Scan, quantity: Quantity) -> None:
    volume = volume_of(scan, quantity, repetition=3, comments=("phase sign assumed",))

    (stack,) = stacks_of(over_the_wire(images_of(volume, series=4)))

    assert stack.values.dtype == volume.values.dtype
    assert np.array_equal(stack.values, volume.values)
    assert stack.geometry.same_as(scan.geometry)
    assert stack.label == quantity.label
    assert stack.unit == quantity.unit
    assert (stack.series, stack.echo, stack.repetition) == (4, 1, 3)
    assert stack.te_s == pytest.approx(0.009)
    assert stack.thickness_mm == pytest.approx(scan.slice_thickness_mm)
    assert stack.comments == ("phase sign assumed",)


def test_a_slab_is_one_image_and_slices_are_one_each_at_their_positions() -> None:
    timed = dataclasses.replace(slab_scan(), measurement_uid=7, time_stamps=(99,))
    stamped = dataclasses.replace(slice_scan(4, 1), time_stamps=(50, 70, 60, 80))
    slab, slices = volume_of(timed), volume_of(stamped)

    (one,) = images_of(slab, series=1)
    four = images_of(slices, series=1, image_index=10)

    assert one.header["matrix_size"].tolist() == [31, 44, 7]
    assert one.header["field_of_view"] == pytest.approx([31 * 0.8, 44 * 1.5, 7 * 2.0])
    assert one.header["position"] == pytest.approx([10, -20, 35])
    assert (one.header["measurement_uid"], one.header["acquisition_time_stamp"]) == (7, 99)
    assert [int(image.header["slice"]) for image in four] == [0, 1, 2, 3]
    assert [int(i.header["acquisition_time_stamp"]) for i in four] == [50, 70, 60, 80]
    assert [int(image.header["image_index"]) for image in four] == [10, 11, 12, 13]
    assert four[3].header["position"] == pytest.approx(np.array([5, -7, 11]) + 12.6 * OBLIQUE[2])
    assert four[0].header["field_of_view"][2] == 3  # the thickness, not the distance of 4.2
    assert np.array_equal(four[2].data[0, 0], slices.values[2])


@pytest.mark.parametrize(
    ("quantity", "number"),
    [(Quantity.MAGNITUDE, 1), (Quantity.PHASE, 2), (Quantity.COMPLEX, 5), (Quantity.CHI, 3)],
)
def test_the_image_type_is_the_wires(quantity: Quantity, number: int) -> None:
    (image,) = images_of(volume_of(slab_scan(), quantity), series=1)

    assert image.header["image_type"] == number


def test_the_meta_speaks_all_three_vocabularies() -> None:
    (image,) = images_of(
        volume_of(slab_scan(), Quantity.PHASE, comments=("one",)), series=1, history=("SENSE",)
    )
    meta = image.meta

    assert meta["DataRole"] == meta["GADGETRON_DataRole"] == ("Image",)
    assert meta["ImageProcessingHistory"] == ("streamrecon", "SENSE")
    assert meta["GADGETRON_ImageProcessingHistory"] == ("streamrecon", "SENSE")
    assert meta["SeriesDescription"] == meta["GADGETRON_SeqDescription"] == ("gre µ_phase",)
    assert meta["ImageComments"] == ("phase, one",)
    assert meta["GADGETRON_ImageComment"] == ("phase", "one")
    assert meta["EchoTime"] == meta["GADGETRON_TE"] == ("9",)  # ms
    assert meta["STREAMRECON_EchoTime_s"] == ("0.009",)
    assert meta["Keep_image_geometry"] == ("1",)
    assert [len(cosine.split(".")[1]) for cosine in meta["ImageRowDir"]] == [18, 18, 18]
    assert [float(c) for c in meta["ImageRowDir"]] == pytest.approx(OBLIQUE[0], abs=1e-6)
    assert [float(c) for c in meta["ImageColumnDir"]] == pytest.approx(OBLIQUE[1], abs=1e-6)
    assert [float(c) for c in meta["ImageSliceNormDir"]] == pytest.approx(-OBLIQUE[2], abs=1e-6)
    assert meta["STREAMRECON_Quantity"] == ("phase",)
    assert meta["STREAMRECON_Unit"] == ("rad",)
    assert meta["STREAMRECON_PhaseSign"] == ("+1 (assumed)",)
    assert meta["STREAMRECON_Version"] == (streamrecon.__version__,)
    assert (meta["WindowCenter"], meta["WindowWidth"]) == (("0",), ("6",))
    assert float(meta["GADGETRON_WindowWidth"][0]) == pytest.approx(2 * np.pi, rel=1e-5)
    assert "RescaleSlope" not in meta


def test_a_map_is_quantitative_and_has_no_echo_time() -> None:
    (image,) = images_of(volume_of(slab_scan(), Quantity.CHI, echo=None), series=1)

    assert image.meta["DataRole"] == ("Quantitative",)
    assert image.meta["STREAMRECON_Unit"] == ("ppm",)
    assert not {"EchoTime", "GADGETRON_TE", "STREAMRECON_EchoTime_s"} & set(image.meta)


def test_no_meta_value_is_empty() -> None:
    (image,) = images_of(volume_of(slab_scan()), series=1)

    assert all(value for values in image.meta.values() for value in values)


def test_ismrmrd_reads_the_place() -> None:
    (ours,) = images_of(volume_of(slab_scan()), series=1)
    source = io.BytesIO(b"".join(bytes(piece) for piece in encode(ours))[2:])

    theirs = ismrmrd.Image.deserialize_from(source.read)

    assert list(theirs.position) == pytest.approx([10, -20, 35])
    assert list(theirs.read_dir) == pytest.approx(OBLIQUE[0].tolist())
    assert theirs.matrix_size == (31, 44, 7)


def foreign(
    n: int = 3, kind: int = 1, *, meta: Meta | None = None, **fields: object
) -> list[Image]:
    """Slices as another server may send them: no meta of ours."""
    images = []
    for k in range(n):
        header = np.zeros(1, IMAGE)[0]
        header["channels"], header["matrix_size"], header["field_of_view"] = (
            1,
            (4, 5, 1),
            (8, 15, 2),
        )
        header["read_dir"], header["phase_dir"], header["slice_dir"] = np.eye(3)
        header["position"] = (0, 0, 2.5 * k)
        header["slice"], header["image_type"], header["image_series_index"] = k, kind, 1
        for name, value in fields.items():
            header[name] = value
        pixels = np.full((1, 1, 5, 4), 10 * k, np.uint16)
        images.append(Image(header, pixels, meta or {}))
    return images


def test_another_servers_slices_are_put_together() -> None:
    meta: Meta = {"GADGETRON_TE": ("12.5",), "RescaleSlope": ("2",), "RescaleIntercept": ("-1",)}

    (stack,) = stacks_of(foreign(meta=meta, contrast=2)[::-1])

    assert stack.values[:, 0, 0].tolist() == [-1, 19, 39]
    assert stack.geometry.voxel_mm == (2.5, 3, 2)
    assert stack.geometry.centre_lps_mm == (0, 0, 2.5)
    assert (stack.label, stack.unit, stack.echo) == ("magnitude", "", 2)
    assert stack.te_s == pytest.approx(0.0125)


@pytest.mark.parametrize(
    ("kind", "label"),
    [(0, "magnitude"), (1, "magnitude"), (2, "phase"), (3, "real"), (4, "imaginary"), (6, "rgb")],
)
def test_the_type_names_what_another_server_sends(kind: int, label: str) -> None:
    (stack,) = stacks_of(foreign(kind=kind))

    assert stack.label == label


def test_series_types_contrasts_and_repetitions_are_volumes_of_their_own() -> None:
    images = [
        *foreign(), *foreign(kind=2), *foreign(contrast=1), *foreign(repetition=1),
        *foreign(image_series_index=2), *foreign(),
    ]  # fmt: skip

    stacks = stacks_of(images)

    assert [len(stack.values) for stack in stacks] == [3] * 6


def test_several_channels_are_volumes_of_their_own() -> None:
    rng = np.random.default_rng(0)
    images = [
        dataclasses.replace(image, data=rng.standard_normal((2, 1, 5, 4)).astype(np.float32))
        for image in foreign()
    ]

    stacks = stacks_of(images)

    assert [stack.channel for stack in stacks] == [0, 1]
    assert np.array_equal(stacks[1].values[2], images[2].data[1, 0])


def test_slabs_are_volumes_of_their_own() -> None:
    images = foreign(2, matrix_size=(4, 5, 3))
    images = [
        dataclasses.replace(image, data=np.zeros((1, 3, 5, 4), np.uint16)) for image in images
    ]

    assert [stack.values.shape for stack in stacks_of(images)] == [(3, 5, 4), (3, 5, 4)]


def test_the_metas_directions_win_over_the_headers() -> None:
    meta: Meta = {"ImageRowDir": ("0", "1", "0"), "ImageColumnDir": ("1", "0", "0")}

    (stack,) = stacks_of(foreign(meta=meta))

    assert stack.geometry.axes_lps.tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_images_without_directions_or_positions_are_placed_and_told() -> None:
    nowhere: dict[str, Any] = {"read_dir": 0, "phase_dir": 0, "slice_dir": 0, "position": 0}

    (stack,) = stacks_of(foreign(**nowhere))

    assert stack.comments == (NO_DIRECTIONS, NO_POSITIONS)
    assert stack.geometry.voxel_mm[0] == 2


def test_a_missing_slice_is_named() -> None:
    images = foreign(5)

    with pytest.raises(DataError, match=r"slices \[2\] of 5 are missing"):
        stacks_of([*images[:2], *images[3:]])


def test_a_meta_that_is_no_number_is_refused() -> None:
    with pytest.raises(HeaderError, match=r"GADGETRON_TE: found \('soon',\)"):
        stacks_of(foreign(meta={"GADGETRON_TE": ("soon",)}))


def test_an_echo_time_that_was_float32_is_told_as_it_was_meant() -> None:
    scan = slab_scan()
    echoes = replace(scan.protocol.echoes, te_s=(0.0103000002,), readout_polarity=())
    noisy = replace(scan, protocol=replace(scan.protocol, echoes=echoes))

    (image,) = images_of(replace(volume_of(noisy, Quantity.PHASE), echo=0), series=1)

    assert image.meta["EchoTime"] == image.meta["GADGETRON_TE"] == ("10.3",)
    assert image.meta["STREAMRECON_EchoTime_s"] == ("0.0103",)

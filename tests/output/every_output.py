"""One volume of every quantity, and what wire, DICOM and file names make of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from dicom_scans import GRIDS, IDS, scan_of
from narrowing import as_a
from streamrecon_gadgets.exchange.integer_ppb import IntegerPpb

from streamrecon.dicom.objects.series import DicomScan, Images, Run
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.images.image_series import ImageSeries
from streamrecon.mrd.images.volumes_from_images import Stack, stacks_of
from streamrecon.output.integer_images import as_integers
from streamrecon.output.names import stems

SCAN = scan_of(GRIDS["oblique"])
OF_ONE_ECHO = {"magnitude", "phase", "real", "imaginary", "complex"}
WITHOUT_DICOM = {"real", "imaginary", "complex"}


def volume_of(quantity: Quantity) -> Volume:
    """A ramp of 0…1 in the quantity's unit; images of an echo are of the second."""
    ramp = np.linspace(0, 1, np.prod(SCAN.geometry.shape)).reshape(SCAN.geometry.shape)
    values: np.ndarray = ramp * (1 - 0.5j) if quantity is Quantity.COMPLEX else ramp
    dtype = np.complex64 if quantity is Quantity.COMPLEX else np.float32
    echo = 1 if quantity.label in OF_ONE_ECHO else None
    return Volume(as_a(np.ndarray, values.astype(dtype)), SCAN.geometry, quantity, SCAN, echo=echo)


def in_thousandths(volume: Volume) -> Volume:
    """The same as integers, as a console takes it that shows nothing else."""
    whole = np.rint(volume.values.real * 1e3).astype(np.int16)
    return Volume(
        whole, volume.geometry, volume.quantity, SCAN, echo=volume.echo, rescale=(1e-3, 0.0)
    )


def over_the_wire(volume: Volume) -> tuple[Any, Stack]:
    """Its only image, and the volume that a receiver makes of that."""
    images = ImageSeries().images(volume)
    (stack,) = stacks_of(images)
    return images[0], stack


def dicom_of(volume: Volume) -> Images:
    """The volume as DICOM."""
    return DicomScan(IDS, Run("run")).images(volume)


def facts_of(quantity: Quantity) -> dict[str, Any]:
    """The numbers and words of an output that others may have written down."""
    volume = volume_of(quantity)
    image, stack = over_the_wire(volume)
    whole, _ = over_the_wire(in_thousandths(volume))
    facts: dict[str, Any] = {
        "series": int(image.header["image_series_index"]),
        "image_type": int(image.header["image_type"]),
        "role": image.meta["GADGETRON_DataRole"][0],
        "unit": image.meta.get("STREAMRECON_Unit", ("",))[0],
        "window": _window(image.meta),
        "unit_of_integers": whole.meta.get("STREAMRECON_Unit", ("",))[0],
        "window_of_integers": _window(whole.meta),
        "file": stems([stack], "p")[0],
        "integer_step": float(as_integers(np.zeros(1), quantity, np.int32).slope),
        "whole_ppb": any(
            isinstance(each, Volume) and each.rescale for each in IntegerPpb().feed(volume)
        ),
    }
    if quantity.label not in WITHOUT_DICOM:
        facts["dicom"] = _dicom_facts(dicom_of(volume))
    return facts


def _is_in_whole_ppb(volume: Volume) -> bool:
    return any(isinstance(each, Volume) and each.rescale for each in IntegerPpb().feed(volume))


def _window(meta: dict[str, tuple[str, ...]]) -> list[str]:
    names = [name for name in meta if "Window" in name]
    return [f"{name}={meta[name][0]}" for name in sorted(names)]


def _dicom_facts(images: Images) -> list[Any]:
    first = images.datasets[0]
    facts = [
        int(first.SeriesNumber), str(first.SeriesDescription), "/".join(first.ImageType),
        images.priority, int(first.PixelRepresentation),
        float(first.WindowCenter), float(first.WindowWidth), str(first.get("RescaleSlope", "")),
    ]  # fmt: skip
    facts += map(_code, first.get("DerivationCodeSequence", ()))
    for item in first.get("RealWorldValueMappingSequence", ()):
        facts += [item.RealWorldValueSlope, _code(item.MeasurementUnitsCodeSequence[0])]
        defined = item.get("QuantityDefinitionSequence", ())
        facts += [_code(definition.ConceptCodeSequence[0]) for definition in defined]
    return facts


def _code(item: Any) -> str:
    return f"{item.CodeValue} {item.CodingSchemeDesignator} {item.CodeMeaning}"

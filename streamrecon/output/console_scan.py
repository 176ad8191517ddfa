"""The images of one scan as a console takes them: slices of integers, in series of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from streamrecon.dicom.objects.asked_outputs import is_asked_for
from streamrecon.model.images import Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.images.images_from_volume import images_of, unit_on_wire
from streamrecon.mrd.wire.messages import Image
from streamrecon.output.console_integers import (
    ConsoleIntegers,
    Depth,
    arbitrary_scale,
    console_integers,
    step_of,
)
from streamrecon.output.console_meta import Console, Place, console_meta, image_type_of, name_of
from streamrecon.output.console_series import ConsoleSeries


@dataclass(frozen=True, slots=True)
class ConsoleForm:
    """What is asked for.

    Parameters
    ----------
    console
        Who shows the images.
    depth
        Its integers.
    as_scanners
        Whether every image is called magnitude or phase, as scanners' own are.
    outputs
        Kinds of image, with commas; empty: all.
    """

    console: Console
    depth: Depth
    as_scanners: bool = True
    outputs: str = ""


class ConsoleScan:
    """Turns the volumes of one scan into a console's images.

    Arbitrary units have one scale for each kind of image, which its first volume decides, so that
    echoes and repetitions keep their ratios. Complex images have no such form and are refused with
    a notice.

    Parameters
    ----------
    form
        What is asked for.
    series
        Numbers of the series; the scanner's own are `reserved` before.
    """

    def __init__(self, form: ConsoleForm, series: ConsoleSeries) -> None:
        self._form = form
        self._series = series
        self._scales: dict[Quantity, float] = {}
        self._noted: set[str] = set()

    def seen(self, image: Image) -> None:
        """Keep clear of the series of an image that passes."""
        self._series.reserve(int(image.header["image_series_index"]))

    def images(self, volume: Volume) -> Iterator[Image | Notice]:
        """The images of a volume, and what a person must know of them."""
        quantity = volume.quantity
        if not is_asked_for(name_of(quantity), self._form.outputs):
            return
        if quantity is Quantity.COMPLEX:
            yield from self._once("complex: no console shows complex images; not sent")
            return
        integers = console_integers(volume, self._form.depth, self._scale(volume))
        yield from self._doubts(integers)
        series = self._series.number(quantity, volume.geometry.shape[1:])
        if self._series.is_of_scanner(wanted := self._series.wanted(quantity)):
            taken = f"series {wanted} is the scanner's own: {quantity.label} is series {series}"
            yield from self._once(taken)
        n_images = volume.geometry.shape[0]
        index = self._series.next_index(series, n_images)
        sliced = images_of(integers.volume, series=series, image_index=index, as_slices=True)
        for number, image in enumerate(sliced):
            yield self._named(image, integers, Place(number, n_images, series))

    def _scale(self, volume: Volume) -> float | None:
        """Integers per unit where the unit is arbitrary."""
        depth, quantity = self._form.depth, volume.quantity
        if step_of(volume, depth) is None and quantity not in self._scales:
            self._scales[quantity] = arbitrary_scale(volume, depth)
        return self._scales.get(quantity)

    def _named(self, image: Image, integers: ConsoleIntegers, place: Place) -> Image:
        as_scanners = self._form.as_scanners
        image.header["image_type"] = image_type_of(
            integers.volume.quantity, as_scanners=as_scanners
        )
        words = console_meta(self._form.console, integers, place, as_scanners=as_scanners)
        return replace(image, meta=image.meta | words)

    def _doubts(self, integers: ConsoleIntegers) -> Iterator[Notice]:
        volume = integers.volume
        label, unit = volume.quantity.label, unit_on_wire(volume)[0]
        if integers.n_beyond:
            low, high = (_shown(volume, limit) for limit in self._form.depth.limits)
            yield Notice(
                Level.WARNING,
                f"{label}: {integers.n_beyond} of {volume.values.size} voxels beyond"
                f" {low:.6g} … {high:.6g} {unit}".rstrip()
                + ", clipped",
            )
        if volume.n_undefined:  # what comes behind a chain for it sees volumes alone
            text = f"{label}: {volume.n_undefined} voxels were no finite numbers, and are 0"
            yield Notice(Level.WARNING, text)

    def _once(self, text: str) -> Iterator[Notice]:
        if text not in self._noted:
            self._noted.add(text)
            yield Notice(Level.WARNING, text)


def _shown(volume: Volume, pixel: int) -> float:
    slope, intercept = volume.rescale or (1.0, 0.0)
    return (slope * pixel + intercept) * unit_on_wire(volume)[1]

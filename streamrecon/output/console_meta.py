"""The words with which consoles name an image's kind, place in its series, and numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.images import meta_keys as names
from streamrecon.mrd.images.images_from_volume import unit_on_wire
from streamrecon.mrd.wire.messages import Meta
from streamrecon.output.console_integers import Bits, ConsoleIntegers

MAGNITUDE_IMAGE, PHASE_IMAGE = 1, 2
"""Image types of the wire from which a host makes M and P, the third value of DICOM's."""


class Console(Enum):
    """Who shows the images, and how many bits it shows."""

    FIRE = "fire"
    GADGETRON = "gadgetron"
    OPENRECON = "openrecon"

    @property
    def bits(self) -> Bits:
        """What it shows where nothing else is asked for: a scanner's own images have 12."""
        return 16 if self is Console.GADGETRON else 12


@dataclass(frozen=True, slots=True)
class Place:
    """Which image of which series: number and count of the volume's images, and the series."""

    number: int
    n_images: int
    series: int


def image_type_of(quantity: Quantity, *, as_scanners: bool) -> int:
    """Of the wire: magnitude or phase, as scanners have nothing else; or what it is."""
    if not as_scanners:
        return quantity.row.image_type
    return PHASE_IMAGE if quantity is Quantity.PHASE else MAGNITUDE_IMAGE


def console_meta(
    console: Console, integers: ConsoleIntegers, place: Place, *, as_scanners: bool
) -> Meta:
    """What stands in the meta for a console beside that of `images_of`.

    FIRE's host appends description and image type to its own, from the fourth value on. OpenRecon
    has them whole, with the counters by which it stores a series.

    Parameters
    ----------
    console
        Who shows it.
    integers
        The volume.
    place
        Which image of it.
    as_scanners
        Whether the third value of the image type is M or P.
    """
    volume = integers.volume
    description = name_of(volume.quantity)
    protocol = volume.scan.protocol.ids.protocol
    comments = (volume.quantity.label, formula(integers), *volume.comments)
    meta: Meta = {
        names.SERIES: (f"{protocol}_{description}" if protocol else description,),
        names.FIRE_SERIES: (description,),
        names.COMMENT: comments,
        names.FIRE_COMMENT: (", ".join(comments),),
        names.ICE_COMMENT: comments,
        **_scale(integers),
    }
    if console is Console.FIRE:
        meta[names.IMAGE_TYPE] = dicom_image_type(volume.quantity, as_scanners=as_scanners)[3:]
    if console is Console.OPENRECON:
        meta |= _openrecon(volume, description, place, as_scanners=as_scanners)
    return meta


def name_of(quantity: Quantity) -> str:
    """As DICOM's series are called, with the unit."""
    return quantity.label if quantity.dicom is None else quantity.dicom.suffix


def dicom_image_type(quantity: Quantity, *, as_scanners: bool) -> tuple[str, ...]:
    """Values of DICOM's Image Type.

    >>> dicom_image_type(Quantity.MAGNITUDE, as_scanners=True)
    ('ORIGINAL', 'PRIMARY', 'M', 'ND')
    >>> dicom_image_type(Quantity.CHI, as_scanners=True)
    ('DERIVED', 'PRIMARY', 'M', 'QSM')
    >>> dicom_image_type(Quantity.CHI, as_scanners=False)
    ('DERIVED', 'PRIMARY', 'OTHER', 'QSM')
    """
    form = quantity.dicom
    bare = ("DERIVED", "PRIMARY", "OTHER", quantity.label.upper())
    origin, role, third, *more = bare if form is None else form.image_type
    if not as_scanners:
        return (origin, role, third, *more)
    component = "P" if quantity is Quantity.PHASE else "M"
    return (origin, role, component, *(value for value in more if value not in {"M", "P"}))


def formula(integers: ConsoleIntegers) -> str:
    """How a person reads a pixel: ``ppb = 1 * pixel - 2048``."""
    volume = integers.volume
    unit, per_unit = unit_on_wire(volume)
    slope, intercept = (number * per_unit for number in volume.rescale or (1.0, 0.0))
    shown = unit or ("value" if integers.per_unit * slope == 1 else "arbitrary unit")
    away = f" {'-' if intercept < 0 else '+'} {abs(intercept):.6g}" if intercept else ""
    return f"{shown} = {slope:.6g} * pixel{away}"


def _scale(integers: ConsoleIntegers) -> Meta:
    """Gadgetron's: pixel = ratio · value + offset, also of arbitrary units."""
    _, per_unit = unit_on_wire(integers.volume)
    slope, intercept = integers.volume.rescale or (1.0, 0.0)
    return {
        names.SCALE: (f"{integers.per_unit / per_unit:.9g}",),
        names.OFFSET: (f"{-intercept / slope:.9g}",),
    }


def _openrecon(volume: Volume, description: str, place: Place, *, as_scanners: bool) -> Meta:
    image_type = dicom_image_type(volume.quantity, as_scanners=as_scanners)
    joined = "\\".join(image_type)
    texts = {
        names.IMAGE_TYPE: joined,
        "DicomImageType": joined,
        "ImageTypeValue4": image_type[3],
        "ComplexImageComponent": "PHASE" if volume.quantity is Quantity.PHASE else "MAGNITUDE",
        "SequenceDescription": description,
        "SeriesNumberRangeNameUID": f"{description}_{place.series}",
    }
    counters = {
        "partition_count": 1,
        "slice_count": place.n_images,
        "NumberOfSlices": place.n_images,
        "ImagesInAcquisition": place.n_images,
        "NumberInSeries": place.number + 1,
        "SliceNo": place.number,
        "IsmrmrdSliceNo": place.number,
        "AnatomicalSliceNo": place.number,
        "ChronSliceNo": place.number,
        "ProtocolSliceNumber": place.number,
        "Actual3DImagePartNumber": 0,
        "Actual3DImaPartNumber": 0,
        "AnatomicalPartitionNo": 0,
    }
    return {name: (str(value),) for name, value in (texts | counters).items()}

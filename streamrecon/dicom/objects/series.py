"""Makes the images of one reconstruction with common scale, sources, UIDs and comments."""

from __future__ import annotations

import uuid
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from streamrecon.dicom.objects import modules
from streamrecon.dicom.objects.identity import Identity, identity_of, without_person
from streamrecon.dicom.objects.image_planes import Planes, planes_of, upright
from streamrecon.dicom.objects.mr_images import put_pixel_description, slices_of
from streamrecon.dicom.objects.stored_pixels import StoredPixels, fixed_scale, free_scale, store
from streamrecon.dicom.objects.uids import uid_of
from streamrecon.errors import DataError
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.outputs.storage_form import StorageForm
from streamrecon.model.scan import Ids

_Weak: TypeAlias = "weakref.ref[NDArray[Any]]"


@dataclass(frozen=True, slots=True)
class Run:
    """One reconstruction of one scan.

    Parameters
    ----------
    name
        Tells this reconstruction from others of the same scan: UIDs follow from it.
    chain
        Hash of the chain file; it stands on every image.
    started
        When it began.
    secret
        If given, the person is taken out and the UIDs are keyed with it.
    is_upright
        Turn rows and columns as a radiologist looks at them; places in the patient do not change.
    patient_id_fallback
        Patient ID where the header has none.
    has_echo_series
        One series for each echo, for readers that stack whatever a series has (ITK).
    """

    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    chain: str = ""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    secret: bytes | None = field(default=None, repr=False)
    is_upright: bool = False
    patient_id_fallback: str = field(default="", repr=False)
    has_echo_series: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """One volume as DICOM images.

    Parameters
    ----------
    datasets
        One per slice, in the order of the grid.
    series_uid, series_number, output
        The series that they belong to, and the suffix of its description.
    priority
        Smaller leaves earlier.
    notices
        Notices for the user; no patient data.
    """

    datasets: list[Dataset]
    series_uid: str
    series_number: int
    output: str
    priority: int
    notices: tuple[Notice, ...] = ()


def form_of(quantity: Quantity) -> StorageForm:
    """How the quantity is stored.

    Raises
    ------
    DataError
        If it has no DICOM form.
    """
    if quantity.dicom is None:
        known = ", ".join(each.label for each in Quantity if each.dicom is not None)
        raise DataError(f"{quantity.label}: has no DICOM form, needed one of {known}")
    return quantity.dicom


class DicomScan:
    """DICOM of one scan's reconstruction; volumes in the order in which they are made.

    Magnitudes, which have no unit, are scaled by a power of two that the first volume of a kind
    decides, so that all echoes and repetitions keep their ratios. A map refers to the images of all
    echoes on its grid, whether they were made before it, are made behind it or by another thread:
    their UIDs follow from what they name. Several threads may use one at once.

    The images of a series have one size and one spacing, and no two of them the same number: what
    a kind has beside its first grid (a second preview), or makes twice, is a series of its own.

    Parameters
    ----------
    ids
        Whose scan it is.
    run
        The reconstruction.
    sources
        What is stored of every echo, and maps refer to.
    """

    def __init__(self, ids: Ids, run: Run, *, sources: Sequence[Quantity] = ()) -> None:
        identity = identity_of(ids, run.name, patient_id_fallback=run.patient_id_fallback)
        if run.secret is not None:
            identity = without_person(identity, run.secret)
        self._identity = identity
        self._run = run
        self._scales: dict[str, float] = {}
        self._sources = tuple(form_of(quantity).suffix for quantity in sources)
        self._pending = list(identity.messages)
        self._reported: set[str] = set()
        self._seen: dict[tuple[str | int, ...], list[_Weak]] = {}
        self._variants: dict[str, list[object]] = {}
        self._lock = Lock()

    @property
    def identity(self) -> Identity:
        """Patient, study and scan, as the files say it."""
        return self._identity

    @property
    def started(self) -> datetime:
        """When the reconstruction began."""
        return self._run.started

    def images(self, volume: Volume) -> Images:
        """The volume as images.

        Time is that of rounding the volume once and building, not encoding, its datasets.

        Raises
        ------
        DataError
            If the quantity has no DICOM form.
        """
        row = form_of(volume.quantity)
        geometry, stored = self._stored(volume, row)
        planes = planes_of(geometry)
        echo = -1 if volume.echo is None else volume.echo
        key = self._key(row.suffix, volume.repetition, echo)
        copy = self._copy(key, volume)
        uids = _of_slices(key, copy, volume.geometry)
        shared, lost = self._shared(volume, row, stored, planes)
        self._put_series(shared, volume, row, self._variant(row.suffix, stored, planes, copy))
        sources = self._uids_of_sources(volume) if row.is_derived else []
        datasets = slices_of(
            shared,
            stored,
            planes,
            uids=uids,
            first_number=1 + self._place(volume) * len(uids),
            sources=lambda k: [echo[k] for echo in sources],
        )
        return Images(
            datasets,
            str(shared.SeriesInstanceUID),
            int(shared.SeriesNumber),
            row.suffix,
            row.priority,
            tuple(self._notices(row, stored, lost)),
        )

    def _stored(self, volume: Volume, row: StorageForm) -> tuple[Geometry, StoredPixels]:
        if row.unit is None:
            scale = self._scales.setdefault(row.suffix, free_scale(volume))
        else:
            scale = fixed_scale(row)
        stored = store(volume, row, scale)
        if not self._run.is_upright:
            return volume.geometry, stored
        geometry, pixels = upright(volume.geometry, stored.pixels)
        turned = np.ascontiguousarray(pixels)
        return geometry, StoredPixels(turned, scale, stored.n_saturated)

    def _key(self, suffix: str, repetition: int, echo: int) -> tuple[str | int, ...]:
        return self._identity.scan_uid, self._run.name, suffix, repetition, echo

    def _copy(self, key: tuple[str | int, ...], volume: Volume) -> int:
        """How many others of its name came before; a volume that comes again is no other.

        What a chain makes twice is two sets of images, however alike.
        """
        with self._lock:
            seen = self._seen.setdefault(key, [])
            for number, values in enumerate(seen):
                if values() is volume.values:
                    return number
            seen.append(weakref.ref(volume.values))
            return len(seen) - 1

    def _shared(
        self, volume: Volume, row: StorageForm, stored: StoredPixels, planes: Planes
    ) -> tuple[Dataset, list[str]]:
        identity, run = self._identity, self._run
        shared = Dataset()
        shared.SpecificCharacterSet = "ISO_IR 192"
        shared.SOPClassUID = modules.MR_IMAGE
        started = None if identity.is_removed else run.started
        if started is not None:
            shared.InstanceCreationDate = shared.ContentDate = started.strftime("%Y%m%d")
            shared.InstanceCreationTime = shared.ContentTime = started.strftime("%H%M%S")
        lost = [
            *modules.put_patient(shared, identity),
            *modules.put_study(shared, identity),
            *modules.put_series(shared, identity, volume, row),
            *modules.put_equipment(shared, identity, volume, chain=run.chain, started=started),
        ]
        modules.put_acquisition(shared, volume)
        modules.put_plane(shared, volume, planes)
        modules.put_image_comments(shared, volume, row, run.chain)
        put_pixel_description(shared, stored, row)
        return shared, [keyword for keyword in lost if keyword]

    def _variant(self, suffix: str, stored: StoredPixels, planes: Planes, copy: int) -> int:
        """Which of the series of its kind: 0 is that of the grid which came first."""
        form = (stored.pixels.shape[1:], planes.spacing_mm, planes.between_mm, copy)
        with self._lock:
            known = self._variants.setdefault(suffix, [])
            if form not in known:
                known.append(form)
            return known.index(form)

    def _put_series(self, shared: Dataset, volume: Volume, row: StorageForm, variant: int) -> None:
        """UID and number of the series; those of the usual one name neither echo nor variant."""
        echo = volume.echo if self._run.has_echo_series else None
        names: list[str | int] = [self._identity.scan_uid, self._run.name, row.suffix]
        if echo is not None or variant:
            names += [-1 if echo is None else echo, variant]
        shared.SeriesInstanceUID = uid_of("series", *names)
        shared.SeriesNumber = modules.series_number(self._identity, row, echo, variant)

    def _uids_of_sources(self, volume: Volume) -> list[list[str]]:
        """By echo and kind, then by slice; none for a map on another grid than the echoes."""
        if not volume.geometry.same_as(volume.scan.geometry):
            return []
        return [
            _of_slices(self._key(suffix, volume.repetition, echo), 0, volume.geometry)
            for echo in range(len(volume.scan.echoes))
            for suffix in self._sources
        ]

    def _place(self, volume: Volume) -> int:
        """How many volumes of its series come before it."""
        if volume.echo is None or self._run.has_echo_series:
            return volume.repetition
        return volume.repetition * len(volume.scan.echoes) + volume.echo

    def _notices(self, row: StorageForm, stored: StoredPixels, lost: list[str]) -> list[Notice]:
        unfit = [f"{keyword}: not as in the header, which DICOM does not allow" for keyword in lost]
        with self._lock:
            messages = [text for text in self._pending + unfit if text not in self._reported]
            self._pending = []
            self._reported.update(messages)
        if stored.n_saturated:
            messages.append(
                f"{row.suffix}: {stored.n_saturated} voxels beyond the range of 16 bits"
            )
        return [Notice(Level.WARNING, text) for text in messages]


def _of_slices(key: tuple[str | int, ...], copy: int, geometry: Geometry) -> list[str]:
    return [uid_of("image", *key, copy, k) for k in range(geometry.shape[0])]

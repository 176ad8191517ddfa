"""Volumes leave as DICOM: to the client, into the spool, into a folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from pydantic import Field, PrivateAttr, field_validator

from streamrecon.analysis.reading import ReadVolume
from streamrecon.dicom.delivery.destinations import AnyDestination, read_destinations
from streamrecon.dicom.delivery.sending.folder import FolderDrop, file_name, folder_name
from streamrecon.dicom.delivery.spool import Spool
from streamrecon.dicom.objects.asked_outputs import AskedOutputs, is_asked_for, names_in
from streamrecon.dicom.objects.mr_images import part10
from streamrecon.dicom.objects.output_names import refuse_unknown
from streamrecon.dicom.objects.series import DicomScan, Images, Run
from streamrecon.errors import ConfigError, DeliveryError, StreamReconError
from streamrecon.model.delivery import Delivery
from streamrecon.model.images import Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.model.outputs.source_images import SourceImages
from streamrecon.mrd.wire.messages import DicomFile
from streamrecon.output.readings.dicom.dicom_objects import objects_of_reading
from streamrecon.stream.gadget import Context, Gadget, WayOut


class DicomGadget(Gadget[Volume | ReadVolume]):
    """What the ways to send DICOM have in common: volumes become images, and go on behind them.

    Readings become segments, a report and what else they have, about the image of susceptibility
    that they were made of, where the extra ``objects`` is installed.

    A quantity without a DICOM form (complex images) passes. The gadgets of a chain, in whatever
    branch, make one study of it: a map refers to the echo images that another branch sends,
    before or after it.
    """

    accepts: ClassVar = (Volume, ReadVolume)

    outputs: str = Field(default="", description="kinds of image, as Mag,QSM_ppb; empty: all")
    upright: bool = Field(default=False, description="turn rows and columns to the usual views")
    echo_series: bool = Field(
        default=False, description="one series an echo, for readers that stack by series"
    )

    @field_validator("outputs")
    @classmethod
    def _are_known(cls, text: str) -> str:
        refuse_unknown(names_in(text))
        return text

    def enter(self, context: Context) -> None:
        """Join a session; say what is sent, before any gadget makes images."""
        super().enter(context)
        self._asked_by_all.add(self.outputs)

    def feed(self, item: Volume | ReadVolume) -> Iterator[Volume | ReadVolume | Notice | DicomFile]:
        """Convert one volume or reading and send it on its way."""
        if isinstance(item, ReadVolume):
            yield from self._send_reading(item)
            yield item
            return
        form = item.quantity.dicom
        if form is not None and is_asked_for(form.suffix, self.outputs):
            images = self._scan_of(item).images(item)
            yield from images.notices
            yield from self.send(images)
        yield item

    def _send_reading(self, item: ReadVolume) -> Iterator[Notice | DicomFile]:
        """Send the objects of one reading; what stands in the way is told, images have gone."""
        study, run = self._scan_of(item.chi), self._run()
        try:
            made = objects_of_reading(
                item.content,
                study.images(item.chi).datasets,
                item.chi.geometry,
                run=run.name,
                chain=run.chain,
                made=study.started,
            )
        except StreamReconError as e:
            yield Notice(Level.WARNING, f"{item.content.reading.kind}: not sent as DICOM: {e}")
            return
        for images in made:
            if is_asked_for(images.output, self.outputs):
                yield from self.send(images)

    @property
    def _asked_by_all(self) -> AskedOutputs:
        return self.context.shared.one(AskedOutputs, self.upright, AskedOutputs)

    def _scan_of(self, item: Volume) -> DicomScan:
        shared, asked = self.context.shared, self._asked_by_all
        promised = shared.one(SourceImages, None, SourceImages).quantities
        sent = [
            quantity
            for quantity in promised
            if quantity.dicom is not None and quantity.dicom.suffix in asked
        ]
        ids = item.scan.protocol.ids
        return shared.one(
            DicomScan,
            (self.upright, self.echo_series),
            lambda: DicomScan(ids, self._run(), sources=sent),
        )

    def send(self, images: Images) -> Iterator[Notice | DicomFile]:
        """Send one volume's images on their way."""
        raise NotImplementedError

    @property
    def delivery(self) -> Delivery:
        """Folders and terms of the service."""
        context = self.context
        if context.delivery is not None:
            return context.delivery
        return Delivery() if context.storage is None else Delivery.within(context.storage)

    def place(self, path: Path | None) -> Path:
        """A place of the service; a chain file, which a client may send, names no other.

        Raises
        ------
        ConfigError
            If the service keeps nothing.
        """
        if path is None:
            raise ConfigError("needs the service's storage, found none set")
        return path

    def _run(self) -> Run:
        context, delivery = self.context, self.delivery
        form = "-upright" * self.upright + "-echoes" * self.echo_series
        return Run(
            name=context.run + form,  # the same image in another form is another instance
            chain=context.chain,
            secret=delivery.secret,
            is_upright=self.upright,
            has_echo_series=self.echo_series,
            patient_id_fallback=delivery.patient_id_fallback,
        )


class SendDicom(DicomGadget):
    """DICOM files to the client, as Gadgetron's message 1018."""

    way_out: ClassVar = WayOut.CLIENT

    def send(self, images: Images) -> Iterator[DicomFile]:
        """One message per file."""
        for image in images.datasets:
            yield DicomFile(part10(image), f"{folder_name(images)}_{file_name(image)}")


class SpoolDicom(DicomGadget):
    """DICOM files into the service's spool, for the destinations of its settings.

    The destinations are read before the first line, so that a fault in them is told before the
    scan. Images that the spool does not take are lost to the destinations: that is told with each
    kind of image, and the scan goes on. It waits for room in the spool until it has lost the first.
    """

    way_out: ClassVar = WayOut.ELSEWHERE

    _destinations: tuple[AnyDestination, ...] = PrivateAttr(default=())
    _has_lost: bool = PrivateAttr(default=False)

    def enter(self, context: Context) -> None:
        """Join a session; read where its images go."""
        super().enter(context)
        self.place(self.delivery.spool)
        self._destinations = read_destinations(self.place(self.delivery.destinations))

    def send(self, images: Images) -> Iterator[Notice]:
        """Keep the images until every destination that wants them has them."""
        names = [each.name for each in self._destinations if each.wants(images.output)]
        if not names:
            return
        delivery = self.delivery
        room_s = 0.0 if self._has_lost else delivery.room_s
        try:
            folder = self.place(delivery.spool)
            with Spool(folder, quota_bytes=delivery.quota_bytes, room_s=room_s) as spool:
                spool.add(images, names)
        except (DeliveryError, ConfigError, OSError, sqlite3.Error) as e:
            self._has_lost = True
            yield _loss(images, "spool", e)


class WriteDicomFolder(DicomGadget):
    """DICOM files into a folder of the service; a manifest follows each series."""

    way_out: ClassVar = WayOut.ELSEWHERE

    _drop: FolderDrop | None = PrivateAttr(default=None)

    def enter(self, context: Context) -> None:
        """Join a session; open the folder."""
        super().enter(context)
        self._drop = FolderDrop(self.place(self.delivery.drop))

    def send(self, images: Images) -> Iterator[Notice]:
        """Write the files."""
        if self._drop is None:
            return
        try:
            self._drop.put(images)
        except OSError as e:
            yield _loss(images, "folder of DICOM files", e)

    def finish(self) -> Iterator[Notice]:
        """Write the manifests."""
        if self._drop is None:
            return
        try:
            self._drop.finish()
        except OSError as e:
            text = f"[delivery] folder of DICOM files: a manifest is missing: {_reason(e)}"
            yield Notice(Level.WARNING, text)


def _loss(images: Images, place: str, error: Exception) -> Notice:
    """Images that are made and not kept for whoever waits for them there."""
    if isinstance(error, DeliveryError):  # it says all of this
        return Notice(Level.WARNING, f"[delivery] {error}")
    text = f"{place}: {len(images.datasets)} images of {images.output} not kept: {_reason(error)}"
    return Notice(Level.WARNING, f"[delivery] {text}")


def _reason(error: Exception) -> str:
    """Why, without the path, which is none of the client's business."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)

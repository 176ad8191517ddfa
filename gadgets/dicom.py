"""Volumes leave as DICOM: to the client, into the spool, into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from pydantic import Field, PrivateAttr

from streamrecon.dicom.dataset import part10
from streamrecon.dicom.destinations import read_destinations
from streamrecon.dicom.folder import FolderDrop, file_name, folder_name
from streamrecon.dicom.quantities import has_row
from streamrecon.dicom.series import DicomScan, Images, Run
from streamrecon.dicom.spool import Spool
from streamrecon.errors import ConfigError
from streamrecon.model.images import Volume
from streamrecon.model.notice import Notice
from streamrecon.mrd.messages import DicomFile
from streamrecon.stream.gadget import Gadget

DESTINATIONS = "destinations.toml"
SPOOL = "spool"
DROP = "dicom"


class DicomGadget(Gadget[Volume]):
    """What the ways to send DICOM have in common: volumes become images, and go on behind them.

    A quantity without a DICOM form (complex images) passes.
    """

    accepts: ClassVar = (Volume,)

    outputs: str = Field(default="", description="kinds of image, as Mag,QSM_ppb; empty: all")
    upright: bool = Field(default=False, description="turn rows and columns to the usual views")

    _scan: DicomScan | None = PrivateAttr(default=None)

    def feed(self, item: Volume) -> Iterator[Volume | Notice | DicomFile]:
        """Convert one volume and send it on its way."""
        if has_row(item.quantity):
            if self._scan is None:
                self._scan = DicomScan(item.scan.protocol.ids, Run(is_upright=self.upright))
            images = self._scan.images(item)
            if not self.outputs or images.output in self.outputs.replace(" ", "").split(","):
                yield from images.notices
                yield from self.send(images)
        yield item

    def send(self, images: Images) -> Iterator[Notice | DicomFile]:
        """Send one volume's images on their way."""
        raise NotImplementedError

    def folder(self, name: str) -> Path:
        """Folder of the service; a chain file, which a client may send, names no other.

        Raises
        ------
        ConfigError
            If the service keeps nothing.
        """
        if self.context.storage is None:
            raise ConfigError(f"{type(self).__name__}: needs the service's storage, found none set")
        return self.context.storage / name


class SendDicom(DicomGadget):
    """DICOM files to the client, as Gadgetron's message 1018."""

    def send(self, images: Images) -> Iterator[DicomFile]:
        """One message per file."""
        for image in images.datasets:
            yield DicomFile(part10(image), f"{folder_name(images)}_{file_name(image)}")


class SpoolDicom(DicomGadget):
    """DICOM files into the service's spool, for the destinations of its settings."""

    def send(self, images: Images) -> Iterator[Notice]:
        """Keep the images until every destination that wants them has them."""
        destinations = read_destinations(self.folder(DESTINATIONS))
        names = [each.name for each in destinations if each.wants(images.output)]
        if names:
            with Spool(self.folder(SPOOL)) as spool:
                spool.add(images, names)
        yield from ()


class DropDicom(DicomGadget):
    """DICOM files into a folder of the service; a manifest follows each series."""

    _drop: FolderDrop | None = PrivateAttr(default=None)

    def send(self, images: Images) -> Iterator[Notice]:
        """Write the files."""
        if self._drop is None:
            self._drop = FolderDrop(self.folder(DROP))
        self._drop.put(images)
        yield from ()

    def finish(self) -> Iterator[Notice]:
        """Write the manifests."""
        if self._drop is not None:
            self._drop.finish()
        yield from ()

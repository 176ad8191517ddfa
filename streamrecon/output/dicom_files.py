"""Makes DICOM files of a scan's volumes, where the server made none."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from streamrecon.dicom.delivery.sending.folder import file_name, folder_name
from streamrecon.dicom.objects.mr_images import part10
from streamrecon.dicom.objects.series import DicomScan, Run
from streamrecon.errors import DataError
from streamrecon.model.images import Volume
from streamrecon.model.notice import Level
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.wire.messages import DicomFile

_log = logging.getLogger(__name__)

_LEVELS = {Level.DEBUG: logging.DEBUG, Level.INFO: logging.INFO}


def dicom_files(volumes: Sequence[Volume], *, secret: bytes | None = None) -> list[DicomFile]:
    """DICOM files of one study; kinds that have no DICOM form (complex images) are left out.

    With a ``secret`` persons are taken out of them, as the service does it.

    Raises
    ------
    DataError
        If no volume has a DICOM form.
    """
    if all(each.quantity.dicom is None for each in volumes):
        found = ", ".join(sorted({each.quantity.label for each in volumes})) or "no image"
        raise DataError(f"dicom: found {found}, needed an image that has a DICOM form")
    sources = _whole_echo_trains(volumes)
    study = DicomScan(volumes[0].scan.protocol.ids, Run(secret=secret), sources=sources)
    made = [study.images(each) for each in volumes if each.quantity.dicom is not None]
    for notice in (notice for images in made for notice in images.notices):
        _log.log(_LEVELS.get(notice.level, logging.WARNING), "%s", notice.text)
    return [
        DicomFile(part10(image), f"{folder_name(images)}_{file_name(image)}")
        for images in made
        for image in images.datasets
    ]


def _whole_echo_trains(volumes: Sequence[Volume]) -> list[Quantity]:
    """Kinds of which all echoes are written; maps refer to their images."""
    echoes: dict[Quantity, set[int]] = {}
    for each in volumes:
        if each.echo is not None and each.quantity.dicom is not None:
            echoes.setdefault(each.quantity, set()).add(each.echo)
    wanted = len(volumes[0].scan.echoes)
    return [quantity for quantity, found in echoes.items() if len(found) == wanted]

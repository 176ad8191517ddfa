"""The way from a reading to its DICOM objects, where the extra ``[objects]`` is installed.

highdicom takes a second to load: it is loaded with the first reading, and by nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec

from pydicom.dataset import Dataset

from streamrecon.analysis.reading import ReadingContent
from streamrecon.dicom.objects.series import Images
from streamrecon.errors import ConfigError
from streamrecon.model.geometry import Geometry

_ROOM = "streamrecon.output.readings.dicom.dicom_series"


def objects_of_reading(
    content: ReadingContent,
    sources: Sequence[Dataset],
    geometry: Geometry,
    *,
    run: str,
    chain: str,
    made: datetime,
) -> list[Images]:
    """Segments, maps, page and report of a reading; see `dicom_series.reading_objects`.

    Raises
    ------
    ConfigError
        If highdicom is not installed.
    DataError
        If the images lie on other voxels than the arrays.
    """
    require_highdicom()
    made_objects: list[Images] = import_module(_ROOM).reading_objects(
        content, sources, geometry, run=run, chain=chain, made=made
    )
    return made_objects


def require_highdicom() -> None:
    """Say what is missing before work is done in vain.

    Raises
    ------
    ConfigError
        If highdicom is not installed.
    """
    if find_spec("highdicom") is None:
        raise ConfigError("objects of DICOM: found no highdicom, needed `streamrecon[objects]`")

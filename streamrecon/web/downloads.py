"""Makes files of the kept images for who asks for them: NIfTI or DICOM, zipped."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path

from streamrecon.output.formats import ScanResults, write_harvest
from streamrecon.web.image_files import ImageFiles

FORMATS = ("nifti", "dicom")


def zipped(files: ImageFiles, name: str, form: str) -> Path:
    """A zip file of the images of a session in a folder of its own, which the caller removes.

    Raises
    ------
    NoImagesError, DataError, HeaderError
        If there are none, or they make no volumes.
    """
    header, images = files.everything(name)
    folder = Path(tempfile.mkdtemp(prefix="streamrecon-"))
    try:
        write_harvest(ScanResults.of(header, images), folder / "made", [form])
        path = folder / "images.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(file for file in (folder / "made").rglob("*") if file.is_file()):
                archive.write(file, file.relative_to(folder / "made"))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return path

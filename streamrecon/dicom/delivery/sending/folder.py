"""Writes images into a folder that another program watches; the manifest comes last."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from pydicom.dataset import Dataset

from streamrecon import __version__
from streamrecon.dicom.objects.mr_images import part10
from streamrecon.dicom.objects.series import Images
from streamrecon.storage.durable_files import write_files

MANIFEST = "manifest.json"


class FolderDrop:
    """One folder per series in ``folder``; `finish` writes each one's list of files.

    A file has its name only when it is whole and on the disk. Who waits for the manifest sees
    whole series. The names carry no patient data; the files do, and have the mode that the umask
    gives. The same images dropped again replace themselves.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._series: dict[Path, dict[str, object]] = {}
        self._files: dict[Path, list[dict[str, object]]] = {}

    def put(self, images: Images) -> Path:
        """Write one volume's images; give the folder of their series."""
        folder = self._folder / folder_name(images)
        files = {file_name(image): part10(image) for image in images.datasets}
        write_files(folder, files)
        self._series[folder] = {
            "series_uid": images.series_uid,
            "series_number": images.series_number,
            "output": images.output,
            "software": f"streamrecon {__version__}",
        }
        listed = self._files.setdefault(folder, [])
        for image, (name, data) in zip(images.datasets, files.items(), strict=True):
            digest = hashlib.sha256(data).hexdigest()
            uid = str(image.SOPInstanceUID)
            listed.append({"file": name, "bytes": len(data), "sha256": digest, "sop_uid": uid})
        return folder

    def finish(self) -> list[Path]:
        """Write the manifests; give their paths."""
        written = []
        for folder, facts in self._series.items():
            manifest = facts | {"files": sorted(self._files[folder], key=lambda f: str(f["file"]))}
            write_files(folder, {MANIFEST: json.dumps(manifest, indent=1).encode()})
            written.append(folder / MANIFEST)
        self._series.clear()
        self._files.clear()
        return written


def folder_name(images: Images) -> str:
    """Series number, output, and digits of the series UID that tell reconstructions apart."""
    return f"{images.series_number:04d}_{images.output}_{images.series_uid[-10:]}"


def file_name(image: Dataset) -> str:
    """Instance number, in the order of a listing."""
    return f"{int(image.InstanceNumber):05d}.dcm"

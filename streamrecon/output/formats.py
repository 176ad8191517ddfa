"""Writes the results of a scan in the requested formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from streamrecon.errors import ConfigError, HeaderError
from streamrecon.model.images import Volume
from streamrecon.model.scan import ScanProtocol
from streamrecon.mrd.files.hdf5_writer import FileWriter
from streamrecon.mrd.header.protocol import read_protocol
from streamrecon.mrd.images.volumes_from_images import Stack, stacks_of
from streamrecon.mrd.wire.messages import DicomFile, Header, Image
from streamrecon.output.dicom_files import dicom_files
from streamrecon.output.names import plain, stems
from streamrecon.output.nifti import write_nifti
from streamrecon.output.preview.caption import caption_of
from streamrecon.output.preview.cuts import cuts_of
from streamrecon.output.preview.scan_sheet import contact_sheet
from streamrecon.output.preview.shown import shown_stack
from streamrecon.output.sidecar import sidecar, write_sidecar
from streamrecon.output.volumes import volumes_of
from streamrecon.storage.atomic_file import whole


@dataclass(frozen=True, eq=False)
class ScanResults:
    """What a scan gave.

    Parameters
    ----------
    header_xml
        MRD header of the scan.
    images
        The images, in the order they came.
    files
        DICOM files that the server made itself.
    known
        What is known of a scan that has no header.
    secret
        Of the pseudonyms in DICOM files that are made here; ``None`` names persons.
    chain
        Hash of the chain that made them; empty where it is not known.
    """

    header_xml: bytes = field(repr=False)
    images: Sequence[Image]
    files: Sequence[DicomFile] = ()
    known: ScanProtocol | None = None
    secret: bytes | None = field(default=None, repr=False)
    chain: str = ""

    @classmethod
    def of(cls, header_xml: bytes, results: Sequence[Image | DicomFile]) -> ScanResults:
        """Sort what came."""
        images = [result for result in results if isinstance(result, Image)]
        files = [result for result in results if isinstance(result, DicomFile)]
        return cls(header_xml, images, files)

    @cached_property
    def stacks(self) -> list[Stack]:
        """The images as volumes."""
        return stacks_of(self.images)

    @cached_property
    def volumes(self) -> tuple[Volume, ...]:
        """The images in the words and units of the model.

        Raises
        ------
        HeaderError
            If the scan's header cannot be read.
        DataError
            If they do not make volumes, or are of a kind that has no quantity (colours).
        """
        return volumes_of(self.stacks, self.known or read_protocol(self.header_xml))

    @cached_property
    def protocol(self) -> ScanProtocol | None:
        """What the header says; ``None`` if it is not one that we can read.

        A foreign server may well make images of such a scan.
        """
        if self.known is not None:
            return self.known
        try:
            return read_protocol(self.header_xml)
        except HeaderError:
            return None

    @property
    def name(self) -> str:
        """Name of the protocol, empty where it is not known."""
        return self.protocol.ids.protocol if self.protocol else ""


def usual_formats(harvest: ScanResults) -> list[str]:
    """What is written where nobody says what is wanted: DICOM only if the server made it."""
    return [name for name in FORMATS if name != "dicom" or harvest.files]


def write_harvest(harvest: ScanResults, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write into ``folder``, replacing files of the same names; give the paths.

    Raises
    ------
    ConfigError
        If a format is not one of `FORMATS`.
    DataError, HeaderError
        If the images do not make volumes.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ConfigError(f"format: found {', '.join(unknown)}, needed {', '.join(FORMATS)}")
    return [path for name in formats for path in FORMATS[name](harvest, folder)]


def _niftis(harvest: ScanResults, folder: Path) -> Iterator[Path]:
    for stem, stack in zip(stems(harvest.stacks, harvest.name), harvest.stacks, strict=True):
        write_sidecar(
            folder / f"{stem}.json", sidecar(stack, harvest.protocol, chain=harvest.chain)
        )
        path = folder / f"{stem}.nii.gz"
        write_nifti(path, stack.values, stack.geometry)
        yield path


def _sheets(harvest: ScanResults, folder: Path) -> Iterator[Path]:
    repetitions = sorted({stack.repetition for stack in harvest.stacks})
    for repetition in repetitions:
        run = f"_run-{repetition + 1}" if len(repetitions) > 1 else ""
        path = folder / f"{plain(harvest.name)}{run}_sheet.png"
        stacks = [stack for stack in harvest.stacks if stack.repetition == repetition]
        caption = caption_of(stacks, harvest.protocol, harvest.name)
        sheet = contact_sheet(cuts_of(map(shown_stack, stacks)), caption)
        with whole(path) as scratch:
            sheet.save(scratch)
        yield path


def _mrd(harvest: ScanResults, folder: Path) -> Iterator[Path]:
    if not harvest.images:
        return
    path = folder / f"{plain(harvest.name)}_images.h5"
    with whole(path) as scratch, FileWriter(scratch) as file:
        file.write(Header(harvest.header_xml))
        for image in harvest.images:
            file.write(image)
    yield path


def _dicoms(harvest: ScanResults, folder: Path) -> Iterator[Path]:
    """The server's own files under their names, without its folders; else files of its images."""
    files = harvest.files
    if not files and harvest.images:
        files = dicom_files(harvest.volumes, secret=harvest.secret)
    for number, file in enumerate(files, start=1):
        stem = plain(Path(file.name).stem) if file.name else "image"
        path = folder / "dicom" / f"{number:06d}_{stem}.dcm"
        with whole(path) as scratch:
            scratch.write_bytes(file.data)
        yield path


FORMATS: dict[str, Callable[[ScanResults, Path], Iterator[Path]]] = {
    "nifti": _niftis,
    "png": _sheets,
    "mrd": _mrd,
    "dicom": _dicoms,
}
"""Writers by the names that ``--format`` takes."""

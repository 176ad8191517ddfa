"""A ball in an oblique head as scanners store it: complex echoes, and files of any part of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np
from nibabel.affines import apply_affine, from_matvec
from nibabel.eulerangles import euler2mat
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

TE_S = (0.004, 0.008, 0.012)
SHAPE = (28, 26, 22)  # x, y, z
VOXEL_MM = (2.0, 2.1, 2.2)
AXES_RAS = euler2mat(z=0.2, y=0.1, x=0.35)
AFFINE = from_matvec(AXES_RAS * VOXEL_MM, (-30, -20, 5))
CENTRE = np.array([14, 13, 11])
CHI_PPM = 0.4


def field_ppm() -> tuple[np.ndarray, np.ndarray]:
    """Head, and field [X, Y, Z] of a ball of radius 6 mm; B0 along S."""
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    away = apply_affine(AFFINE, index)
    away = away - apply_affine(AFFINE, CENTRE)
    r = np.maximum(np.linalg.norm(away, axis=-1), 1e-3)
    outside = r > 6
    return r < 24, CHI_PPM / 3 * (6 / r) ** 3 * (3 * (away[..., 2] / r) ** 2 - 1) * outside


def echoes(*, noise: float = 1.0, offset_rad: float = 0.7, seed: int = 0) -> np.ndarray:
    """Complex echoes [X, Y, Z, E] at 3 T, signal 100 in the head."""
    head, field = field_ppm()
    turns = 42.577478518 * 3.0 * field[..., None] * np.array(TE_S)
    clean = 100 * head[..., None] * np.exp(2j * np.pi * turns + 1j * offset_rad)
    thrown = np.random.default_rng(seed).standard_normal((2, *clean.shape)) * noise
    return np.asarray(clean + thrown[0] + 1j * thrown[1])


def write_nifti(folder: Path, part: str, values: np.ndarray, **changed: object) -> list[str]:
    """A file with its sidecar for each echo of [X, Y, Z, E]; their paths."""
    paths = []
    for echo, te_s in enumerate(TE_S[: values.shape[3]]):
        stem = f"sub-9_echo-{echo + 1}_part-{part}_MEGRE"
        image = nibabel.Nifti1Image(values[..., echo].astype(np.float32), AFFINE)
        image.to_filename(folder / f"{stem}.nii.gz")
        facts = {"EchoTime": te_s, "MagneticFieldStrength": 3.0} | changed
        (folder / f"{stem}.json").write_text(json.dumps(facts))
        paths.append(str(folder / f"{stem}.nii.gz"))
    return paths


def write_dicom(
    folder: Path,
    values: np.ndarray,
    words: Sequence[str],
    *,
    series: str,
    te_s: Sequence[float] = TE_S,
    private: int | None = None,
    scale: tuple[float, float] = (1.0, 0.0),
    maker: str = "SIEMENS",
) -> None:
    """An image for each slice and echo of [X, Y, Z, E]; ``scale`` is RescaleSlope, -Intercept."""
    lps = np.diag([-1.0, -1.0, 1.0])
    row, column, _ = (lps @ AXES_RAS).T
    number = len(list(folder.iterdir()))
    for echo, te in enumerate(te_s):
        for z in range(SHAPE[2]):
            image = Dataset()
            image.file_meta = FileMetaDataset()
            image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
            image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = MRImageStorage
            image.SOPInstanceUID = generate_uid()
            image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
            image.SeriesInstanceUID, image.SeriesNumber = f"1.2.3.{series}", int(series)
            image.Manufacturer, image.ProtocolName = maker, "gre"
            image.ImageType = list(words)
            image.MagneticFieldStrength, image.EchoTime, image.EchoNumbers = 3.0, 1e3 * te, echo + 1
            image.ImageOrientationPatient = [*row.tolist(), *column.tolist()]
            place = lps @ apply_affine(AFFINE, (0, 0, z))
            image.ImagePositionPatient = place.tolist()
            image.PixelSpacing, image.SliceThickness = [VOXEL_MM[1], VOXEL_MM[0]], VOXEL_MM[2]
            image.Rows, image.Columns = SHAPE[1], SHAPE[0]
            image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
            image.BitsAllocated = image.BitsStored = 16
            image.HighBit, image.PixelRepresentation = 15, 1
            slope, intercept = scale
            if scale != (1.0, 0.0):
                image.RescaleSlope, image.RescaleIntercept = slope, intercept
            stored = np.round((values[:, :, z, echo].T - intercept) / slope).astype(np.int16)
            image.PixelData = stored.tobytes()
            if private is not None:
                image.private_block(0x43, "GEMS_PARM_01", create=True).add_new(0x2F, "SS", private)
            number += 1
            image.save_as(folder / f"{number:05d}.dcm", enforce_file_format=True)

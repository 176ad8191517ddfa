"""Folders of DICOM as Siemens, GE and Philips lay them out, of complex echoes [X, Y, Z, E]."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pydicom
from scanner_scan import write_dicom

PI = np.pi


def siemens(folder: Path, values: np.ndarray) -> None:
    """A series for each part; phase and its relatives around 0 by their rescaling."""
    bits = (2.0, -4096.0)
    write_dicom(folder, np.abs(values), ("ORIGINAL", "PRIMARY", "M", "ND"), series="2")
    phase = np.angle(values) * 4096 / PI
    write_dicom(folder, phase, ("ORIGINAL", "PRIMARY", "P", "ND"), series="3", scale=bits)
    for number, (word, part) in enumerate((("R", values.real), ("I", values.imag)), start=4):
        words = ("ORIGINAL", "PRIMARY", word, "ND")
        write_dicom(folder, part * 10, words, series=str(number), scale=(0.5, -2048.0))


def ge(folder: Path, values: np.ndarray) -> None:
    """One series of all parts, which a private number tells apart."""
    parts = np.abs(values), np.angle(values) * 1000, values.real * 10, values.imag * 10
    words = ("ORIGINAL", "PRIMARY", "OTHER")
    for number, part in enumerate(parts):
        write_dicom(folder, part, words, series="7", private=number, maker="GE MEDICAL SYSTEMS")


def philips(folder: Path, values: np.ndarray) -> None:
    """One series of all parts, in the words of Philips."""
    kinds = {
        ("M_FFE", "M"): (np.abs(values), (0.05, 0.0)),
        ("PHASE MAP", "P"): (np.angle(values) * 1000, (1.5345543, -3142.0)),
        ("R_FFE", "R"): (values.real * 10, (0.5, -1500.0)),
        ("I_FFE", "I"): (values.imag * 10, (0.5, -1500.0)),
    }
    for (long, short), (part, scale) in kinds.items():
        words = ("ORIGINAL", "PRIMARY", long, short, "FFE")
        write_dicom(folder, part, words, series="13", scale=scale, maker="Philips")


VENDORS = {"siemens": siemens, "ge": ge, "philips": philips}


def named(folder: Path, *, patient: str, study: str, frame: str) -> Mapping[str, str]:
    """Give all images of a folder a patient, a study and a frame of reference; the attributes."""
    names = {"PatientID": patient, "StudyInstanceUID": study, "FrameOfReferenceUID": frame}
    for path in folder.iterdir():
        image = pydicom.dcmread(path)
        for tag, value in names.items():
            setattr(image, tag, value)
        image.save_as(path)
    return names

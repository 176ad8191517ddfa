"""The table of outputs: what each is called and numbered on the wire, in DICOM and in files.

A new output is a row here and the function that makes it. The order of the rows means nothing:
numbers stand in them, are never given twice, and stay when an output goes.
"""

from __future__ import annotations

import math
from enum import Enum

from streamrecon.model.outputs.look import Colours, Kind, Look
from streamrecon.model.outputs.quantity_row import QuantityRow
from streamrecon.model.outputs.storage_form import (
    NO_UNIT,
    PPB,
    Code,
    StorageForm,
    in_steps,
    whole_ppb,
)

_DERIVED = ("DERIVED", "PRIMARY", "OTHER")
_PROJECTION = ("DERIVED", "PRIMARY", "PROJECTION IMAGE")
_RAD = Code("rad", "UCUM", "radian")
_PER_S = Code("/s", "UCUM", "per second")
_MS = Code("ms", "UCUM", "millisecond")
_HZ = Code("Hz", "UCUM", "hertz")
_CHI = Code("126396", "DCM", "Magnetic Susceptibility")
_FIELD = Code("110807", "DCM", "Field Map MR Signal Intensity")
_R2_STAR = Code("126395", "DCM", "R2*")
_T2_STAR = Code("113064", "DCM", "T2*")
_MINIMUM = Code("113079", "DCM", "Minimum intensity projection")
_MAXIMUM = Code("113078", "DCM", "Maximum intensity projection")
_WHOLE_PPB = 1e-3  # ppm
_SPREAD = 3.0  # medians of a standard deviation that its picture shows
_PHASE_STEP = 2 * math.pi / 4096  # rad: 12 bits over 2π, as scanners' own phase images
_DICOM_PHASE_STEP = 0.00076699039394  # rad: π/4096 as a decimal string says it


class Quantity(Enum):
    """What the numbers of a volume are."""

    # Wire and files stand on a row's first line, DICOM below.
    # fmt: off
    MAGNITUDE = QuantityRow(
        1, "magnitude", image_type=1, part="mag", is_windowed=True,
        dicom=StorageForm(1, "Mag", ("ORIGINAL", "PRIMARY", "OTHER", "M", "ND"), priority=1),
        look=Look(Kind.ECHOES),
    )
    PHASE = QuantityRow(
        2, "phase", "rad", image_type=2, part="phase", is_windowed=True, integer_step=_PHASE_STEP,
        dicom=in_steps(
            2, "Pha", ("ORIGINAL", "PRIMARY", "PHASE MAP", "P", "ND"), _DICOM_PHASE_STEP, _RAD,
            window=(0.0, 2 * math.pi), signed=True, priority=3,
        ),
        look=Look(Kind.ECHOES, Colours.CYCLIC),
    )
    REAL = QuantityRow(3, "real", part="real", look=Look(Kind.ECHOES))
    IMAGINARY = QuantityRow(4, "imaginary", image_type=4, part="imag", look=Look(Kind.ECHOES))
    COMPLEX = QuantityRow(5, "complex", image_type=5, part="complex")  # BIDS knows real and imag
    FIELD = QuantityRow(
        6, "field", "ppm", integer_step=4e-3,  # ±8.2 ppm in 12 bits: sinuses go beyond 2
        dicom=whole_ppb(14, "TotalField_ppb", (*_DERIVED, "FIELD_MAP"), window=(0.0, 4000.0)),
        look=Look(Kind.FIELD, Colours.DIVERGING, (-1.0, 1.0)),
    )
    LOCAL_FIELD = QuantityRow(
        7, "local_field", "ppm", integer_step=_WHOLE_PPB,
        dicom=whole_ppb(11, "LocalField_ppb", (*_DERIVED, "LOCAL_FIELD"), window=(0.0, 200.0)),
        look=Look(Kind.FIELD),
    )
    CHI = QuantityRow(
        8, "chi", "ppm", file="Chimap", is_windowed=True, integer_step=_WHOLE_PPB,
        dicom=whole_ppb(
            7, "QSM_ppb", (*_DERIVED, "QSM"), window=(0.0, 400.0), concept=_CHI, priority=4
        ),
        look=Look(Kind.SUSCEPTIBILITY, window=(-0.15, 0.15)),
    )
    R2_STAR = QuantityRow(
        9, "r2star", "1/s", file="R2starmap", integer_step=0.25,
        dicom=in_steps(
            8, "R2star_per_s", (*_DERIVED, "R2_STAR"), 0.1, _PER_S,
            window=(50.0, 100.0), concept=_R2_STAR, signed=True, priority=5,  # noise is both
        ),
        look=Look(Kind.DECAY, Colours.SEQUENTIAL, (0.0, 60.0)),
    )
    T2_STAR = QuantityRow(
        10, "t2star", "s", file="T2starmap", integer_step=0.125e-3,  # the map ends at 0.5 s
        dicom=in_steps(
            9, "T2star_ms", (*_DERIVED, "T2_STAR"), 0.1, _MS,
            per_unit=1e3, window=(50.0, 100.0), concept=_T2_STAR, priority=5,
        ),
        look=Look(Kind.DECAY, Colours.SEQUENTIAL, (0.0, 0.08)),
    )
    SWI = QuantityRow(
        11, "swi", dicom=StorageForm(4, "SWI", (*_DERIVED, "SWI"), priority=2),
        look=Look(Kind.WEIGHTED),
    )
    SWI_MINIP = QuantityRow(
        12, "minip", file="minIP",
        dicom=StorageForm(
            5, "SWI_mIP", (*_PROJECTION, "MINIP", "SWI"), derivation=_MINIMUM, priority=2
        ),
        look=Look(Kind.WEIGHTED),
    )
    TSWI = QuantityRow(
        13, "tswi", dicom=StorageForm(6, "tSWI", (*_DERIVED, "TSWI"), priority=4),
        look=Look(Kind.WEIGHTED),
    )
    CHI_PREVIEW = QuantityRow(
        14, "chi_preview", "ppm", file="desc-preview_Chimap", is_windowed=True,
        integer_step=_WHOLE_PPB,
        dicom=whole_ppb(
            12, "QSMpreview_ppb", (*_DERIVED, "QSM"), window=(0.0, 400.0), concept=_CHI, priority=3
        ),
        look=Look(Kind.SUSCEPTIBILITY, window=(-0.15, 0.15)),
    )
    CHI_SD = QuantityRow(
        15, "chi_sd", "ppm", integer_step=1e-4,
        dicom=in_steps(
            13, "QSMsd_ppb", (*_DERIVED, "QSM_SD"), 0.1, PPB, per_unit=1e3, window=(25.0, 50.0)
        ),
        look=Look(Kind.SUSCEPTIBILITY, by_values=True, of_medians=_SPREAD),
    )
    FIELD_HZ = QuantityRow(
        16, "field_hz", "Hz", file="fieldmap", integer_step=0.5,
        dicom=in_steps(
            10, "B0map_Hz", (*_DERIVED, "FIELD_MAP"), 0.1, _HZ,
            window=(0.0, 400.0), concept=_FIELD, signed=True,
        ),
        look=Look(Kind.FIELD, Colours.DIVERGING, (-100.0, 100.0)),
    )
    FIELD_SD = QuantityRow(
        17, "field_sd", "ppm", integer_step=1e-4,
        dicom=in_steps(
            20, "Fieldsd_ppb", (*_DERIVED, "FIELD_SD"), 0.1, PPB, per_unit=1e3, window=(25.0, 50.0)
        ),
        look=Look(Kind.FIELD, by_values=True, of_medians=_SPREAD),
    )
    MASK = QuantityRow(
        18, "mask",
        dicom=in_steps(21, "Mask", (*_DERIVED, "MASK"), 1.0, NO_UNIT, window=(0.5, 1.0)),
        look=Look(Kind.QUALITY),
    )
    PHASE_QUALITY = QuantityRow(
        19, "phase_quality", integer_step=0.001,
        dicom=in_steps(  # with "PHASE" in its type dcm2niix would take it for phase
            23, "PhaseQuality", (*_DERIVED, "QUALITY"), 0.001, NO_UNIT, window=(0.5, 1.0)
        ),
        look=Look(Kind.QUALITY),
    )
    SNR = QuantityRow(
        20, "snr", integer_step=0.1,
        dicom=in_steps(24, "SNR", (*_DERIVED, "SNR"), 0.1, NO_UNIT, window=(50.0, 100.0)),
        look=Look(Kind.QUALITY, by_values=True),
    )
    SWI_DIA = QuantityRow(
        21, "swi_dia", file="desc-diamagnetic_swi",
        dicom=StorageForm(15, "SWI_dia", (*_DERIVED, "SWI"), priority=2),
        look=Look(Kind.WEIGHTED),
    )
    TSWI_DIA = QuantityRow(
        22, "tswi_dia", file="desc-diamagnetic_tswi",
        dicom=StorageForm(16, "tSWI_dia", (*_DERIVED, "TSWI"), priority=4),
        look=Look(Kind.WEIGHTED),
    )
    TSWI_MINIP = QuantityRow(
        23, "tswi_minip", file="desc-tswi_minIP",
        dicom=StorageForm(
            17, "tSWI_mIP", (*_PROJECTION, "MINIP", "TSWI"), derivation=_MINIMUM, priority=4
        ),
        look=Look(Kind.WEIGHTED),
    )
    CHI_MIP = QuantityRow(
        24, "chi_maxip", "ppm", file="desc-chi_maxIP", integer_step=_WHOLE_PPB,
        dicom=whole_ppb(
            18, "QSM_MIP_ppb", (*_PROJECTION, "MIP", "QSM"),
            window=(200.0, 400.0), concept=_CHI, derivation=_MAXIMUM, priority=5,
        ),
        look=Look(Kind.SUSCEPTIBILITY),
    )
    S0 = QuantityRow(
        25, "s0", file="S0map", dicom=StorageForm(25, "S0", (*_DERIVED, "S0"), priority=6),
        look=Look(Kind.DECAY),
    )
    R2_STAR_SD = QuantityRow(
        26, "r2star_sd", "1/s", file="desc-sd_R2starmap", integer_step=0.1,
        dicom=in_steps(
            19, "R2starsd_per_s", (*_DERIVED, "R2_STAR_SD"), 0.1, _PER_S, window=(10.0, 20.0)
        ),
        look=Look(Kind.DECAY, Colours.SEQUENTIAL, by_values=True, of_medians=_SPREAD),
    )
    R2_STAR_MISFIT = QuantityRow(
        27, "r2star_misfit", file="desc-misfit_R2starmap", integer_step=0.01,
        dicom=in_steps(
            26, "R2starMisfit", (*_DERIVED, "R2_STAR_MISFIT"), 0.01, NO_UNIT, window=(2.5, 5.0)
        ),
        look=Look(Kind.DECAY),
    )
    VEINS = QuantityRow(
        28, "veins",
        dicom=in_steps(22, "Veins", (*_DERIVED, "VEINS"), 1.0, NO_UNIT, window=(0.5, 1.0)),
        look=Look(Kind.SUSCEPTIBILITY),
    )
    MAGNITUDE_PREVIEW = QuantityRow(
        29, "magnitude_preview", file="desc-preview_magnitude",
        dicom=StorageForm(27, "MagPreview", (*_DERIVED, "PREVIEW"), priority=1),
        look=Look(Kind.ECHOES),
    )
    SWI_PREVIEW = QuantityRow(
        30, "swi_preview", file="desc-preview_swi",
        dicom=StorageForm(28, "SWIpreview", (*_DERIVED, "SWI"), priority=1),
        look=Look(Kind.WEIGHTED),
    )
    G_FACTOR = QuantityRow(
        31, "g_factor", file="desc-gfactor_map", integer_step=0.01,  # as Gadgetron sends it
        dicom=in_steps(29, "GFactor", (*_DERIVED, "G_FACTOR"), 0.001, NO_UNIT, window=(2.0, 4.0)),
        look=Look(Kind.QUALITY),
    )
    MAGNITUDE_COMBINED = QuantityRow(
        32, "magnitude_combined", image_type=1, file="desc-combined_magnitude", is_windowed=True,
        dicom=StorageForm(3, "MagComb", (*_DERIVED, "M", "SOS"), priority=1),
        look=Look(Kind.ECHOES),
    )
    # fmt: on

    @property
    def row(self) -> QuantityRow:
        """Its words and numbers."""
        return self.value

    @property
    def label(self) -> str:
        """Stable word for the wire and for file names."""
        return self.value.label

    @property
    def unit(self) -> str:
        """Unit as read by a person; empty where the scale is arbitrary."""
        return self.value.unit

    @property
    def dicom(self) -> StorageForm | None:
        """How DICOM stores it; ``None`` where DICOM has no form for it."""
        return self.value.dicom

"""The packed structures of the MRD wire as NumPy dtypes, and the flag bits.

Offsets are those of ``ismrmrd.h`` (little-endian, 2-byte packing; the waveform header alone has
natural alignment). One dtype serves parsing, writing and HDF5.
"""

import numpy as np

COUNTERS = np.dtype(
    [
        ("kspace_encode_step_1", "<u2"),
        ("kspace_encode_step_2", "<u2"),
        ("average", "<u2"),
        ("slice", "<u2"),
        ("contrast", "<u2"),
        ("phase", "<u2"),
        ("repetition", "<u2"),
        ("set", "<u2"),
        ("segment", "<u2"),
        ("user", "<u2", (8,)),
    ]
)
"""Encoding counters, 34 bytes."""

ACQUISITION = np.dtype(
    [
        ("version", "<u2"),
        ("flags", "<u8"),
        ("measurement_uid", "<u4"),
        ("scan_counter", "<u4"),
        ("acquisition_time_stamp", "<u4"),
        ("physiology_time_stamp", "<u4", (3,)),
        ("number_of_samples", "<u2"),
        ("available_channels", "<u2"),
        ("active_channels", "<u2"),
        ("channel_mask", "<u8", (16,)),
        ("discard_pre", "<u2"),
        ("discard_post", "<u2"),
        ("center_sample", "<u2"),
        ("encoding_space_ref", "<u2"),
        ("trajectory_dimensions", "<u2"),
        ("sample_time_us", "<f4"),
        ("position", "<f4", (3,)),
        ("read_dir", "<f4", (3,)),
        ("phase_dir", "<f4", (3,)),
        ("slice_dir", "<f4", (3,)),
        ("patient_table_position", "<f4", (3,)),
        ("idx", COUNTERS),
        ("user_int", "<i4", (8,)),
        ("user_float", "<f4", (8,)),
    ]
)
"""Acquisition header, 340 bytes."""

IMAGE = np.dtype(
    [
        ("version", "<u2"),
        ("data_type", "<u2"),
        ("flags", "<u8"),
        ("measurement_uid", "<u4"),
        ("matrix_size", "<u2", (3,)),
        ("field_of_view", "<f4", (3,)),
        ("channels", "<u2"),
        ("position", "<f4", (3,)),
        ("read_dir", "<f4", (3,)),
        ("phase_dir", "<f4", (3,)),
        ("slice_dir", "<f4", (3,)),
        ("patient_table_position", "<f4", (3,)),
        ("average", "<u2"),
        ("slice", "<u2"),
        ("contrast", "<u2"),
        ("phase", "<u2"),
        ("repetition", "<u2"),
        ("set", "<u2"),
        ("acquisition_time_stamp", "<u4"),
        ("physiology_time_stamp", "<u4", (3,)),
        ("image_type", "<u2"),
        ("image_index", "<u2"),
        ("image_series_index", "<u2"),
        ("user_int", "<i4", (8,)),
        ("user_float", "<f4", (8,)),
        ("attribute_string_len", "<u4"),
    ]
)
"""Image header, 198 bytes; triples are (x, y, z)."""

WAVEFORM = np.dtype(
    {
        "names": [
            "version",
            "flags",
            "measurement_uid",
            "scan_counter",
            "time_stamp",
            "number_of_samples",
            "channels",
            "sample_time_us",
            "waveform_id",
        ],
        "formats": ["<u2", "<u8", "<u4", "<u4", "<u4", "<u2", "<u2", "<f4", "<u2"],
        "offsets": [0, 8, 16, 20, 24, 28, 30, 32, 36],
        "itemsize": 40,
    }
)
"""Waveform header, 40 bytes."""

LINE_ID = 1008
"""Id in front of every line: runs of lines are found by it."""

PIXELS: dict[int, np.dtype[np.generic]] = {
    1: np.dtype("<u2"),
    2: np.dtype("<i2"),
    3: np.dtype("<u4"),
    4: np.dtype("<i4"),
    5: np.dtype("<f4"),
    6: np.dtype("<f8"),
    7: np.dtype("<c8"),
    8: np.dtype("<c16"),
}
"""Image data types by their number on the wire; 4 is 32-bit."""

PIXEL_TYPES = {kind: number for number, kind in PIXELS.items()}
"""Numbers of the image data types."""


def flag(bit: int) -> int:
    """Mask of a 1-based flag bit.

    >>> hex(flag(19))
    '0x40000'
    """
    return 1 << (bit - 1)


FIRST_IN_SLICE, LAST_IN_SLICE = flag(7), flag(8)
FIRST_IN_REPETITION, LAST_IN_REPETITION = flag(13), flag(14)
NOISE = flag(19)
PARALLEL_CALIBRATION = flag(20)
PARALLEL_CALIBRATION_AND_IMAGING = flag(21)
REVERSE = flag(22)
NAVIGATION = flag(23)
PHASE_CORRECTION = flag(24)
LAST_IN_MEASUREMENT = flag(25)
HP_FEEDBACK = flag(26)
DUMMY_SCAN = flag(27)
RT_FEEDBACK = flag(28)
SURFACE_COIL_CORRECTION = flag(29)
PHASE_STABILIZATION_REFERENCE = flag(30)
PHASE_STABILIZATION = flag(31)
COMPRESSION_ZFP = flag(53)
COMPRESSION_NHLBI = flag(54)

NOT_IMAGING = (
    NOISE
    | PARALLEL_CALIBRATION
    | NAVIGATION
    | PHASE_CORRECTION
    | HP_FEEDBACK
    | DUMMY_SCAN
    | RT_FEEDBACK
    | SURFACE_COIL_CORRECTION
    | PHASE_STABILIZATION_REFERENCE
    | PHASE_STABILIZATION
)
"""Lines with one of these bits do not belong to the image's k-space."""

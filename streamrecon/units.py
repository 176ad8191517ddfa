"""Constants, and the conversions between the units of the wire and ours.

Inside, everything is s, T, Hz, rad, 1/s, mm and ppm; MRD and DICOM speak ms, µs and degrees. They
are converted in `streamrecon.mrd.header.protocol` and `streamrecon.dicom.objects.mr_images`,
nowhere else.
"""

import math

GAMMA_BAR_HZ_PER_T = 42.577478518e6
"""Proton gyromagnetic ratio over 2π [Hz/T], CODATA 2018, shielded in water within 26 ppm."""

MIB = 1 << 20
GIB = 1 << 30
"""Bytes."""


def s_from_ms(ms: float) -> float:
    """Seconds from milliseconds.

    >>> s_from_ms(12.5)
    0.0125
    """
    return ms / 1e3


def s_from_us(us: float) -> float:
    """Seconds from microseconds.

    >>> s_from_us(5.0)
    5e-06
    """
    return us / 1e6


def rad_from_deg(deg: float) -> float:
    """Radians from degrees.

    >>> round(rad_from_deg(180.0), 6)
    3.141593
    """
    return math.radians(deg)


_ONE = {
    "ppm": {"ppm": 1.0, "ppb": 1e-3},
    "Hz": {"Hz": 1.0, "kHz": 1e3, "rad/s": 1 / (2 * math.pi)},
    "1/s": {"1/s": 1.0, "s^-1": 1.0, "s-1": 1.0, "Hz": 1.0, "1/ms": 1e3, "ms^-1": 1e3, "ms-1": 1e3},
    "s": {"s": 1.0, "ms": 1e-3},
    "rad": {"rad": 1.0, "radian": 1.0, "radians": 1.0, "deg": math.pi / 180},
}


def unit_factor(found: str, needed: str) -> float:
    """What numbers in the unit that a file states are multiplied by to be in ours.

    >>> unit_factor("ppb", "ppm"), unit_factor("normalized", "")
    (0.001, 1.0)

    Raises
    ------
    ValueError
        If they measure different things, or the unit is not known.
    """
    if not found or not needed or found == needed:
        return 1.0
    try:
        return _ONE[needed][found]
    except KeyError as e:
        raise ValueError(f"found {found}, needed {needed}") from e


def hz_per_ppm(b0_t: float) -> float:
    """Frequency that a relative field of 1 ppm makes at ``b0_t`` [Hz/ppm].

    >>> round(hz_per_ppm(3.0), 3)
    127.732
    """
    return GAMMA_BAR_HZ_PER_T * b0_t * 1e-6

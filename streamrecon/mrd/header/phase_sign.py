"""Finds the phase sign of a scanner, in raw data and in images, from sources in order of trust."""

from __future__ import annotations

import re

from streamrecon.model.scan import PhaseSign, SignOrigin

RAW_SIGN = {
    # PTB-MR/mrpro pull 833: Siemens' directions are those of an image made by the forward
    # transform, so its raw data turn as exp(+i·k·r). Gradients and field differences turn the
    # spins by the same mechanism, hence exp(+i·2π·γ̄·ΔB·TE). An inference, not a measurement.
    "siemens": 1,
}
"""Sign of the phase of raw data by the first word of the vendor's name, lower case.

The signs of vendors' DICOM phase images do not belong here: those are made by the vendor's own
reconstruction (GE's has the opposite sign of Philips' and Siemens'). A vendor of whose raw data
nothing is known is absent.
"""

IMAGE_SIGN = {"siemens": 1, "philips": 1, "ge": -1}
"""Sign of the phase of vendors' own images; published pipelines turn GE's round and no other.

QSM Consensus (2024) Magn Reson Med 91:1834, doi:10.1002/mrm.30006, and its code.
"""

_STATED = re.compile(r"([+-]1) \(([a-z ]+)\)")


def phase_sign(*, chain: int | None, header: int | None, vendor: str) -> PhaseSign:
    """Sign from the chain file, else the header, else the vendor table, else +1 as assumed.

    Raises
    ------
    HeaderError
        If the sign is neither +1 nor -1.

    Examples
    --------
    >>> print(phase_sign(chain=None, header=-1, vendor="SIEMENS"))
    -1 (header)
    >>> print(phase_sign(chain=None, header=None, vendor=""))
    +1 (assumed)
    """
    if chain is not None:
        return PhaseSign(chain, SignOrigin.CHAIN)
    if header is not None:
        return PhaseSign(header, SignOrigin.HEADER)
    known = RAW_SIGN.get(vendor.lower().partition(" ")[0])
    if known is not None:
        return PhaseSign(known, SignOrigin.VENDOR)
    return PhaseSign(1, SignOrigin.ASSUMED)


def image_sign(*, chain: int | None, vendor: str) -> PhaseSign:
    """Sign of phase images from the chain file, else the vendor table, else +1 as assumed.

    The header's sign is that of raw data, and says nothing of images.

    >>> print(image_sign(chain=None, vendor="GE MEDICAL SYSTEMS"))
    -1 (vendor table)

    Raises
    ------
    HeaderError
        If the sign is neither +1 nor -1.
    """
    if chain is not None:
        return PhaseSign(chain, SignOrigin.CHAIN)
    known = IMAGE_SIGN.get(vendor.lower().partition(" ")[0])
    if known is not None:
        return PhaseSign(known, SignOrigin.VENDOR)
    return PhaseSign(1, SignOrigin.ASSUMED)


def stated_sign(text: str) -> PhaseSign | None:
    """Sign that an image says was taken off, as `PhaseSign` writes it; ``None`` for other texts.

    >>> stated_sign("-1 (header)")
    PhaseSign(value=-1, origin=<SignOrigin.HEADER: 'header'>)
    """
    found = _STATED.fullmatch(text)
    origins = {origin.value: origin for origin in SignOrigin}
    if not found or found[2] not in origins:
        return None
    return PhaseSign(int(found[1]), origins[found[2]])

"""Which way a scanner's phase turns in its raw data: who says so, in order of trust."""

from __future__ import annotations

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

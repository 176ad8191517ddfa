"""Decides the phase sign from stated signs and from the object itself."""

from __future__ import annotations

from dataclasses import dataclass

from streamrecon.model.notice import Level
from streamrecon.model.scan import PhaseSign, SignOrigin

_STATED = frozenset({SignOrigin.GIVEN, SignOrigin.CHAIN, SignOrigin.HEADER, SignOrigin.INFERRED})


@dataclass(frozen=True, slots=True)
class SignDecision:
    """The sign to go on with, how loudly that is said, and why.

    Parameters
    ----------
    sign
        The sign and where it comes from.
    level
        A warning where somebody should look.
    reason
        One clause, for the console and for the images.
    """

    sign: PhaseSign
    level: Level
    reason: str

    def turns(self, other: PhaseSign) -> bool:
        """Whether data of the other sign are to be turned round."""
        return self.sign.value != other.value


def decide_sign(sign: PhaseSign, *, outline: int, patient: int) -> SignDecision:
    """Weigh a sign against two checks of the data made with it.

    Physics comes first: where the object's outline decides, iron and veins are not needed. Nothing
    overrules who stated a sign, and only both checks together overrule a vendor table. Each check
    can be misled: the outline where bones or air outside the field of view bound the object, iron
    and veins by calcified nuclei and contrast agents.

    Parameters
    ----------
    sign
        The sign with which the data were made.
    outline
        +1 where the field of the outline agrees with it, -1 where it contradicts, 0 undecided.
    patient
        The same of iron and veins; 0 where no brain was recognised.

    Examples
    --------
    >>> decide_sign(PhaseSign(1, SignOrigin.ASSUMED), outline=-1, patient=0).sign
    PhaseSign(value=-1, origin=<SignOrigin.INFERRED: 'inferred'>)
    >>> decide_sign(PhaseSign(1, SignOrigin.VENDOR), outline=0, patient=-1).sign.value
    1
    """
    checks = {"the object's outline": outline, "iron and veins": patient}
    against = " and ".join(name for name, vote in checks.items() if vote < 0)
    if sign.origin is SignOrigin.ASSUMED:
        return _inferred(sign, outline or patient, against)
    if sign.origin is SignOrigin.VENDOR and outline < 0 and patient < 0:
        return _turned(sign, against)
    if not against or (sign.origin in _STATED and outline > 0):
        return SignDecision(sign, Level.INFO, f"{sign}")
    kept = "one check alone turns no table" if sign.origin is SignOrigin.VENDOR else "it is kept"
    return SignDecision(sign, Level.WARNING, f"{sign} in doubt, against {against}; {kept}")


def _inferred(sign: PhaseSign, vote: int, against: str) -> SignDecision:
    if vote < 0:
        return _turned(sign, against)
    if vote == 0:
        return SignDecision(sign, Level.WARNING, f"{sign}, and nothing in the data tells")
    found = PhaseSign(sign.value, SignOrigin.INFERRED)
    if against:
        return SignDecision(found, Level.WARNING, f"{found}, against {against}")
    return SignDecision(found, Level.INFO, f"{found}")


def _turned(sign: PhaseSign, against: str) -> SignDecision:
    turned = PhaseSign(-sign.value, SignOrigin.INFERRED)
    return SignDecision(turned, Level.WARNING, f"{turned}: {sign} is contradicted by {against}")

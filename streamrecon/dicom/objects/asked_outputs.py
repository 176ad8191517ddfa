"""Which kinds of image the gadgets of a run send as DICOM, one by one and together."""

from __future__ import annotations


def names_in(outputs: str) -> set[str]:
    """Names in ``outputs``, a list with commas; none where ``all`` is among them.

    >>> sorted(names_in("Mag, SWI,")), names_in("all")
    (['Mag', 'SWI'], set())
    """
    names = {name.strip() for name in outputs.split(",")} - {""}
    return set() if "all" in names else names


def is_asked_for(suffix: str, outputs: str) -> bool:
    """Whether a kind of image is among ``outputs``, a list with commas; an empty list is all.

    Examples
    --------
    >>> is_asked_for("SWI", "Mag, SWI"), is_asked_for("Phs", "Mag, SWI"), is_asked_for("Phs", "")
    (True, False, True)
    """
    names = names_in(outputs)
    return not names or suffix in names


class AskedOutputs:
    """What several gadgets ask for, together.

    They add theirs when they enter a run, one after another; from the first item on nothing
    changes. So a map knows which echo images another branch will send.

    Examples
    --------
    >>> asked = AskedOutputs()
    >>> asked.add("Mag")
    >>> asked.add("QSM_ppb")
    >>> "Mag" in asked, "Phs" in asked
    (True, False)
    """

    def __init__(self) -> None:
        self._lists: list[str] = []

    def add(self, outputs: str) -> None:
        """Add what one gadget asks for."""
        self._lists.append(outputs)

    def __contains__(self, suffix: str) -> bool:
        """Whether any of them asks for a kind of image."""
        return any(is_asked_for(suffix, outputs) for outputs in self._lists)

"""Names of the kinds of image that are stored, as settings and chain files choose among them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from streamrecon.model.outputs.quantities import Quantity

SEGMENTS, REPORT, MAP, PAGE = "Seg", "Report", "ReadingMap", "ReadingPage"
"""What readings send beside the images: segments, structured report, float map, page."""


def refuse_unknown(names: Iterable[str]) -> None:
    """Refuse a name that no image will ever have: what it asks for would be lost without a word.

    >>> refuse_unknown(["Mag", "QSM"])
    Traceback (most recent call last):
    ...
    ValueError: found 'QSM', which no image is called; did you mean QSM_ppb?

    Raises
    ------
    ValueError
        With the nearest name that there is, else with all.
    """
    stored = [(each.label, form.suffix) for each in Quantity if (form := each.dicom) is not None]
    stored += [(name, name) for name in (SEGMENTS, REPORT, MAP, PAGE)]
    known = {suffix for _, suffix in stored}
    words = {word.casefold(): suffix for label, suffix in stored for word in (label, suffix)}
    for name in sorted(set(names) - known):
        near = get_close_matches(name.casefold(), words, n=1, cutoff=0.5)
        every = ", ".join(sorted(known))
        hint = f"did you mean {words[near[0]]}?" if near else f"known: {every}"
        raise ValueError(f"found {name!r}, which no image is called; {hint}")

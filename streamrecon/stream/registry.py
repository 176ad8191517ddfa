"""The gadgets that a chain file may name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from streamrecon.stream.run.serial import AnyGadget

GadgetClass = type[AnyGadget]


class Registry:
    """Gadget classes by name: the class's own, and those of the stock gadgets it stands for.

    Parameters
    ----------
    gadgets
        What a chain file may name.
    front
        Goes ahead of every chain, with the parameters that are the scan's; no file names it.

    Raises
    ------
    ValueError
        If two classes claim one name.
    """

    def __init__(self, gadgets: Iterable[GadgetClass], *, front: GadgetClass | None = None) -> None:
        self.front = front
        self._by_name: dict[str, GadgetClass] = {}
        for gadget in gadgets:
            for name in (gadget.__name__, *gadget.stock_names):
                if name in self._by_name:
                    raise ValueError(f"gadget name {name!r} is claimed twice")
                self._by_name[name] = gadget

    def find(self, name: str) -> GadgetClass | None:
        """Class of that name, or ``None``."""
        return self._by_name.get(name)

    def nearest(self, name: str) -> str | None:
        """Known name that is most like ``name``, if one is like it at all.

        Examples
        --------
        >>> Registry(()).nearest("InvertTKD") is None
        True
        """
        folded = {known.casefold(): known for known in self._by_name}
        near = get_close_matches(name.casefold(), folded, n=1)
        return folded[near[0]] if near else None

    @property
    def gadgets(self) -> tuple[GadgetClass, ...]:
        """Every class once, in the order given."""
        return tuple(dict.fromkeys(self._by_name.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, sorted."""
        return tuple(sorted(self._by_name))

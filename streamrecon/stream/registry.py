"""The gadgets that a chain file may name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from types import MappingProxyType

from streamrecon.errors import ConfigError
from streamrecon.stream.installed import InstalledGadget
from streamrecon.stream.run.serial import AnyGadget

GadgetClass = type[AnyGadget]

_NONE: Mapping[str, str] = MappingProxyType({})


class Registry:
    """Gadget classes by name: the class's own, and those of the stock gadgets it stands for.

    Parameters
    ----------
    gadgets
        The classes.
    ahead
        Go ahead of every chain, with the parameters that are the scan's; no file names them.
    behind
        Come behind every chain; no file names them.
    aliases
        Names that a class had before: old → new. A chain file that uses one is told the new one.
    installed
        Gives the gadgets of other packages; asked once, when the first name is looked up.

    Raises
    ------
    ValueError
        If two classes claim one name, or an old name is still one or leads nowhere.
    """

    def __init__(
        self,
        gadgets: Iterable[GadgetClass],
        *,
        ahead: Sequence[GadgetClass] = (),
        behind: Sequence[GadgetClass] = (),
        aliases: Mapping[str, str] = _NONE,
        installed: Callable[[], Iterable[InstalledGadget]] = tuple,
    ) -> None:
        self.ahead, self.behind = tuple(ahead), tuple(behind)
        self._by_name: dict[str, GadgetClass] = {}
        for gadget in gadgets:
            for name in (gadget.__name__, *gadget.stock_names):
                if name in self._by_name:
                    raise ValueError(f"gadget name {name!r} is claimed twice")
                self._by_name[name] = gadget
        for old, new in aliases.items():
            if old in self._by_name or new not in self._by_name:
                raise ValueError(f"alias {old!r} of {new!r}: still a name, or of no gadget")
        self._aliases = dict(aliases)
        self._ask_installed = installed

    def find(self, name: str) -> GadgetClass | None:
        """Class of that name, old or new, of ours or of another package, or ``None``.

        Raises
        ------
        ConfigError
            If several packages claim the name, or the one that does is broken.
        """
        own = self._by_name.get(self._aliases.get(name, name))
        others = [each for each in self.installed if each.name == name]
        claims = [*(["streamrecon"] if own else []), *(each.package for each in others)]
        if len(claims) > 1:
            raise ConfigError(f"claimed by {' and by '.join(claims)}: only one can be installed")
        return others[0].load() if others else own

    @cached_property
    def installed(self) -> tuple[InstalledGadget, ...]:
        """Gadgets of other packages, broken ones too."""
        return tuple(self._ask_installed())

    def old_names(self, gadget: GadgetClass) -> tuple[str, ...]:
        """Names that the class had before."""
        return tuple(old for old, new in self._aliases.items() if new == gadget.__name__)

    def nearest(self, name: str) -> str | None:
        """Known name that is most like ``name``, if one is like it at all.

        Examples
        --------
        >>> Registry(()).nearest("InvertTKD") is None
        True
        """
        folded = {known.casefold(): known for known in self.names}
        near = get_close_matches(name.casefold(), folded, n=1)
        return folded[near[0]] if near else None

    @property
    def gadgets(self) -> tuple[GadgetClass, ...]:
        """Every class of ours once, in the order given."""
        return tuple(dict.fromkeys(self._by_name.values()))

    @property
    def names(self) -> tuple[str, ...]:
        """Every name, sorted."""
        return tuple(sorted({*self._by_name, *(each.name for each in self.installed)}))

"""Finds gadgets of installed packages by the entry-point group `streamrecon.gadgets`.

A package that somebody has installed on this machine is trusted; a name from a chain file or from a
client is not. So a name is looked up among the entry points, and never imported as a module.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from streamrecon.errors import ConfigError
from streamrecon.stream.gadget import Gadget
from streamrecon.stream.run.serial import AnyGadget

GROUP = "streamrecon.gadgets"


@dataclass(frozen=True, slots=True)
class InstalledGadget:
    """A gadget that a package promises; its module is loaded when a chain names it.

    Parameters
    ----------
    entry
        Its entry point: the name that a chain file uses, and the class.
    package
        Name and version of the package.
    """

    entry: EntryPoint
    package: str

    @property
    def name(self) -> str:
        """What a chain file calls it."""
        return self.entry.name

    def load(self) -> type[AnyGadget]:
        """Import the class.

        Raises
        ------
        ConfigError
            If its module fails, or it is no gadget of that name; with the package.
        """
        try:
            found = self.entry.load()
        except (Exception, SystemExit) as e:
            reason = f"{type(e).__name__}: {e}"
            raise ConfigError(f"package {self.package} cannot be loaded: {reason}") from e
        if not (isinstance(found, type) and issubclass(found, Gadget)):
            raise ConfigError(f"package {self.package}: {self.entry.value} is no class of gadgets")
        if found.__name__ != self.name:
            raise ConfigError(
                f"package {self.package}: found the class {found.__name__},"
                f" needed one called {self.name} as its entry point"
            )
        return found


def installed_gadgets() -> Iterator[InstalledGadget]:
    """Gadgets that the packages of this environment promise, by name; none is loaded."""
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "of no name"
        yield InstalledGadget(entry, package)

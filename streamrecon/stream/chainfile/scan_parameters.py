"""Parameters that are the scan's, whichever gadget of a chain file is given them."""

from __future__ import annotations

from collections.abc import Mapping

from streamrecon.errors import ConfigError
from streamrecon.stream.chainfile.spec import GadgetSpec
from streamrecon.stream.run.serial import AnyGadget


def scan_parameters(made: Mapping[GadgetSpec, AnyGadget]) -> dict[str, object]:
    """Values of `Gadget.of_scan` in a chain, by name; those that no gadget was given are absent.

    Raises
    ------
    ConfigError
        If two gadgets were given different ones.
    """
    found: dict[str, tuple[object, GadgetSpec]] = {}
    for spec, gadget in made.items():
        for name in gadget.of_scan:
            value = getattr(gadget, name)
            if value is None:
                continue
            known, first = found.setdefault(name, (value, spec))
            if known != value:
                raise ConfigError(
                    f"line {spec.line}: {spec.name}.{name}: found {value}, but {first.name}.{name}"
                    f" is {known} (line {first.line}): needed one for the whole scan"
                )
    return {name: value for name, (value, _) in found.items()}

"""Which images of the echoes a run sends: maps refer to them, also before they are made."""

from __future__ import annotations

from streamrecon.model.outputs.quantities import Quantity


class SourceImages:
    """Promised by the gadgets of a run when they enter it, read by those that write DICOM.

    Gadgets enter one after another before the first item; from then on nothing changes.
    """

    def __init__(self) -> None:
        self._quantities: dict[Quantity, None] = {}

    def promise(self, *quantities: Quantity) -> None:
        """Note that the run will send these of every echo."""
        self._quantities.update(dict.fromkeys(quantities))

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What was promised, in the order of its series."""
        return tuple(sorted(self._quantities, key=lambda quantity: quantity.row.series))

"""Numbers of the series that a console is sent, clear of those of the scanner's own images."""

from __future__ import annotations

from collections import Counter
from enum import Enum

from streamrecon.model.outputs.quantities import Quantity

FIRST = 200
"""Above the series of a scanner's own images, which are counted from 0, and the blocks at 100 and
180 that another reconstruction in the same console takes; below 1000, from where converters fold
numbers back that one enhanced file was split into."""

_BLOCK = 100  # more than there are quantities
_WIRE = 2**16  # as wide as the wire's field


class Grouping(Enum):
    """How many series a scan's images come in."""

    EACH = "each"
    """One for each kind of image."""
    ONE = "one"
    """One for all of one size."""


class ConsoleSeries:
    """Gives series their numbers, and images theirs within a series, from 1.

    A kind of image has the number of the block's first plus its own of the table. Where the scanner
    has that number, or the series has images of another size, it is the same place in the next
    block.

    Examples
    --------
    >>> series = ConsoleSeries(200)
    >>> series.number(Quantity.CHI, (3, 4)), series.number(Quantity.CHI, (5, 6))
    (208, 308)
    >>> series.reserve(211)
    >>> series.number(Quantity.SWI, (3, 4)), series.next_index(311, 3), series.next_index(311, 3)
    (311, 1, 4)
    """

    def __init__(self, first: int = FIRST, grouping: Grouping = Grouping.EACH) -> None:
        self._first = first
        self._grouping = grouping
        self._of_scanner: set[int] = set()
        self._kinds: dict[int, object] = {}
        self._counted: Counter[int] = Counter()

    def reserve(self, number: int) -> None:
        """Keep clear of a series of the scanner's own."""
        self._of_scanner.add(number)

    def wanted(self, quantity: Quantity) -> int:
        """Its number where nobody else has it."""
        return self._first + (quantity.row.series if self._grouping is Grouping.EACH else 0)

    def number(self, quantity: Quantity, size: tuple[int, ...]) -> int:
        """Series of an image [y, x]."""
        kind = (quantity, size) if self._grouping is Grouping.EACH else size
        number = self.wanted(quantity)
        while number in self._of_scanner or self._kinds.setdefault(number, kind) != kind:
            number = (number + _BLOCK) % _WIRE
        return number

    def is_of_scanner(self, number: int) -> bool:
        """Whether the scanner has a series of that number."""
        return number in self._of_scanner

    def next_index(self, number: int, count: int) -> int:
        """Index of the next image of a series that is given ``count`` more."""
        first = 1 + self._counted[number]
        self._counted[number] += count
        return first

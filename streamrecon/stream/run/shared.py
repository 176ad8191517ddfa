"""What the gadgets of one run have in common, whatever branch they stand in."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import TypeVar

T = TypeVar("T")


class Shared:
    """One object per kind and name, made by the gadget that asks first.

    Branches run in threads: what is kept here must stand being used by several at once.
    """

    def __init__(self) -> None:
        self._making = Lock()
        self._made: dict[tuple[type, Hashable], object] = {}

    def one(self, kind: type[T], name: Hashable, make: Callable[[], T]) -> T:
        """The object of that kind and name.

        >>> shared = Shared()
        >>> shared.one(list, "seen", list).append(1)
        >>> shared.one(list, "seen", list)
        [1]
        """
        with self._making:
            found = self._made.get((kind, name))
            if not isinstance(found, kind):
                found = self._made[kind, name] = make()
            return found

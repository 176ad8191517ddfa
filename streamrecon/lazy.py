"""Names that a package lists in its stub, each loaded when it is first used (PEP 562).

The stub ``__init__.pyi`` is the one list: type checkers read it, and so does `listed_in_stub`. Its
lines are ``from package.room import name as name``; beside them only annotations may stand in it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

_LISTED = re.compile(r"^from ([\w.]+) import (\w+) as \2$", re.MULTILINE)


def listed_in_stub(
    package: str, file: str
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package.

    Parameters
    ----------
    package, file
        ``__name__`` and ``__file__`` of the package.

    Examples
    --------
    >>> import streamrecon.phase
    >>> "unwrap_laplacian" in streamrecon.phase.__all__
    True
    """
    stub = Path(file).with_suffix(".pyi").read_text(encoding="utf-8")
    room_of = {name: room for room, name in _LISTED.findall(stub)}

    def load(name: str) -> object:
        if name not in room_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found: object = getattr(import_module(room_of[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *room_of})

    return load, names, sorted(room_of)

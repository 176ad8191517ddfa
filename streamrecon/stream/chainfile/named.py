"""Names the chain file in what is refused of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from streamrecon.errors import ConfigError


@contextmanager
def of_chain(name: str) -> Iterator[None]:
    """Put the chain's name ahead of what is refused within, once; nothing for one without a name.

    Raises
    ------
    ConfigError
        That of the block.
    """
    try:
        yield
    except ConfigError as e:
        place = f"chain {name}: "
        if not name or str(e).startswith(place):
            raise
        raise ConfigError(f"{place}{e}") from e

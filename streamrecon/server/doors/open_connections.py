"""Decides who gets in when connections are short: those that say nothing make room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

GRACE_S = 1.0
"""From connecting to the first message: milliseconds in a hospital's network."""


@dataclass(slots=True, eq=False)
class Guest:
    """One open connection.

    Parameters
    ----------
    address
        Where it comes from.
    since_s
        When it came, on a clock that only goes on.
    is_silent
        Whether its first message is not there yet: no worker knows of it.
    has_place
        Whether it counts as one of its address's scans.
    """

    address: str
    since_s: float = 0.0
    is_silent: bool = True
    has_place: bool = False


class TurnedAwayError(Exception):
    """There is no room, and nobody silent who could make some."""


def makes_room(
    guests: Collection[Guest], newcomer: Guest, *, most: int, most_of_address: int
) -> Guest | None:
    """Whom a newcomer replaces, ``None`` where there is room.

    One address never has more than its share; beyond that the oldest silent connection of the
    address that has most of them goes, so that who opens many takes the door from nobody else.

    Parameters
    ----------
    guests
        Who is here, the oldest first.
    newcomer
        Who wants to get in. Whoever came less than `GRACE_S` before is not silent yet.
    most, most_of_address
        Connections at once, of all and of one address.

    Raises
    ------
    TurnedAwayError
        If all who could go have spoken; it says why.

    Examples
    --------
    >>> crowd = [Guest("10.0.0.1"), Guest("10.0.0.2"), Guest("10.0.0.2")]
    >>> makes_room(crowd, Guest("10.0.0.3", 9.0), most=3, most_of_address=2) is crowd[1]
    True
    >>> makes_room(crowd, Guest("10.0.0.1", 9.0), most=4, most_of_address=2) is None
    True
    """
    own = [guest for guest in guests if guest.address == newcomer.address]
    silent = [g for g in guests if g.is_silent and g.since_s <= newcomer.since_s - GRACE_S]
    if len(own) >= most_of_address:
        silent = [guest for guest in silent if guest.address == newcomer.address]
        return _first(silent, f"{len(own)} connections of this address are open")
    if len(guests) < most:
        return None
    counts = Counter(guest.address for guest in silent)
    silent.sort(key=lambda guest: -counts[guest.address])  # stable: the oldest of an address first
    return _first(silent, f"{len(guests)} connections are open")


def _first(silent: Sequence[Guest], why_not: str) -> Guest:
    if not silent:
        raise TurnedAwayError(why_not)
    return silent[0]

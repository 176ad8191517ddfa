"""Echo times as a person types them, and as sidecars have them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from streamrecon.errors import ConfigError
from streamrecon.input_checks import LONGEST_TE_S
from streamrecon.units import s_from_ms

_UNSURE_S = (0.0549, LONGEST_TE_S)  # one bare number: late seconds, or milliseconds of a UTE scan


def times_s(texts: Sequence[str]) -> tuple[float, ...]:
    """Echo times with their unit, or with none where the numbers leave no doubt [s].

    Examples
    --------
    >>> times_s(["4", "8.5"]), times_s(["0.004,0.0085"]), times_s(["4ms", "8.5ms"])
    ((0.004, 0.0085), (0.004, 0.0085), (0.004, 0.0085))

    Raises
    ------
    ConfigError
        If they are no numbers, some have a unit and some have not, or they are of both kinds.
    """
    words = [word for text in texts for word in re.split(r"[,\s]+", text) if word]
    found = [re.fullmatch(r"([0-9.]+(?:[eE][-+]?\d+)?)(ms|s)?", word) for word in words]
    units = {match[2] for match in found if match}
    if not words or None in found or len(units) != 1:
        raise ConfigError(f"--te: found {' '.join(words)!r}, needed numbers, in ms or in s")
    numbers = [float(match[1]) for match in found if match]
    if units == {None} and len(numbers) == 1 and _UNSURE_S[0] < numbers[0] < _UNSURE_S[1]:
        raise ConfigError(f"--te: found {words[0]}: is it ms or s? (as {words[0]}ms)")
    if units == {None}:
        units = {"s"} if max(numbers) < LONGEST_TE_S else {"ms"}
        if min(numbers) < LONGEST_TE_S and units == {"ms"}:
            raise ConfigError(f"--te: found {' '.join(words)!r}: is it ms or s? (as 4ms 8ms)")
    return tuple(s_from_ms(n) if units == {"ms"} else n for n in numbers)


def times_in(sidecars: Sequence[Mapping[str, object]]) -> tuple[float, ...]:
    """Echo times of sidecars that have one each, or of one that lists them [s]; gaps left out."""
    listed = sidecars[0].get("EchoTime") if len(sidecars) == 1 else None
    each = [{"EchoTime": t} for t in listed] if isinstance(listed, list) else sidecars
    found = (number_in(facts, "EchoTime") for facts in each)
    return tuple(t for t in found if t is not None)


def number_in(facts: Mapping[str, object], name: str) -> float | None:
    """A number of a sidecar, also where a tool has written it as text.

    >>> number_in({"EchoTime": "0.004"}, "EchoTime")
    0.004
    """
    value = facts.get(name)
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except ValueError:
        return None

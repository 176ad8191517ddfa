"""Names the files of a scan: BIDS entities after the protocol's name."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, count

from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.images.volumes_from_images import Stack

_LONGEST = 64  # letters of a protocol name: file systems and readers take more, eyes do not
_ROWS = {each.label: each.row for each in Quantity}


def plain(name: str) -> str:
    """A protocol's name reduced to letters and digits with single hyphens.

    >>> plain("QSM_3D  0.8mm (Kopf,über)/../x")
    'QSM-3D-0-8mm-Kopf-uber-x'
    >>> plain("脑")
    'scan'
    """
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    hyphened = re.sub(r"[^A-Za-z0-9]+", "-", letters)[:_LONGEST].strip("-")
    return hyphened or "scan"


def stems(stacks: Sequence[Stack], protocol: str) -> list[str]:
    """A name for each stack, without ending, all different.

    ``<protocol>[_acq-<k>][_run-<n>][_echo-<n>][_part-<mag|phase|…>]_<suffix>``; ``run`` counts
    repetitions where there are several, and ``acq`` the volumes that the server itself does not
    tell apart, in the order they came. Protocol and label are a peer's words: of each only letters,
    digits and hyphens are left, and names that differ in case alone are numbered too.
    """
    repeated = len({stack.repetition for stack in stacks}) > 1
    tails = [_tail(stack, repeated=repeated) for stack in stacks]
    repeats, seen = Counter(map(str.casefold, tails)), Counter[str]()
    names = []
    for tail in tails:
        alike = tail.casefold()
        seen[alike] += 1
        acquisition = f"_acq-{seen[alike]}" if repeats[alike] > 1 else ""
        names.append(f"{plain(protocol)}{acquisition}{tail}")
    return names


def all_different(names: Iterable[str]) -> list[str]:
    """The names in their order; one that was there before has the next number that is free.

    >>> all_different(["a-2", "a", "a", "A"])
    ['a-2', 'a', 'a-3', 'A-4']
    """
    taken: dict[str, str] = {}
    for name in names:
        numbered = (f"{name}-{n}" for n in count(2))
        free = next(each for each in chain([name], numbered) if each.casefold() not in taken)
        taken[free.casefold()] = free
    return list(taken.values())


def _tail(stack: Stack, *, repeated: bool) -> str:
    run = f"_run-{stack.repetition + 1}" if repeated else ""
    row = _ROWS.get(stack.label)
    if row is not None and row.part:
        return f"{run}_echo-{stack.echo + 1}_part-{row.part}_MEGRE"
    echo = "" if stack.te_s is None else f"_echo-{stack.echo + 1}"
    file = row.file if row is not None else ""
    return f"{run}{echo}_{file or plain(stack.label.replace('_', ''))}"

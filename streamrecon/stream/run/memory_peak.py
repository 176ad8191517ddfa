"""Adds up the memory of a chain: one stage after another, all branches at once."""

from __future__ import annotations

from streamrecon.model.memory_use import ScanSize
from streamrecon.stream.run.parallel import Parallel
from streamrecon.stream.run.serial import Node, Serial, Step


def peak_bytes(node: Node, size: ScanSize) -> int:
    """Memory that a part of a chain holds at its peak.

    Stages of a sequence work one after the other, and what one holds is gone when the next is at
    its peak; branches are at their peaks at once.
    """
    match node:
        case Step():
            return node.gadget.memory_use().bytes_of(size)
        case Serial():
            return max((peak_bytes(part, size) for part in node.nodes), default=0)
        case Parallel():
            return sum(peak_bytes(branch.node, size) for branch in node.branches)
        case _:
            return 0

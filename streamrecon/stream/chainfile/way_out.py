"""Checks that results of detached branches are kept somewhere: the socket is closed to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streamrecon.errors import ConfigError
from streamrecon.stream.chainfile.spec import (
    BranchSpec,
    ChainSpec,
    GadgetSpec,
    NodeSpec,
    ParallelSpec,
)
from streamrecon.stream.gadget import WayOut
from streamrecon.stream.run.serial import AnyGadget


def check_detached(spec: ChainSpec, made: Mapping[GadgetSpec, AnyGadget]) -> None:
    """Refuse a chain whose detached branch would send to a client that has left.

    Raises
    ------
    ConfigError
        If a detached branch is inside another branch, does not end with a gadget that delivers by
        itself, or holds one that speaks to the client.
    """
    for node in spec.nodes:
        if not isinstance(node, ParallelSpec):
            continue
        for branch in node.branches:
            _refuse_detached(branch.nodes)
            if branch.detached:
                _check(branch, made)


def _refuse_detached(nodes: Iterable[NodeSpec]) -> None:
    for node in nodes:
        if isinstance(node, ParallelSpec):
            for branch in node.branches:
                if branch.detached:
                    raise ConfigError(
                        f"line {branch.line}: a detached branch inside another branch, needed one"
                        " of the chain itself"
                    )
                _refuse_detached(branch.nodes)


def _check(branch: BranchSpec, made: Mapping[GadgetSpec, AnyGadget]) -> None:
    gadgets = [gadget for node in branch.nodes for gadget in node.gadgets()]
    for gadget in gadgets:
        if made[gadget].way_out is WayOut.CLIENT:
            raise ConfigError(
                f"line {gadget.line}: {gadget.name} in a detached branch: the client may have left"
            )
    last = branch.nodes[-1] if branch.nodes else None
    if not isinstance(last, GadgetSpec) or made[last].way_out is not WayOut.ELSEWHERE:
        raise ConfigError(
            f"line {branch.line}: detached branch {branch.key!r} ends with"
            f" {last.name if isinstance(last, GadgetSpec) else 'nothing'}, needed a gadget that"
            " delivers by itself, as SpoolDicom or WriteDicomFolder: the client may have left"
        )

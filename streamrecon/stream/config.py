"""A chain file and a registry made into a chain."""

from __future__ import annotations

from collections.abc import Mapping

from streamrecon.stream.chain import Chain
from streamrecon.stream.chainfile import read_chain
from streamrecon.stream.gadget import Context
from streamrecon.stream.making import NO_PARAMETERS, make_gadgets
from streamrecon.stream.parallel import Branch, Parallel
from streamrecon.stream.registry import Registry
from streamrecon.stream.spec import ChainSpec, GadgetSpec, NodeSpec
from streamrecon.stream.stage import AnyGadget, Node, Sequence, Step


def build_chain(
    source: ChainSpec | bytes | str,
    registry: Registry,
    context: Context | None = None,
    *,
    overrides: Mapping[str, str] = NO_PARAMETERS,
) -> Chain:
    """Make the gadgets of a chain file and join them.

    Parameters
    ----------
    source
        A chain file, read or not.
    registry
        The gadgets it may name.
    context
        What the session gives to them.
    overrides
        A client's parameters, ``field`` or ``Gadget.field``; they come after those of the file.

    Raises
    ------
    ConfigError
        With the line, the name, the reason and the nearest known name.
    """
    spec = source if isinstance(source, ChainSpec) else read_chain(source)
    made, notices = make_gadgets(spec, registry, overrides)
    return Chain(_sequence(spec.nodes, made), context=context, notices=notices)


def _sequence(specs: tuple[NodeSpec, ...], made: Mapping[GadgetSpec, AnyGadget]) -> Sequence:
    return Sequence(tuple(_node(spec, made) for spec in specs))


def _node(spec: NodeSpec, made: Mapping[GadgetSpec, AnyGadget]) -> Node:
    if isinstance(spec, GadgetSpec):
        return Step(spec.name, made[spec])
    return Parallel(
        tuple(Branch(b.key, _sequence(b.nodes, made), b.on_error) for b in spec.branches)
    )

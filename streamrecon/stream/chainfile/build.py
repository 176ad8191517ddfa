"""Builds a chain from a chain file and a registry."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from streamrecon.stream.chainfile.instantiate import NO_PARAMETERS, make_gadgets
from streamrecon.stream.chainfile.named import of_chain
from streamrecon.stream.chainfile.parse import read_chain
from streamrecon.stream.chainfile.scan_parameters import scan_parameters
from streamrecon.stream.chainfile.spec import ChainSpec, GadgetSpec, NodeSpec
from streamrecon.stream.chainfile.way_out import check_detached
from streamrecon.stream.gadget import Context
from streamrecon.stream.registry import Registry
from streamrecon.stream.run.chain import Chain
from streamrecon.stream.run.memory_peak import peak_bytes
from streamrecon.stream.run.parallel import Branch, Parallel
from streamrecon.stream.run.serial import AnyGadget, Node, Serial, Step, seconds_worked
from streamrecon.stream.run.shared import Shared


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
        What the session gives to them; the chain's hash is filled in, what its gadgets share, and
        the run's name if it has none.
    overrides
        A client's parameters, ``field`` or ``Gadget.field``; they come after those of the file.

    Raises
    ------
    ConfigError
        With the chain, the line, the name, the reason and the nearest known name.
    """
    spec = source if isinstance(source, ChainSpec) else read_chain(source)
    made, notices = make_gadgets(spec, registry, overrides)
    with of_chain(spec.name):
        check_detached(spec, made)
    node = _sequence(spec.nodes, made)
    given = context or Context()
    given = replace(
        given,
        chain=_chain_hash(spec, overrides),
        run=given.run or uuid.uuid4().hex,
        memory_peak=partial(peak_bytes, node),
        shared=Shared(),
        worked_s=partial(seconds_worked, node),
    )
    ahead = _ahead(registry, made)
    behind = Serial(tuple(Step(kind.__name__, kind()) for kind in registry.behind))
    return Chain(node, context=given, notices=notices, ahead=ahead, behind=behind)


def _ahead(registry: Registry, made: Mapping[GadgetSpec, AnyGadget]) -> Serial:
    """What goes ahead of the gadgets of the file, each with those of the scan's values it has."""
    given = scan_parameters(made)
    made_of = {
        kind: {name: given[name] for name in kind.model_fields if name in given}
        for kind in registry.ahead
    }
    return Serial(
        tuple(Step(kind.__name__, kind.model_validate(own)) for kind, own in made_of.items())
    )


def _chain_hash(spec: ChainSpec, overrides: Mapping[str, str]) -> str:
    """Hash of the file, and after ``+`` that of the parameters which replace its own."""
    if not overrides:
        return spec.text_hash
    values = "\n".join(f"{name}={value}" for name, value in sorted(overrides.items()))
    return f"{spec.text_hash}+{hashlib.sha256(values.encode()).hexdigest()[:12]}"


def _sequence(specs: tuple[NodeSpec, ...], made: Mapping[GadgetSpec, AnyGadget]) -> Serial:
    return Serial(tuple(_node(spec, made) for spec in specs))


def _node(spec: NodeSpec, made: Mapping[GadgetSpec, AnyGadget]) -> Node:
    if isinstance(spec, GadgetSpec):
        return Step(spec.name, made[spec])
    return Parallel(
        tuple(
            Branch(b.key, _sequence(b.nodes, made), b.on_error, b.detached) for b in spec.branches
        )
    )

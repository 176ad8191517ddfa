"""Describes a chain file in words, for `streamrecon check`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from streamrecon.stream.chainfile.catalogue import value_text
from streamrecon.stream.chainfile.instantiate import make_gadgets
from streamrecon.stream.chainfile.spec import ChainSpec, GadgetSpec, NodeSpec
from streamrecon.stream.registry import Registry
from streamrecon.stream.run.serial import AnyGadget

_INDENT = "  "


def describe(spec: ChainSpec, registry: Registry) -> str:
    """Gadgets with the values they will have, branches indented, then what to be warned of.

    Raises
    ------
    ConfigError
        What `streamrecon.stream.chainfile.build.build_chain` would raise.
    """
    gadgets, notices = make_gadgets(spec, registry)
    lines = [f"chain {spec.text_hash}, gadgets: {len(gadgets)}"]
    lines += _nodes(spec.nodes, gadgets, _INDENT)
    lines += [str(notice) for notice in notices]
    return "\n".join(lines)


def _nodes(
    nodes: tuple[NodeSpec, ...], gadgets: Mapping[GadgetSpec, AnyGadget], indent: str
) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, GadgetSpec):
            yield from _gadget(node, gadgets[node], indent)
            continue
        yield f"{indent}at once (line {node.line})"
        for branch in node.branches:
            yield f"{indent}{_INDENT}branch {branch.key}, on error: {branch.on_error.value}"
            yield from _nodes(branch.nodes, gadgets, indent + 2 * _INDENT)


def _gadget(spec: GadgetSpec, gadget: AnyGadget, indent: str) -> Iterator[str]:
    own = type(gadget).__name__
    known_as = "" if spec.class_name == own else f", for {spec.class_name}"
    alias = f"{spec.name}: " if spec.name not in (own, spec.class_name) else ""
    yield f"{indent}{alias}{own}{known_as} (line {spec.line})"
    given = {type(gadget).old_fields.get(p.name, p.name) for p in spec.properties}
    for name in type(gadget).model_fields:
        origin = "" if name in given else "  (default)"
        yield f"{indent}{_INDENT}{name} = {value_text(getattr(gadget, name))}{origin}"

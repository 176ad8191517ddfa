"""Parses Gadgetron's chain files, in both dialects, into a `ChainSpec`."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from difflib import get_close_matches

from streamrecon.errors import ConfigError
from streamrecon.stream.chainfile.named import of_chain
from streamrecon.stream.chainfile.spec import (
    BranchSpec,
    ChainSpec,
    GadgetSpec,
    NodeSpec,
    ParallelSpec,
    Property,
    Slot,
)
from streamrecon.stream.run.parallel import OnError
from streamrecon.xml import Element, parse_xml

_ROOTS = ("configuration", "gadgetronStreamConfiguration")
_OUR_EXTERNALS = {
    ("streamrecon_gadgets.external", "run"),
    ("gadgets.external", "run"),  # the name until 0.1.0; copies inside a Gadgetron still have it
}
MAX_BYTES = 1 << 20
"""Fifty times the largest chain file of Gadgetron (18 kB)."""
_NODES = ("gadget", "external", "parallel", "parallelprocess")
_ELSEWHERE = ("distributed", "puredistributed")


def read_chain(document: bytes | str, name: str = "") -> ChainSpec:
    """Read a chain file: Gadgetron's version 2, its legacy form, or our `<external>`'s inside.

    An `<external>` that executes ``streamrecon_gadgets.external`` is replaced by the chain inside
    its `<configuration>`, so one file serves both hosts. `<parallelprocess>` is read as a plain
    sequence: its gadgets see the messages in order, one at a time.

    Parameters
    ----------
    document
        Its text.
    name
        What a user calls it, for messages.

    Raises
    ------
    ConfigError
        With the chain's name, the line, the name there, and what is wrong.
    """
    with of_chain(name):
        return replace(_read(document), name=name)


def _read(document: bytes | str) -> ChainSpec:
    root = parse_xml(document, error=ConfigError, max_bytes=MAX_BYTES)
    data = document.encode() if isinstance(document, str) else document
    text_hash = hashlib.sha256(data).hexdigest()[:12]
    match root.tag:
        case "gadgetronStreamConfiguration":
            return ChainSpec(
                _legacy_nodes(root), _slots(root, "reader"), _slots(root, "writer"), text_hash
            )
        case "configuration":
            nodes = _nodes(_stream_of(root))
            readers = _slots(root.first("readers"), "reader")
            writers = _slots(root.first("writers"), "writer")
            return ChainSpec(nodes, readers, writers, text_hash)
    raise _unknown(root, f"root <{root.tag}>", "unknown", _ROOTS)


def _stream_of(root: Element) -> Element:
    version = root.text_of("version")
    if version not in (None, "2"):
        raise ConfigError(f"line {root.line}: version {version!r}, needed 2")
    streams = list(root.all("stream"))
    if len(streams) != 1:
        raise ConfigError(f"line {root.line}: found {len(streams)} <stream>, needed one")
    return streams[0]


def _legacy_nodes(root: Element) -> tuple[NodeSpec, ...]:
    nodes: list[NodeSpec] = []
    for child in root.children:
        if child.tag == "gadget":
            nodes.append(_gadget(child))
        elif child.tag not in ("reader", "writer"):
            raise _unknown(child, f"<{child.tag}>", "unknown", ("reader", "writer", "gadget"))
    return tuple(nodes)


def _nodes(stream: Element) -> tuple[NodeSpec, ...]:
    nodes: list[NodeSpec] = []
    for child in stream.children:
        match child.tag:
            case "gadget":
                nodes.append(_gadget(child))
            case "parallel":
                nodes.append(_parallel(child))
            case "external":
                nodes.extend(_nodes(_external(child)))
            case "parallelprocess":
                nodes.extend(_pure(child))
            case tag if tag in _ELSEWHERE:
                raise ConfigError(
                    f"line {child.line}: <{tag}> is refused: no work leaves this host"
                )
            case tag:
                raise _unknown(child, f"<{tag}>", "unknown", _NODES)
    return tuple(nodes)


def _gadget(element: Element) -> GadgetSpec:
    for child in element.children:
        if child.tag not in ("name", "dll", "classname", "property"):
            raise _unknown(
                child, f"<{child.tag}>", "unknown in a gadget", ("name", "classname", "property")
            )
    class_name = element.text_of("classname") or element.text_of("name")
    if not class_name:
        raise ConfigError(f"line {element.line}: a <{element.tag}> without <classname> or <name>")
    if class_name == "PythonGadget":
        raise ConfigError(
            f"line {element.line}: gadget 'PythonGadget' is refused: no code is loaded by a name "
            "from a chain file"
        )
    name = element.text_of("name") or class_name
    properties = tuple(_property(p) for p in element.all("property"))
    _refuse_duplicates(name, properties)
    return GadgetSpec(class_name, name, properties, element.line)


def _property(element: Element) -> Property:
    attributes = (element.attributes.get("name"), element.attributes.get("value"))
    elements = (element.text_of("name"), element.text_of("value"))
    if any(a is not None for a in attributes) and any(e is not None for e in elements):
        raise ConfigError(f"line {element.line}: property by attributes and by elements at once")
    name, text = attributes if attributes[0] is not None else elements
    if not name or text is None:
        raise ConfigError(f"line {element.line}: property without name or value")
    return Property(name.strip(), text.strip(), element.line)


def _refuse_duplicates(name: str, properties: tuple[Property, ...]) -> None:
    seen: set[str] = set()
    for p in properties:
        if p.name in seen:
            raise ConfigError(f"line {p.line}: {name}.{p.name} is given twice")
        seen.add(p.name)


def _parallel(element: Element) -> ParallelSpec:
    for child in element.children:
        if child.tag in ("branch", "merge"):
            _check_wiring(child)
        elif child.tag != "stream":
            raise _unknown(
                child, f"<{child.tag}>", "unknown in <parallel>", ("branch", "stream", "merge")
            )
    streams = list(element.all("stream"))
    if not streams:
        raise ConfigError(f"line {element.line}: <parallel> without a <stream>")
    branches = tuple(_branch(s, str(i)) for i, s in enumerate(streams, start=1))
    return ParallelSpec(branches, element.line)


def _check_wiring(element: Element) -> None:
    class_name = element.text_of("classname") or ""
    needed = "Fanout" if element.tag == "branch" else "UnorderedMerge"
    if not class_name.endswith(needed):
        raise ConfigError(
            f"line {element.line}: <{element.tag}> {class_name!r} is refused; "
            f"every branch gets what it accepts, as by a {needed}"
        )


def _branch(stream: Element, number: str) -> BranchSpec:
    word = stream.attributes.get("on_error", OnError.FAIL.value)
    if word not in {choice.value for choice in OnError}:
        raise ConfigError(
            f"line {stream.line}: on_error={word!r}, needed "
            + " or ".join(choice.value for choice in OnError)
        )
    key = stream.attributes.get("key", number)
    detached = _is_detached(stream)
    return BranchSpec(key, OnError(word), _nodes(stream), stream.line, detached)


def _is_detached(stream: Element) -> bool:
    word = stream.attributes.get("detached", "false")
    if word not in {"true", "false"}:
        raise ConfigError(f"line {stream.line}: detached={word!r}, needed true or false")
    if word == "true" and stream.attributes.get("on_error") == OnError.FAIL.value:
        raise ConfigError(
            f"line {stream.line}: on_error='fail' in a detached branch: the client that would be"
            " told may be gone, needed on_error='report'"
        )
    return word == "true"


def _external(element: Element) -> Element:
    execute = element.first("execute")
    if execute is None:
        raise ConfigError(f"line {element.line}: <external> without <execute> is refused")
    name, target = execute.attributes.get("name", ""), execute.attributes.get("target", "run")
    kind = execute.attributes.get("type", "").lower()
    if (name, target) not in _OUR_EXTERNALS or kind != "python":
        raise ConfigError(
            f"line {execute.line}: <execute> {name!r} ({kind}, target {target!r}) is refused: "
            "no code is loaded by a name from a chain file"
        )
    configuration = element.first("configuration")
    if configuration is None:
        raise ConfigError(f"line {element.line}: <external> without <configuration>")
    return _stream_of(configuration)


def _pure(element: Element) -> tuple[NodeSpec, ...]:
    stream = element.first("purestream")
    if stream is None:
        raise ConfigError(f"line {element.line}: <parallelprocess> without <purestream>")
    return tuple(_gadget(child) for child in stream.children)


def _slots(parent: Element | None, tag: str) -> tuple[Slot, ...]:
    if parent is None:
        return ()
    return tuple(_slot(element) for element in parent.all(tag))


def _slot(element: Element) -> Slot:
    text = element.text_of("slot")
    if text and not text.isdecimal():
        raise ConfigError(f"line {element.line}: slot {text!r}, needed a number")
    return Slot(element.text_of("classname") or "", int(text) if text else None, element.line)


def _unknown(element: Element, what: str, why: str, known: tuple[str, ...]) -> ConfigError:
    near = get_close_matches(element.tag, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"
    return ConfigError(f"line {element.line}: {what}: {why}{hint}")

"""Writes reference pages from the code: gadgets, settings, commands, quantities, errors, API.

    python scripts/write_reference.py docs/reference/generated

Nothing here is kept in the repository: what the code says is written when the site is built.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stdout, suppress
from importlib import import_module
from inspect import getdoc, isclass, isfunction
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

import streamrecon_simulator.__main__
from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.presets import SCENES

import streamrecon
from streamrecon import cli
from streamrecon.errors import StreamReconError
from streamrecon.model.notice import Level
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.server.sessions import error_report
from streamrecon.server.settings import Settings
from streamrecon.server.settings_renewal import AT_START
from streamrecon.stream.chainfile.catalogue import Entry, catalogue, value_text

_ROOMS = {
    "streamrecon.model": "What flows",
    "streamrecon.fourier": "Transforms",
    "streamrecon.recon": "K-space to echoes",
    "streamrecon.phase": "Phase",
    "streamrecon.qsm": "Susceptibility",
    "streamrecon.maps": "SWI, R2*, veins",
    "streamrecon.output": "Files",
    "streamrecon_simulator": "Simulator",
}
"""Packages and modules whose public functions have a page, and the title of it."""

_SIMULATE_COMMANDS = ("scenes", "write", "images", "play", "demo")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""A Markdown table.

    >>> print(table(("a", "b"), [("1", "x | y")]))
    | a | b |
    | --- | --- |
    | 1 | x \| y |
    """
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in r] for r in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def gadgets() -> str:
    """Every gadget with its parameters."""
    head = (
        "# Gadgets\n\nWhat a chain file may name, with parameters, defaults, limits and units. "
        "`streamrecon gadgets` prints the same."
    )
    return "\n\n".join([head, *map(_gadget, catalogue(REGISTRY))])


def _gadget(entry: Entry) -> str:
    parts = [f"## {entry.name}", entry.summary]
    if entry.stock_names:
        parts.append(f"Stock names: {', '.join(f'`{name}`' for name in entry.stock_names)}.")
    if entry.parameters:
        rows = [
            (f"`{p.name}`", p.default and f"`{p.default}`", p.kind, p.limits, p.unit, p.description)
            for p in entry.parameters
        ]
        parts.append(table(("parameter", "default", "type", "limits", "unit", "purpose"), rows))
    return "\n\n".join(parts)


def settings() -> str:
    """Every setting of the service."""
    rows = [
        (f"`{name}`", _default(name), f"`STREAMRECON_{name.upper()}`", _purpose(name))
        for name in Settings.model_fields
    ]
    head = (
        "# Settings of the service\n\nThe flag is the name with hyphens: `--wait-s` sets `wait_s`. "
        "`streamrecon serve --show-settings` prints the values in force and where each came from."
    )
    return f"{head}\n\n{table(('setting', 'default', 'environment', 'purpose'), rows)}"


def _purpose(name: str) -> str:
    description = Settings.model_fields[name].description or ""
    return f"{description} (takes a restart)" if name in AT_START else description


def _default(name: str) -> str:
    value = Settings.model_fields[name].get_default(call_default_factory=True)
    if name == "storage":
        return "the user's state folder"
    text = ",".join(map(str, value)) if isinstance(value, tuple) else value_text(value)
    return f"`{text}`" if text else ""


def commands() -> str:
    """Every command with its options."""
    own = [(["streamrecon"], cli.main), *((["streamrecon", c], cli.main) for c in cli.COMMANDS)]
    simulate = streamrecon_simulator.__main__.main
    others = [(["streamrecon-simulate", c], simulate) for c in _SIMULATE_COMMANDS]
    pages = (_command(words, main) for words, main in (*own, *others))
    return "\n\n".join(["# Commands", *pages])


def _command(words: Sequence[str], main: Callable[[Sequence[str]], int]) -> str:
    text = io.StringIO()
    with redirect_stdout(text), suppress(SystemExit):
        main([*words[1:], "--help"])
    return f"## {' '.join(words)}\n\n```text\n{text.getvalue().rstrip()}\n```"


def quantities() -> str:
    """Every quantity: on the wire, in files, in DICOM."""
    rows = []
    for row in (quantity.row for quantity in Quantity):
        dicom = (str(row.dicom.number), f"`_{row.dicom.suffix}`") if row.dicom else ("–", "–")
        rows.append((f"`{row.label}`", row.unit or "arbitrary", str(row.series), *dicom))
    head = (
        "# Quantities\n\nWhat the numbers of an image are. The first number is "
        "`image_series_index` on the wire, the second is added to the DICOM series number."
    )
    names = ("quantity", "unit", "wire series", "DICOM number", "DICOM description ends with")
    return f"{head}\n\n{table(names, rows)}"


def errors() -> str:
    """Every error code, and the levels of a notice."""
    assert error_report  # its kinds of error are found because it is loaded
    rows = [
        (f"`{kind.code}`", f"`{kind.__name__}`", _first_line(kind))
        for kind in sorted(_kinds(StreamReconError), key=lambda kind: (kind.code, kind.__name__))
    ]
    levels = [(f"`{level.value}`", level.name.lower()) for level in Level]
    return "\n\n".join(
        [
            "# Errors and notices",
            "An error reaches the client as `ERR [code] message`, then CLOSE.",
            table(("code", "class", "meaning"), rows),
            "## Levels of a notice\n\nThe first word of a TEXT says how much it matters.",
            table(("word", "level"), levels),
        ]
    )


def _kinds(kind: type[StreamReconError]) -> Iterator[type[StreamReconError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)


def _first_line(thing: object) -> str:
    return (getdoc(thing) or "").partition("\n\n")[0].replace("\n", " ")


def scenes() -> str:
    """Every scene of the simulator."""
    rows = [(f"`{name}`", scene.summary) for name, scene in SCENES.items()]
    head = "# Scenes of the simulator\n\n`streamrecon-simulate scenes` prints the same."
    return f"{head}\n\n{table(('scene', 'what it shows'), rows)}"


def front_door() -> str:
    """What `import streamrecon` gives."""
    title = "The package streamrecon"
    names = (name for name in vars(streamrecon)["__all__"] if not name.startswith("_"))
    parts = [_heading(title), _first_line(streamrecon)]
    parts += [_directive(getattr(streamrecon, name), f"streamrecon.{name}") for name in names]
    return "\n\n".join(parts)


def api(room: str) -> str:
    """Public functions and classes of a package, module by module."""
    parts = [_heading(f"{_ROOMS[room]}: {room}")]
    for module in _modules(import_module(room)):
        things = list(_public(module))
        if things:
            parts += [_heading(module.__name__, "-"), _first_line(module)]
            parts += [_directive(thing, f"{module.__name__}.{thing.__name__}") for thing in things]
    return "\n\n".join(parts)


def _modules(module: ModuleType) -> Iterator[ModuleType]:
    yield module
    for found in iter_modules(getattr(module, "__path__", [])):
        if not found.name.startswith("_"):
            yield from _modules(import_module(f"{module.__name__}.{found.name}"))


def _public(module: ModuleType) -> Iterator[Callable[..., object]]:
    for name, thing in vars(module).items():
        is_own = getattr(thing, "__module__", None) == module.__name__
        if is_own and not name.startswith("_") and (isfunction(thing) or isclass(thing)):
            yield thing


def _directive(thing: object, name: str) -> str:
    if isclass(thing):
        return f".. autoclass:: {name}\n   :members:\n   :undoc-members:"
    return f".. autofunction:: {name}"


def _heading(title: str, line: str = "=") -> str:
    return f"{title}\n{line * len(title)}"


def pages() -> dict[str, str]:
    """File name → text of every page."""
    written = (gadgets, settings, commands, quantities, errors, scenes)
    texts = {f"{page.__name__}.md": page() for page in written}
    texts |= {f"{room}.rst": api(room) for room in _ROOMS}
    if hasattr(streamrecon, "__all__"):
        texts["streamrecon.rst"] = front_door()
    return texts


def main() -> None:
    """Write the pages into the folder that is named."""
    os.environ["COLUMNS"] = "90"  # argparse folds its help there
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Gadgets of other packages: found by their entry points, refused with the package's name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from stream_gadgets import Scale

from streamrecon.errors import ConfigError
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.catalogue import catalogue_text
from streamrecon.stream.installed import installed_gadgets
from streamrecon.stream.registry import Registry

GOOD = """
from typing import ClassVar
from streamrecon.stream.gadget import Gadget

class Halve(Gadget[int]):
    "Halves every number."
    accepts: ClassVar = (int,)
    by: int = 2

    def feed(self, item):
        yield item // self.by

class Scale(Halve):
    "Claims a name of ours."

number = 3
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Registry]:
    """Put a package with entry points on the path; the registry that a new process would have."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(package: str, text: str, **gadgets: str) -> Registry:
        module = package.replace("-", "_")
        monkeypatch.delitem(sys.modules, module, raising=False)
        (tmp_path / f"{module}.py").write_text(text)
        facts = tmp_path / f"{module}-1.2.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        lines = "\n".join(f"{name} = {where}" for name, where in gadgets.items())
        (facts / "entry_points.txt").write_text(f"[streamrecon.gadgets]\n{lines}\n")
        return Registry((Scale,), installed=installed_gadgets)

    return put


def made_of(registry: Registry, name: str, **values: str) -> list[object]:
    """What a chain of one gadget makes of 12."""
    texts = "".join(f'<property name="{n}" value="{v}"/>' for n, v in values.items())
    results: list[object] = []
    build_chain(
        "<configuration><version>2</version><stream>\n"
        f"<gadget><name>{name}</name>{texts}</gadget></stream></configuration>",
        registry,
    ).run([12], results.append)
    return results


def test_a_chain_names_a_gadget_of_another_package_and_sets_its_parameters(
    install: Callable[..., Registry],
) -> None:
    registry = install("half-life", GOOD, Halve="half_life:Halve")

    assert made_of(registry, "Halve") == [6]
    assert made_of(registry, "Halve", by="3") == [4]
    with pytest.raises(ConfigError, match="did you mean by"):
        made_of(registry, "Halve", buy="3")


def test_its_name_is_proposed_without_loading_it(install: Callable[..., Registry]) -> None:
    registry = install("broken-one", "raise RuntimeError('boom')", Halve="broken_one:Halve")

    with pytest.raises(ConfigError, match="'Halfe': unknown; did you mean Halve"):
        made_of(registry, "Halfe")


def test_a_module_is_never_imported_by_a_name_from_a_chain_file(
    install: Callable[..., Registry],
) -> None:
    registry = install("half-life", GOOD, Halve="half_life:Halve")

    for name in ("half_life:Halve", "half_life.Halve", "half_life"):
        with pytest.raises(ConfigError, match="unknown"):
            made_of(registry, name)
    assert "half_life" not in sys.modules


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("raise RuntimeError('boom')", "odd:Halve", "cannot be loaded: RuntimeError: boom"),
        ("import sys; sys.exit(3)", "odd:Halve", "cannot be loaded: SystemExit: 3"),
        ("import not_there", "odd:Halve", "cannot be loaded: ModuleNotFoundError"),
        (GOOD, "odd:Third", "cannot be loaded: AttributeError"),
        (GOOD, "odd:number", "odd:number is no class of gadgets"),
        (GOOD, "odd:Scale", "found the class Scale, needed one called Halve"),
    ],
)
def test_a_broken_package_is_refused_by_name_and_breaks_nothing_else(
    install: Callable[..., Registry], text: str, where: str, said: str
) -> None:
    registry = install("odd", text, Halve=where)

    with pytest.raises(ConfigError, match=f"line 2: gadget 'Halve': package odd 1.2.*{said}"):
        made_of(registry, "Halve")
    assert made_of(registry, "Scale") == [24]
    listed = catalogue_text(registry)
    assert "Halve  (package odd 1.2)\n    cannot be used: package odd 1.2" in listed
    assert "Scale\n    Multiplies every number." in listed


def test_a_name_of_ours_or_of_two_packages_is_an_error_where_it_is_used(
    install: Callable[..., Registry],
) -> None:
    install(
        "half-life", GOOD, Scale="half_life:Scale", Halve="half_life:Halve", Third="half_life:x"
    )
    registry = install("other", GOOD, Third="other:x")

    with pytest.raises(ConfigError, match=r"'Scale': claimed by streamrecon and by half-life 1\.2"):
        made_of(registry, "Scale")
    with pytest.raises(ConfigError, match=r"'Third': claimed by half-life 1\.2 and by other 1\.2"):
        made_of(registry, "Third")
    assert made_of(registry, "Halve") == [6]


def test_the_list_says_which_package_a_gadget_is_of(install: Callable[..., Registry]) -> None:
    listed = catalogue_text(install("half-life", GOOD, Halve="half_life:Halve"))

    assert "Halve  (package half-life 1.2)\n    Halves every number.\n    by = 2  [int]" in listed

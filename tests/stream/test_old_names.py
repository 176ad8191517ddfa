"""Old names of gadgets, properties and values work on, and say the new one once a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import pytest

from streamrecon.model.notice import Level, Notice
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.describe import describe
from streamrecon.stream.chainfile.parse import read_chain
from streamrecon.stream.gadget import Gadget
from streamrecon.stream.registry import Registry
from streamrecon.stream.run.chain import Chain


class Scale(Gadget[int]):
    """Multiplies every number; once called Times, its factor by."""

    accepts: ClassVar = (int,)
    old_fields: ClassVar = {"by": "factor"}
    old_values: ClassVar = {"rounding": {"default": "standard"}}
    factor: int = 2
    rounding: Literal["standard", "never"] = "never"

    def feed(self, item: int) -> Iterator[int]:
        yield item * self.factor


REGISTRY = Registry((Scale,), aliases={"Times": "Scale"})


def chain(name: str, times: int = 1, **values: str) -> str:
    """A chain file with the same gadget several times."""
    texts = "".join(f'<property name="{n}" value="{v}"/>' for n, v in values.items())
    gadgets = f"<gadget><name>{name}</name>{texts}</gadget>" * times
    return f"<configuration><version>2</version><stream>{gadgets}</stream></configuration>"


def run(built: Chain) -> tuple[list[object], list[str]]:
    """Results and warnings of a run."""
    made: list[object] = []
    built.run([3], made.append)
    said = [item.text for item in made if isinstance(item, Notice)]
    assert all(item.level is Level.WARNING for item in made if isinstance(item, Notice))
    return [item for item in made if not isinstance(item, Notice)], said


def renamed(old: str, new: str) -> str:
    return f"{old} is now called {new}; the old name still works"


def test_an_old_gadget_name_works_and_is_told_once_however_often_it_stands_there() -> None:
    made, said = run(build_chain(chain("Times", times=2), REGISTRY))

    assert made == [12]
    assert said == [renamed("Times", "Scale")]


def test_an_old_property_and_an_old_value_work_and_are_told_once() -> None:
    made, said = run(build_chain(chain("Scale", 2, by="5", rounding="default"), REGISTRY))

    assert made == [75]
    assert said == [
        renamed("Scale.by", "Scale.factor"),
        renamed("Scale.rounding=default", "Scale.rounding=standard"),
    ]


@pytest.mark.parametrize("key", ["Times.factor", "Scale.by", "by"])
def test_a_client_may_use_old_names_too(key: str) -> None:
    made, said = run(build_chain(chain("Scale"), REGISTRY, overrides={key: "7"}))

    assert made == [21]
    assert len(said) == 1


def test_a_reference_finds_a_property_under_its_old_name() -> None:
    text = chain("Scale", factor="5").replace(
        "</stream>", '<gadget><name>b</name><classname>Scale</classname><property name="factor" '
        'value="by@Scale"/></gadget></stream>',
    )  # fmt: skip

    made, said = run(build_chain(text, REGISTRY))

    assert made == [75]
    assert said == [renamed("Scale.by", "Scale.factor")]


def test_new_names_say_nothing() -> None:
    assert run(build_chain(chain("Scale", factor="5", rounding="standard"), REGISTRY)) == ([15], [])


def test_check_shows_the_new_names_and_what_was_renamed() -> None:
    shown = describe(read_chain(chain("Times", by="5")), REGISTRY)

    assert "factor = 5\n" in shown, "no default: the file gives it"
    assert renamed("Times", "Scale") in shown
    assert renamed("Scale.by", "Scale.factor") in shown


def test_an_old_name_is_never_proposed() -> None:
    assert REGISTRY.nearest("Tims") is None
    assert REGISTRY.names == ("Scale",)


@pytest.mark.parametrize("aliases", [{"Scale": "Scale"}, {"Times": "Scales"}])
def test_an_alias_that_is_a_name_or_leads_nowhere_is_a_mistake(aliases: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="alias"):
        Registry((Scale,), aliases=aliases)

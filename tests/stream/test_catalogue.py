"""Registries, and gadgets and chains in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import pytest
from pydantic import Field
from stream_gadgets import REGISTRY, Scale, Sort, Tell, Total

from streamrecon.errors import ConfigError
from streamrecon.stream.chainfile.catalogue import Parameter, catalogue, catalogue_text
from streamrecon.stream.chainfile.describe import describe
from streamrecon.stream.chainfile.parse import read_chain
from streamrecon.stream.gadget import Gadget
from streamrecon.stream.registry import Registry


class Widths(Gadget[int]):
    """Every kind of parameter."""

    accepts: ClassVar = (int,)
    width_mm: float = Field(ge=0.5, le=2 / 3, description="of the kernel")
    kind: Literal["box", "tent"] = "box"
    te_s: tuple[float, ...] = Field(default=(0.005, 0.01), min_length=2)
    sign: Literal[-1, 1] | None = None

    def feed(self, item: int) -> Iterator[int]:
        yield item


def test_a_gadget_is_found_by_its_own_and_its_stock_names() -> None:
    assert REGISTRY.find("Sort") is Sort
    assert REGISTRY.find("SortSlicesGadget") is Sort
    assert REGISTRY.find("sort") is None
    assert REGISTRY.gadgets == (Scale, Total, Sort, Tell)
    assert REGISTRY.names == ("Scale", "Sort", "SortGadget", "SortSlicesGadget", "Tell", "Total")


def test_a_name_claimed_twice_is_refused() -> None:
    class Other(Sort):
        stock_names: ClassVar = ("Scale",)

    with pytest.raises(ValueError, match="'Scale' is claimed twice"):
        Registry((Scale, Other))


@pytest.mark.parametrize(
    ("name", "near"), [("SCALE", "Scale"), ("scales", "Scale"), ("SortSlice", "SortSlicesGadget")]
)
def test_the_nearest_name_is_found_in_any_case(name: str, near: str) -> None:
    assert REGISTRY.nearest(name) == near


def test_nothing_is_near_to_a_foreign_name() -> None:
    assert REGISTRY.nearest("os.system") is None


def test_the_catalogue_lists_gadgets_by_name_with_the_first_sentence_of_their_page() -> None:
    entries = catalogue(REGISTRY)

    assert [(e.name, e.stock_names, e.summary) for e in entries[:2]] == [
        ("Scale", (), "Multiplies every number."),
        ("Sort", ("SortGadget", "SortSlicesGadget"), "Stands for a stock gadget."),
    ]


def test_parameters_have_type_unit_default_limits_and_description() -> None:
    (entry,) = catalogue(Registry((Widths,)))

    assert entry.parameters == (
        Parameter("width_mm", "float", "mm", "required", "≥ 0.5, ≤ 0.666667", "of the kernel"),
        Parameter("kind", "box | tent", "", "box", "", ""),
        Parameter("te_s", "tuple[float, ...]", "s", "0.005 0.01", "items ≥ 2", ""),
        Parameter("sign", "-1 | 1 | none", "", "none", "", ""),
    )


def test_the_page_of_gadgets_says_all_of_it() -> None:
    page = catalogue_text(Registry((Scale, Sort)))

    assert "Sort  (stock: SortGadget, SortSlicesGadget)\n    Stands for a stock gadget." in page
    assert "    factor = 2  [int, > 0, < 100]  what to multiply with" in page


CHAIN = """<configuration><stream>
<gadget><name>Sorter</name><classname>SortSlicesGadget</classname>
  <property name="keep" value="false"/><property name="verbose" value="1"/></gadget>
<parallel>
  <stream key="qsm" on_error="report"><gadget><name>Scale</name></gadget></stream>
  <stream/>
</parallel></stream></configuration>"""


def test_a_chain_in_words_has_its_values_branches_and_warnings() -> None:
    spec = read_chain(CHAIN)

    assert describe(spec, REGISTRY).splitlines() == [
        f"chain {spec.text_hash}, gadgets: 2",
        "  Sorter: Sort, for SortSlicesGadget (line 2)",
        "    dimension =   (default)",
        "    keep = false",
        "    te_s =   (default)",
        "    limit_ppm = none  (default)",
        "    sign = none  (default)",
        "  at once (line 4)",
        "    branch qsm, on error: report",
        "      Scale (line 5)",
        "        factor = 2  (default)",
        "    branch 2, on error: fail",
        "WRN Sorter: without effect here: verbose",
    ]


def test_a_chain_that_cannot_be_built_is_refused_in_the_same_words() -> None:
    spec = read_chain(CHAIN.replace("Scale", "Sacle"))

    with pytest.raises(ConfigError, match=r"^line 5: gadget 'Sacle': unknown; did you mean Scale"):
        describe(spec, REGISTRY)

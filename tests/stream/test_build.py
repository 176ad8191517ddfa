"""Chain files made into chains: names, values, references, a client's parameters."""

from __future__ import annotations

from typing import Any

import pytest
from stream_gadgets import REGISTRY, Dimension, Scale, Sort, context

from streamrecon.errors import ConfigError
from streamrecon.model.notice import Level, Notice
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.parse import read_chain
from streamrecon.stream.run.chain import Chain


def v2(stream: str) -> str:
    """A chain file of version 2; the stream's first line is line 2."""
    return f"<configuration><version>2</version><stream>\n{stream}\n</stream></configuration>"


def gadget(name: str, class_name: str | None = None, **values: str) -> str:
    """One gadget on one line."""
    texts = "".join(f'<property name="{n}" value="{v}"/>' for n, v in values.items())
    return (
        f"<gadget><name>{name}</name><classname>{class_name or name}</classname>{texts}</gadget>\n"
    )


def made(chain: Chain, *items: object) -> list[object]:
    """Results of a run."""
    results: list[object] = []
    chain.run(items, results.append)
    return results


def fields(stream: str, **options: Any) -> dict[str, object]:
    """Fields of the first gadget of a chain."""
    return build_chain(v2(stream), REGISTRY, **options).steps[0].gadget.model_dump()


def test_the_chain_runs_with_the_values_of_the_file() -> None:
    chain = build_chain(v2(gadget("S", "Scale", factor="7")), REGISTRY)

    assert made(chain, 1, 2) == [7, 14]


def test_gadgets_of_every_branch_learn_how_long_each_has_worked() -> None:
    branches = f'<parallel><stream key="a">{gadget("Scale")}</stream></parallel>{gadget("Scale")}'
    chain = build_chain(v2(branches + gadget("Total")), REGISTRY)

    assert made(chain, 1) == [4]
    *_, last = chain.steps
    worked_s = last.gadget.context.worked_s()
    assert worked_s.keys() == {"Scale", "Total"}
    scales = [step.times.worked_s for step in chain.steps if step.name == "Scale"]
    assert worked_s["Scale"] == pytest.approx(sum(scales))
    assert len(scales) == 2


def test_a_file_read_before_builds_the_same_chain() -> None:
    spec = read_chain(v2(gadget("Scale")))

    assert made(build_chain(spec, REGISTRY), 1) == [2]
    assert made(build_chain(spec, REGISTRY), 1) == [2]


def test_branches_of_the_file_run() -> None:
    stream = f"<parallel><stream>{gadget('Scale')}</stream><stream/></parallel>{gadget('Total')}"

    assert made(build_chain(v2(stream), REGISTRY), 1, 2) == [9]


def test_the_context_reaches_the_gadgets() -> None:
    chain = build_chain(v2(gadget("Tell", word="in")), REGISTRY, context())

    assert made(chain, "x") == ["x in s"]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("keep", "false", False),
        ("keep", "1", True),
        ("dimension", "", Dimension.NONE),
        ("dimension", "slice", Dimension.SLICE),
        ("te_s", "0.005 0.01,1e-2", (0.005, 0.01, 0.01)),
        ("te_s", "", ()),
        ("limit_ppm", "", None),
        ("limit_ppm", "1", 1.0),
        ("sign", "-1", -1),
        ("sign", "", None),
    ],
)
def test_texts_become_values_of_the_fields_type(name: str, text: str, value: object) -> None:
    found = fields(gadget("Sort", **{name: text}))[name]

    assert found == value
    assert type(found) is type(value)


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert fields(gadget("Scale", factor="3.0")) == {"factor": 3}


def test_properties_of_a_stock_gadget_without_effect_are_named_once_in_a_warning() -> None:
    stream = gadget("Sorter", "SortGadget", verbose="true", keep="false", debug_folder="")

    chain = build_chain(v2(stream), REGISTRY)

    text = "Sorter: without effect here: debug_folder, verbose"
    assert made(chain, "x") == [Notice(Level.WARNING, text), "x"]


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (gadget("SCALE"), "line 2: gadget 'SCALE': unknown; did you mean Scale?"),
        (gadget("os.system"), "line 2: gadget 'os.system': unknown"),
        (gadget("S", "Scael"), "line 2: gadget 'Scael': unknown; did you mean Scale?"),
        (gadget("Sort", keeep="1"), "line 2: Sort.keeep: unknown property; did you mean keep?"),
        (
            gadget("Sort", verbose="1"),
            "line 2: Sort.verbose: unknown property; known: dimension, keep",
        ),
        (gadget("Total", x="1"), "line 2: Total.x: unknown property; known: none"),
        (gadget("S", "Scale", factor="100"), "line 2: S.factor: found '100', needed less than 100"),
        (
            gadget("S", "Scale", factor="two"),
            "line 2: S.factor: found 'two', needed a whole number",
        ),
        (
            gadget("Sort", dimension="x"),
            "line 2: Sort.dimension: found 'x', needed nothing or slice",
        ),
        (gadget("Sort", sign="2"), "line 2: Sort.sign: found '2', needed -1 or 1"),
        (gadget("Tell"), "line 2: Tell.word: found none, needed a value"),
        (
            gadget("Scale") + gadget("Sort", keep="x", te_s="a"),
            (
                "line 3: Sort.keep: found 'x', needed true or false; "
                "line 3: Sort.te_s: found 'a', needed a number"
            ),
        ),
    ],
)
def test_what_a_gadget_refuses_is_said_with_line_name_and_reason(stream: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_chain(v2(stream), REGISTRY)

    assert str(caught.value).startswith(reason)


def test_a_reference_takes_the_value_of_another_gadget_wherever_it_stands() -> None:
    stream = gadget("A", "Scale", factor="factor@B") + gadget("B", "Scale", factor="5")

    assert fields(stream) == {"factor": 5}


def test_a_reference_follows_references() -> None:
    stream = "".join(
        gadget(name, "Scale", factor=text)
        for name, text in (("A", "factor@B"), ("B", "factor@C"), ("C", "9"))
    )

    assert fields(stream) == {"factor": 9}


def test_a_reference_to_a_value_that_is_not_given_takes_the_default() -> None:
    assert fields(gadget("A", "Scale", factor="factor@B") + gadget("B", "Scale")) == {"factor": 2}


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (
            gadget("A", "Scale", factor="factor@B"),
            (
                "line 2: A.factor: 'factor@B' is read as a reference (a literal has no '@'), "
                "but no gadget is named 'B'"
            ),
        ),
        (
            gadget("A", "Scale", factor="factor@B") + 2 * gadget("B", "Scale"),
            (
                "line 2: A.factor: 'factor@B' is read as a reference (a literal has no '@'), "
                "but 2 gadgets are named 'B'"
            ),
        ),
        (
            gadget("A", "Scale", factor="word@B") + gadget("B", "Scale"),
            "line 2: A.factor: 'word@B': B has no parameter 'word'",
        ),
        (
            gadget("A", "Tell", word="a b@c d"),
            "line 2: A.word: 'a b@c d' is no reference (property@Gadget), and a literal has no '@'",
        ),
        (
            gadget("A", "Tell", word="word@B") + gadget("B", "Tell"),
            "line 3: B.word: referred to, but given no value",
        ),
        (
            gadget("A", "Scale", factor="factor@B") + gadget("B", "Scale", factor="factor@A"),
            "line 2: references go in a circle: A.factor → B.factor → A.factor",
        ),
        (
            gadget("A", "Scale", factor="factor@A"),
            "line 2: references go in a circle: A.factor → A.factor",
        ),
    ],
)
def test_a_reference_that_leads_nowhere_is_an_error(stream: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_chain(v2(stream), REGISTRY)

    assert str(caught.value) == reason


def test_a_parameter_with_a_gadgets_name_sets_that_gadget_only() -> None:
    stream = gadget("A", "Scale", factor="3") + gadget("B", "Scale", factor="3")

    chain = build_chain(v2(stream), REGISTRY, overrides={"B.factor": "5"})

    assert [s.gadget for s in chain.steps] == [Scale(factor=3), Scale(factor=5)]
    assert chain.notices == ()


@pytest.mark.parametrize("owner", ["Sorter.", "SortGadget.", "Sort.", ""])
def test_a_gadget_may_be_called_by_its_name_its_stock_class_or_its_class(owner: str) -> None:
    found = fields(gadget("Sorter", "SortGadget"), overrides={f"{owner}keep": "false"})

    assert found["keep"] is False


def test_a_bare_parameter_sets_every_gadget_that_has_it() -> None:
    stream = gadget("A", "Scale") + gadget("Sort") + gadget("B", "Scale", factor="3")

    chain = build_chain(v2(stream), REGISTRY, overrides={"factor": "5"})

    assert [s.gadget for s in chain.steps] == [Scale(factor=5), Sort(), Scale(factor=5)]


def test_references_follow_a_clients_parameter() -> None:
    stream = gadget("A", "Scale", factor="factor@B") + gadget("B", "Scale", factor="3")

    assert fields(stream, overrides={"B.factor": "5"}) == {"factor": 5}


def test_a_clients_text_is_never_a_reference() -> None:
    stream = gadget("A", "Tell", word="x") + gadget("B", "Tell", word="secret")

    assert fields(stream, overrides={"A.word": "word@B"}) == {"word": "word@B"}


def test_a_clients_bad_value_is_refused_and_named_as_such() -> None:
    with pytest.raises(ConfigError) as caught:
        build_chain(v2(gadget("S", "Scale")), REGISTRY, overrides={"factor": "-1"})

    assert str(caught.value) == "parameter 'factor': S.factor: found '-1', needed more than 0"


def test_parameters_that_nobody_has_are_named_in_a_warning_and_fires_own_at_debug() -> None:
    parameters = {"fctor": "1", "config": "gre", "sendOriginal": "False", "X.factor": "3"}

    chain = build_chain(v2(gadget("Scale")), REGISTRY, overrides=parameters)

    assert chain.notices == (
        Notice(Level.DEBUG, "parameters that no gadget of this chain has: config, sendOriginal"),
        Notice(Level.WARNING, "parameters that no gadget of this chain has: X.factor, fctor"),
    )


def test_what_gadgets_of_other_chains_have_is_only_mentioned() -> None:
    chain = build_chain(v2(gadget("Scale")), REGISTRY, overrides={"word": "x"})

    (notice,) = chain.notices
    assert notice == Notice(Level.INFO, "parameters that no gadget of this chain has: word")

"""What a chain does with items, notices and errors when everything runs in one thread."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import ClassVar

import pytest
from stream_gadgets import Act, Scale, Sort, Tell, Total, act, context, refuse_from, results

from streamrecon.errors import ReconError, StreamReconError
from streamrecon.model.notice import Level, Notice
from streamrecon.stream.gadget import Gadget
from streamrecon.stream.run.chain import Chain
from streamrecon.stream.run.parallel import Branch, Parallel
from streamrecon.stream.run.serial import Node, Serial, Step


def test_gadgets_work_in_the_order_of_the_chain() -> None:
    made = results(Step("a", Scale(factor=10)), act(lambda item: item + 1))

    assert made == [11, 21, 31]


def test_what_a_gadget_does_not_accept_passes_by_in_order() -> None:
    made = results(Step("a", Scale()), items=(1, "x", 2, None, "y"))

    assert made == [2, "x", 4, None, "y"]


def test_an_empty_chain_lets_everything_pass() -> None:
    assert results(items=(1, "x")) == [1, "x"]


def test_what_is_left_at_the_end_runs_through_the_gadgets_behind() -> None:
    made = results(Step("a", Total()), Step("b", Scale(factor=3)), Step("c", Total()))

    assert made == [18]


def test_results_come_while_items_come() -> None:
    seen: list[object] = []

    def items() -> Iterator[object]:
        yield 1
        assert seen == [2]
        yield 2

    Chain(Step("a", Scale())).run(items(), seen.append)

    assert seen == [2, 4]


def test_notices_of_the_chain_come_before_the_first_item() -> None:
    notice = Notice(Level.WARNING, "without effect here: verbose")

    made = results(Step("a", Scale()), notices=(notice,))

    assert made == [notice, 2, 4, 6]


def test_every_gadget_enters_the_session_first() -> None:
    made = results(Step("a", Tell(word="in")), items=("x",), context=context())

    assert made == ["x in s"]


def test_an_error_carries_the_name_of_its_gadget_once() -> None:
    nodes = (act(lambda item: item, "First"), act(refuse_from(2), "Second"), Step("c", Scale()))

    with pytest.raises(ReconError) as caught:
        results(*nodes)

    assert str(caught.value) == "Second: found 2"


def test_an_error_at_the_end_carries_the_name_of_its_gadget_once() -> None:
    def fail() -> Iterator[object]:
        raise ReconError("empty")
        yield

    nodes = (Step("First", Total()), Step("Last", Act(at_end=fail)), Step("c", Sort()))

    with pytest.raises(ReconError, match=r"^Last: empty$"):
        results(*nodes)


def test_an_error_of_the_one_who_takes_results_is_not_signed() -> None:
    def take(_: object) -> None:
        raise ReconError("client is gone")

    with pytest.raises(ReconError, match=r"^client is gone$"):
        Chain(Step("a", Scale())).run((1,), take)


def test_a_bug_keeps_its_type_and_notes_the_gadget() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        results(act(lambda item: item // 0, "Divide"))

    assert caught.value.__notes__ == ["in gadget Divide"]


def test_an_error_of_the_items_ends_the_run_without_finish() -> None:
    made: list[object] = []

    def items() -> Iterator[object]:
        yield 1
        raise ReconError("truncated")

    with pytest.raises(ReconError, match=r"^truncated$"):
        Chain(Serial((Step("a", Total()),))).run(items(), made.append)

    assert made == []


def test_a_chain_runs_once() -> None:
    chain = Chain(Step("a", Total()))
    chain.run((1,), lambda _: None)

    with pytest.raises(StreamReconError, match="second run"):
        chain.run((1,), lambda _: None)


class Look(Gadget[int]):
    """Only watches; fails at 2, before or after it has passed the number on, or at the end."""

    accepts: ClassVar = (int,)
    only_watches: ClassVar = True
    fails: str = "before"

    def feed(self, item: int) -> Iterator[int]:
        if item == 2 and self.fails == "before":
            raise ReconError("found 2")
        yield item
        if item == 2 and self.fails == "after":
            raise ZeroDivisionError
        if item == 2 and self.fails == "for memory":
            raise MemoryError

    def finish(self) -> Iterator[int]:
        if self.fails == "at the end":
            raise ReconError("found an end")
        yield from ()


@pytest.mark.parametrize(
    ("fails", "made", "told"),
    [
        ("before", [2, "notice", 4, 6], "WRN look watches no more: [recon] look: found 2"),
        ("after", [2, 4, "notice", 6], "WRN look watches no more: [internal] ZeroDivisionError"),
        (
            "for memory",
            [2, 4, "notice", 6],
            "WRN look watches no more: [memory] there is no more memory",
        ),
        ("at the end", [2, 4, 6, "notice"], "WRN look watches no more: [recon] look: found an end"),
    ],
)
def test_a_gadget_that_only_watches_never_ends_a_scan(
    fails: str, made: list[object], told: str
) -> None:
    found = results(Step("look", Look(fails=fails)), Step("twice", Scale()))

    assert ["notice" if isinstance(item, Notice) else item for item in found] == made
    assert [str(item) for item in found if isinstance(item, Notice)] == [told]


class Big:
    """Something worth letting go of."""


class Small:
    """What is made of it."""


class Shrink(Gadget[Big]):
    """Makes something small, and lets go of what it was given."""

    accepts: ClassVar = (Big,)

    def feed(self, item: Big) -> Iterator[Small]:
        del item
        yield Small()


@pytest.mark.parametrize("source", ["fed", "made by a gadget", "behind a branch"])
def test_an_item_is_gone_while_later_gadgets_work_on_what_was_made_of_it(source: str) -> None:
    alive: list[bool] = []
    watched: list[weakref.ref[Big]] = []

    def made() -> Big:
        big = Big()
        watched.append(weakref.ref(big))
        return big

    class Make(Gadget[str]):
        accepts: ClassVar = (str,)

        def feed(self, item: str) -> Iterator[Big]:
            yield made()

    class Watch(Gadget[Small]):
        accepts: ClassVar = (Small,)

        def feed(self, item: Small) -> Iterator[Small]:
            alive.append(watched[0]() is not None)
            yield item

    steps: tuple[Node, ...] = (Step("make", Make()), Step("shrink", Shrink()))
    if source == "behind a branch":
        steps = (Step("make", Make()), Parallel((Branch("b", Step("shrink", Shrink())),)))
    stage = Serial((*steps, Step("watch", Watch()))).start(lambda item: None)

    if source == "fed":
        stage.feed(made())
    else:
        stage.feed("go")
    stage.finish()

    assert alive == [False]

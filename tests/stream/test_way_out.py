"""Detached branches outlive the chain's results, and only what delivers by itself may be one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest
from stream_gadgets import REGISTRY as PLAIN
from stream_gadgets import Act, branch_threads

from streamrecon.errors import ConfigError, ReconError
from streamrecon.model.notice import Level, Notice
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Gadget, WayOut
from streamrecon.stream.registry import Registry
from streamrecon.stream.run.chain import Chain
from streamrecon.stream.run.parallel import Branch, Parallel
from streamrecon.stream.run.serial import Serial, Step

LONG_S = 30


class Keep(Gadget[int]):
    """Delivers elsewhere."""

    accepts: ClassVar = (int,)
    way_out: ClassVar = WayOut.ELSEWHERE

    def feed(self, item: int) -> Iterator[int]:
        yield item


class Speak(Keep):
    """Delivers to the client."""

    way_out: ClassVar = WayOut.CLIENT


REGISTRY = Registry((*PLAIN.gadgets, Keep, Speak))


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert branch_threads() == []


def detached(step: Step, *behind: Step) -> Chain:
    """One attached branch that lets numbers pass, and one detached."""
    attached = Branch("now", Step("a", Act()))
    later = Branch("later", step, detached=True)
    return Chain(Serial((Parallel((attached, later)), *behind)))


def test_results_end_before_the_detached_branch_does() -> None:
    go, seen = threading.Event(), []

    def wait(item: int) -> int:
        assert go.wait(LONG_S)
        seen.append(item)
        return item

    made: list[object] = []

    def leave() -> None:
        made.append("left")
        go.set()

    detached(Step("slow", Act(act=wait))).run((1, 2), made.append, leaving=leave)

    assert made == [1, 2, "left"]
    assert seen == [1, 2]


def test_nobody_is_told_to_leave_when_all_have_ended() -> None:
    made: list[object] = []
    chain = Chain(Serial((Step("a", Act()),)))

    chain.run((1,), made.append, leaving=lambda: made.append("left"))

    assert made == [1]


def test_its_notices_come_after_the_results_and_its_error_ends_nothing() -> None:
    def fail(item: int) -> object:
        if item == 1:
            return Notice(Level.INFO, "one")
        raise ReconError("found two")

    made: list[object] = []

    detached(Step("slow", Act(act=fail))).run((1, 2, 3), made.append)

    assert made[:3] == [1, 2, 3]
    assert [str(notice) for notice in made[3:]] == [
        "INF one",
        "WRN branch later ended without a result: [recon] slow: found two",
    ]


def test_an_error_of_the_chain_ends_the_detached_branch() -> None:
    def fail(_: int) -> object:
        raise ReconError("found one")

    chain = Chain(
        Serial(
            (
                Parallel(
                    (
                        Branch("now", Step("a", Act(act=fail))),
                        Branch("later", Step("b", Act()), detached=True),
                    )
                ),
            )
        )
    )

    with pytest.raises(ReconError, match="found one"):
        chain.run(range(1000), lambda _: None)


def xml(branch: str, attributes: str = 'detached="true"') -> str:
    return (
        "<configuration><version>2</version><stream><parallel>"
        "<stream><gadget><name>Scale</name></gadget></stream>"
        f'<stream key="later" {attributes}>{branch}</stream></parallel></stream></configuration>'
    )


def gadget(name: str) -> str:
    return f"<gadget><name>{name}</name></gadget>"


def test_a_chain_file_detaches_a_branch() -> None:
    made: list[object] = []

    build_chain(xml(gadget("Total") + gadget("Keep")), REGISTRY).run((1, 2), made.append)

    assert made == [2, 4]


@pytest.mark.parametrize(
    ("branch", "attributes", "fault"),
    [
        (gadget("Total"), 'detached="true"', "ends with Total, needed a gadget that delivers"),
        ("", 'detached="true"', "ends with nothing"),
        (gadget("Speak") + gadget("Keep"), 'detached="true"', "Speak in a detached branch"),
        (gadget("Keep"), 'detached="yes"', "needed true or false"),
        (gadget("Keep"), 'detached="true" on_error="fail"', "needed on_error='report'"),
        (
            f'<parallel><stream detached="true">{gadget("Keep")}</stream></parallel>',
            "",
            "inside another branch",
        ),
    ],
)
def test_a_branch_that_would_speak_to_a_client_that_has_left_is_refused(
    branch: str, attributes: str, fault: str
) -> None:
    with pytest.raises(ConfigError, match=fault):
        build_chain(xml(branch, attributes), REGISTRY)

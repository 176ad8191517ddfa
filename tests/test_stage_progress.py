"""The progress line of `streamrecon maps` names the stage and foretells the rest."""

from __future__ import annotations

import pytest
from streamrecon_gadgets.maps.field import MapField

from streamrecon.commands.run_setup import stage_progress
from streamrecon.commands.run_setup.stage_progress import StageProgress
from streamrecon.stream.run import serial
from streamrecon.stream.run.serial import Step


class Clock:
    """Both rooms ask it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        for room in (stage_progress, serial):
            monkeypatch.setattr(room, "monotonic", lambda: self.now)


def test_time_left_follows_from_the_stages_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, told = Clock(monkeypatch), list[tuple[str, float | None]]()
    monkeypatch.setattr(stage_progress, "FRACTIONS", {"first": 0.25, "second": 0.75})
    first, second = Step("first", MapField()), Step("second", MapField())
    StageProgress((first, second), lambda name, remaining_s: told.append((name, remaining_s)))

    with first.times:
        pass  # an item that only passes by is no work
    with second.times:
        pass
    with first.times:
        clock.now += 10.0
    with second.times:
        clock.now += 30.0

    assert told[:3] == [("first", None), ("second", None), ("first", None)]
    name, remaining_s = told[3]
    assert name == "second"
    assert remaining_s == pytest.approx(30.0)  # a quarter took 10 s

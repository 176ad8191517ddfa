"""The light of a scan is the worst of its measures', and says why."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from streamrecon.analysis.quality.quality_limits import ESSENTIAL, LIMITS, Limit
from streamrecon.analysis.quality.quality_reading import reading_of_measures
from streamrecon.analysis.reading import Light, Outcome, Reading

GOOD = {
    name: limit.amber * (1.5 if limit.amber > limit.red else 0.5) for name, limit in LIMITS.items()
}
DOCUMENT = Path(__file__).parents[2] / "docs" / "explanation" / "readings-quality.md"


def reading(**measures: float) -> Reading:
    return reading_of_measures(GOOD | measures, angle_deg=12.0, worked_s={"MapField": 3.0})


def test_green_is_given_without_a_reason() -> None:
    found = reading()

    assert (found.light, found.outcome, found.reasons) == (Light.GREEN, Outcome.GIVEN, ())
    rows = {value.subject: value for value in found.values}
    assert rows["snr"].quality == "green"
    assert rows["scan"].number == 12.0
    assert (rows["MapField"].name, rows["MapField"].number) == ("worked", 3.0)


@pytest.mark.parametrize("name", LIMITS)
def test_each_measure_lights_amber_and_then_red(name: str) -> None:
    limit = LIMITS[name]
    doubtful, bad = (limit.amber + limit.red) / 2, 2 * limit.red - limit.amber

    amber, red = reading(**{name: doubtful}), reading(**{name: bad})

    assert (amber.light, amber.outcome) == (Light.AMBER, Outcome.FLAGGED)
    assert (red.light, red.outcome) == (Light.RED, Outcome.FLAGGED)
    assert limit.says in red.reasons[0]


def test_the_worst_decides_and_is_told_first() -> None:
    found = reading(streaks=2.0, snr=1.0)

    assert found.light is Light.RED
    assert ["the signal is low" in reason for reason in found.reasons] == [True, False]
    assert "snr 1, below 5" in found.reasons[0]


def test_what_was_not_measured_has_no_light_and_is_named() -> None:
    found = reading(ghosts=math.nan)

    assert found.light is Light.GREEN
    (row,) = [value for value in found.values if value.subject == "ghosts"]
    assert (row.quality, row.flags) == ("", ("not measured",))
    assert found.reasons == ("not measured: ghosts",)


@pytest.mark.parametrize("name", ESSENTIAL)
def test_without_an_essential_measure_no_light_is_green(name: str) -> None:
    found = reading(**{name: math.nan})

    assert (found.light, found.outcome) == (Light.UNJUDGED, Outcome.FLAGGED)
    assert found.reasons[0] == f"could not be told: {ESSENTIAL[name]}"
    assert found.reasons[1] == f"not measured: {name.replace('_', ' ')}"


@pytest.mark.parametrize(("snr", "light"), [(7.0, Light.AMBER), (3.0, Light.RED)])
def test_a_fault_that_was_seen_outweighs_what_could_not_be_told(snr: float, light: Light) -> None:
    found = reading(snr=snr, sign=math.nan, outline=math.nan)

    assert found.light is light
    assert found.reasons[1] == f"could not be told: {ESSENTIAL['sign']}; {ESSENTIAL['outline']}"


def test_measures_that_are_left_out_are_not_taken_for_good() -> None:
    found = reading_of_measures({"snr": 50.0}, angle_deg=0.0, worked_s={})

    assert found.light is Light.UNJUDGED


def test_a_limit_is_reached_by_neither_of_its_own_values() -> None:
    assert [Limit(1.0, 2.0, "1", "").light(x).value for x in (1.0, 2.0, 2.1)] == [
        "green", "amber", "red",
    ]  # fmt: skip


def test_the_document_has_the_table_of_limits() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    for name, limit in LIMITS.items():
        unit = "" if limit.unit == "1" else f" {limit.unit}"
        side = "<" if limit.amber > limit.red else ">"
        cells = (name.replace("_", " "), *(f"{side} {n:g}{unit}" for n in (limit.amber, limit.red)))
        assert f"| {' | '.join(cells)} |" in text

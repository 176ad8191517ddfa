"""Every output, on every way out: numbers and words that others have written down stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from every_output import facts_of

from streamrecon.model.quantities import Quantity

OF_RECORD = json.loads(Path(__file__).with_name("outputs.json").read_text(encoding="utf-8"))
"""By label: what consoles, archives and scripts of sites rely on. Lines are added, not changed."""


@pytest.mark.parametrize("label", OF_RECORD)
def test_an_output_keeps_its_numbers_and_words(label: str) -> None:
    (quantity,) = (each for each in Quantity if each.label == label)

    assert facts_of(quantity) == OF_RECORD[label]


def test_every_output_is_on_record() -> None:
    assert {each.label for each in Quantity} == set(OF_RECORD)

"""Pictures say every word in letters that their font has: none is drawn as an empty box."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageFont

from streamrecon.output.font_letters import in_font
from streamrecon.output.preview.caption import Caption

_FONT = ImageFont.load_default(12)


def drawn(letter: str) -> bytes:
    return bytes(_FONT.getmask(letter))


@pytest.mark.parametrize(
    "text",
    ["phase: steps of π/4096, −4096 … 4092", "χ ±3 ppb·mm", "T2 ≥ 10⁻³ × σ²", "Köpfe, été, 脑部"],
)
def test_every_letter_is_one_of_the_font(text: str) -> None:
    box = drawn("\uffff")

    assert not [letter for letter in in_font(text) if letter != " " and drawn(letter) == box]


def test_words_of_ascii_stay_as_they_are() -> None:
    text = "".join(map(chr, range(32, 127)))

    assert in_font(text) == text


def test_captions_are_drawn_in_letters_of_the_font() -> None:
    there, missing = (
        np.asarray(Caption(f"Kopf {pi}", (f"steps of {pi}",), (f"{pi}/4096",)).drawn(300))
        for pi in ("pi", "π")
    )

    np.testing.assert_array_equal(there, missing)

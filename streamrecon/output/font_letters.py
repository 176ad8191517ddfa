"""Words in the letters that the font of pictures has: it knows little beyond ASCII."""

from __future__ import annotations

import unicodedata

_THERE = frozenset("°±·…")  # beyond ASCII, in the font that Pillow brings
_AS = {
    "−": "-", "–": "-", "—": "-", "×": "x", "≤": "<=", "≥": ">=", "→": "->", "↔": "<->",
    "√": "sqrt", "∞": "inf", "ß": "ss", "µ": "u",
    "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "ł": "l",
}  # fmt: skip
_UNKNOWN = "?"


def in_font(text: str) -> str:
    """The text as it can be drawn; Greek by the names of its letters, what has no way as "?".

    >>> in_font("χ of Müller, ±π/4096 ≥ 3·10⁻⁴ 脑")
    'chi of Muller, ±pi/4096 >= 3·10-4 ?'
    """
    return "".join(map(_drawn, text))


def _drawn(letter: str) -> str:
    if letter in _THERE or " " <= letter <= "~":
        return letter
    if letter in _AS:
        return _AS[letter]
    name = unicodedata.name(letter, "").split(" ")
    if name[0] == "GREEK" and len(name) > 3:
        return name[3].lower() if name[1] == "SMALL" else name[3].capitalize()
    plain = [each for each in unicodedata.normalize("NFKD", letter) if each != letter]
    kept = [each for each in plain if not unicodedata.combining(each)]
    return "".join(map(_drawn, kept)) if kept else _UNKNOWN

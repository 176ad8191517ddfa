"""Who may overrule whom about the sign of the phase."""

import pytest

from streamrecon.maps.phase_sign_decision import decide_sign
from streamrecon.model.notice import Level
from streamrecon.model.scan import PhaseSign, SignOrigin

STATED = [SignOrigin.GIVEN, SignOrigin.CHAIN, SignOrigin.HEADER]


@pytest.mark.parametrize("origin", STATED)
@pytest.mark.parametrize("value", [1, -1])
def test_a_stated_sign_is_never_turned_but_doubted(origin: SignOrigin, value: int) -> None:
    found = decide_sign(PhaseSign(value, origin), outline=-1, patient=-1)

    assert found.sign == PhaseSign(value, origin)
    assert found.level is Level.WARNING


@pytest.mark.parametrize(("outline", "patient"), [(0, -1), (-1, 0), (-1, 1), (1, -1)])
def test_one_check_alone_does_not_turn_a_vendor_table(outline: int, patient: int) -> None:
    sign = PhaseSign(1, SignOrigin.VENDOR)

    found = decide_sign(sign, outline=outline, patient=patient)

    assert found.sign == sign
    assert found.level is Level.WARNING


def test_both_checks_turn_a_vendor_table_at_warning_level() -> None:
    found = decide_sign(PhaseSign(-1, SignOrigin.VENDOR), outline=-1, patient=-1)

    assert found.sign == PhaseSign(1, SignOrigin.INFERRED)
    assert found.level is Level.WARNING
    assert "outline and iron and veins" in found.reason


@pytest.mark.parametrize(
    ("outline", "patient", "value", "origin", "level"),
    [
        (1, 0, 1, SignOrigin.INFERRED, Level.INFO),
        (-1, 0, -1, SignOrigin.INFERRED, Level.WARNING),
        (0, 1, 1, SignOrigin.INFERRED, Level.INFO),
        (0, -1, -1, SignOrigin.INFERRED, Level.WARNING),
        (1, -1, 1, SignOrigin.INFERRED, Level.WARNING),
        (-1, 1, -1, SignOrigin.INFERRED, Level.WARNING),
        (0, 0, 1, SignOrigin.ASSUMED, Level.WARNING),
    ],
)
def test_an_assumed_sign_follows_the_outline_first(
    outline: int, patient: int, value: int, origin: SignOrigin, level: Level
) -> None:
    found = decide_sign(PhaseSign(1, SignOrigin.ASSUMED), outline=outline, patient=patient)

    assert found.sign == PhaseSign(value, origin)
    assert found.level is level

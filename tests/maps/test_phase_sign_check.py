"""What iron and veins say of the sign of a map."""

from __future__ import annotations

import numpy as np
import pytest

from streamrecon.errors import ReconError
from streamrecon.maps.phase_sign_check import Verdict, check_phase_sign
from streamrecon.model.geometry import Geometry

GRID = Geometry((40, 50, 47), (2.0, 1.8, 1.8), np.eye(3)[::-1])
INSIDE = np.ones(GRID.shape, bool)


def place() -> np.ndarray:
    return np.stack(
        np.meshgrid(
            *[
                (np.arange(n) - n // 2) * mm
                for n, mm in zip(GRID.shape, GRID.voxel_mm, strict=True)
            ],
            indexing="ij",
        )
    )


def noise(sd: float, seed: int = 0) -> np.ndarray:
    return sd * np.random.default_rng(seed).standard_normal(GRID.shape).astype(np.float32)


def nuclei() -> np.ndarray:
    z, y, x = place()
    return np.asarray((z**2 + y**2 + (abs(x) - 18) ** 2) < 8.0**2)


def veins() -> np.ndarray:
    z, y, x = place()
    return np.asarray(
        sum(
            (z - dz) ** 2 + (y - 0.3 * x - dy) ** 2 < 2.5**2
            for dz, dy in ((8, 25), (-9, -25), (15, 0))
        )
        > 0
    )


def head(*, iron: bool, bloody: bool) -> tuple[np.ndarray, np.ndarray]:
    chi, r2_star = noise(0.01), 20 + noise(2.0, 1)
    if iron:
        chi = chi + 0.1 * nuclei()
        r2_star = r2_star + 20 * nuclei()
    if bloody:
        chi = chi + 0.35 * veins()
        r2_star = r2_star + 25 * veins()
    return chi, r2_star


@pytest.mark.parametrize(("iron", "bloody"), [(True, True), (True, False), (False, True)])
def test_either_sign_is_known_by_iron_or_by_veins(iron: bool, bloody: bool) -> None:
    chi, r2_star = head(iron=iron, bloody=bloody)

    right = check_phase_sign(chi, INSIDE, GRID, r2_star_per_s=r2_star)
    wrong = check_phase_sign(-chi, INSIDE, GRID, r2_star_per_s=r2_star)

    assert right.verdict is Verdict.AGREES
    assert wrong.verdict is Verdict.DISAGREES


def test_a_phantom_without_either_is_undecided() -> None:
    chi, r2_star = head(iron=False, bloody=False)

    assert check_phase_sign(chi, INSIDE, GRID, r2_star_per_s=r2_star).verdict is Verdict.UNDECIDED


def test_contradicting_evidence_is_undecided() -> None:
    chi, r2_star = head(iron=True, bloody=False)
    chi = chi - 0.35 * veins()

    check = check_phase_sign(chi, INSIDE, GRID, r2_star_per_s=r2_star)

    assert check.iron is not None
    assert check.veins is not None
    assert check.iron > 0.5
    assert check.veins < -0.3
    assert check.verdict is Verdict.UNDECIDED


def test_one_calcification_does_not_outweigh_the_veins() -> None:
    chi, _ = head(iron=False, bloody=True)
    chi[20:22, 5:8, 5:12] = -3.0

    assert check_phase_sign(chi, INSIDE, GRID).verdict is Verdict.AGREES


def test_one_echo_leaves_the_veins() -> None:
    chi, _ = head(iron=True, bloody=True)

    check = check_phase_sign(chi, INSIDE, GRID)

    assert check.iron is None
    assert str(check).startswith("agrees (deep grey matter not seen, veins +")


def test_what_is_no_brain_has_no_vote_and_says_why() -> None:
    chi, r2_star = head(iron=True, bloody=True)

    check = check_phase_sign(-chi, INSIDE, GRID, is_brain=False, r2_star_per_s=r2_star)

    assert check.vote == 0
    assert str(check) == "not asked, no brain was recognised"


def test_an_empty_mask_has_no_sign() -> None:
    with pytest.raises(ReconError, match="empty"):
        check_phase_sign(noise(1.0), ~INSIDE, GRID)


def test_lines_that_fill_more_than_veins_do_have_no_say() -> None:
    chi, _ = head(iron=False, bloody=True)
    z, y, x = place()
    chi[(abs(z + 24) < 10) & (np.hypot((y + 12) % 14 - 7, (x + 12) % 14 - 7) < 2.5)] = -0.35

    check = check_phase_sign(chi, INSIDE, GRID)

    assert check.veins is None
    assert check.verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("sign", [1, -1])
def test_a_fast_decay_beside_bone_and_air_is_no_iron(sign: int) -> None:
    z, y, x = place()
    brain = (z / 26) ** 2 + (y / 28) ** 2 + (x / 30) ** 2 < 1
    rim = brain & ((z / 22) ** 2 + (y / 24) ** 2 + (x / 26) ** 2 > 1)
    chi, r2_star = head(iron=True, bloody=False)
    chi, r2_star = chi - 0.2 * rim, r2_star + 60 * rim

    check = check_phase_sign(sign * chi, brain, GRID, r2_star_per_s=r2_star)

    assert check.vote == sign


def test_a_brain_too_small_for_a_core_leaves_the_veins() -> None:
    z, y, x = place()
    brain = np.hypot(np.hypot(z, y), x) < 8

    check = check_phase_sign(noise(0.01), brain, GRID, r2_star_per_s=20 + noise(2.0, 1))

    assert check.iron is None

"""The numbers of the gadget; that a chain finds it is shown by running one."""

import numpy as np
import pytest
from my_gadget import combined


def test_echoes_of_one_magnitude_keep_it() -> None:
    echoes = np.full((3, 2, 2, 2), 3 + 4j, np.complex64)

    np.testing.assert_allclose(combined(echoes, power=2.0), 5.0, rtol=1e-6)


@pytest.mark.parametrize(("power", "expected"), [(1.0, 4.0), (2.0, np.sqrt(25.0))])
def test_the_power_weighs_strong_echoes(power: float, expected: float) -> None:
    echoes = np.array([1, -7], np.complex64).reshape(2, 1, 1, 1)

    assert combined(echoes, power=power).item() == pytest.approx(expected, rel=1e-6)

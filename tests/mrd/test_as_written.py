"""Times and partitions that a header writes in its own way."""

import pytest

from streamrecon.model.scan import CounterRange, Encoding
from streamrecon.mrd.header.as_written import slices_as_meant, times_as_meant


@pytest.mark.parametrize(
    ("te_ms", "tr_ms", "te_s", "tr_s"),
    [
        ((4.0, 9.0), 21.0, (0.004, 0.009), 0.021),
        ((0.004, 0.009), 21.0, (0.004, 0.009), 0.021),
        ((0.004, 0.009), 0.021, (0.004, 0.009), 0.021),
        ((0.02,), 0.028, (0.02,), 0.028),
        ((0.02,), None, (0.02,), None),
        ((0.07,), 4.0, (7e-5,), 0.004),  # an ultra-short echo time
        ((20.0,), 21.0, (0.02,), 0.021),
        ((20.0,), 1.5, (0.02,), 1.5),
        ((0.05, 0.1), 1.5, (0.05, 0.1), 1.5),  # TR in ms would be before the echoes
        ((), 0.5, (), 0.5),
        ((), 0.0, (), 0.0),
    ],
)
def test_times_are_read_in_the_unit_that_a_scanner_can_have(
    te_ms: tuple[float, ...], tr_ms: float | None, te_s: tuple[float, ...], tr_s: float | None
) -> None:
    found = times_as_meant(te_ms, tr_ms)

    assert found.te_s == pytest.approx(te_s)
    assert found.tr_s == (None if tr_s is None else pytest.approx(tr_s))
    times: list[object] = [te_s, (tr_s,)]
    as_they_stand = times.count(te_ms or None) + (tr_s == tr_ms and bool(tr_ms))
    assert len(found.corrections) == as_they_stand


@pytest.mark.parametrize(
    ("n_z", "wanted", "kz", "limits_kz", "partitions"),
    [
        (2, 1, CounterRange(), True, 1),
        (2, 1, CounterRange(0, 1, 1), False, 2),
        (2, 1, CounterRange(0, 1, 1), True, 2),
        (2, 2, CounterRange(), True, 2),
        (1, 1, CounterRange(), True, 1),
    ],
)
def test_partitions_that_are_never_encoded_are_slices(
    n_z: int, wanted: int, kz: CounterRange, limits_kz: bool, partitions: int
) -> None:
    steps, fov_mm = CounterRange(0, 39, 20), (6.0, 200.0, 180.0)
    encoding = Encoding((n_z, 40, 90), fov_mm, (wanted, 40, 45), (3.0, 200.0, 90.0), steps, kz)

    found, corrections = slices_as_meant(encoding, limits_kz=limits_kz)

    assert found.encoded_shape == (partitions, 40, 90)
    assert found.encoded_fov_mm == (
        (6.0, 200.0, 180.0) if partitions == n_z else (3.0, 200.0, 180.0)
    )
    assert len(corrections) == (partitions != n_z)

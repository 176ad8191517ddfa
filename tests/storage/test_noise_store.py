"""Noise covariances that outlive a session."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from streamrecon.errors import DataError, StorageError
from streamrecon.mrd.header.noise_dependency import dependency_meta
from streamrecon.storage.noise_store import NoiseRecord, NoiseStore

DAY_S = 86400.0


def record(when_s: float = 1000.0) -> NoiseRecord:
    covariance = np.array([[4.0, 1 - 2j], [1 + 2j, 9.0]])
    return NoiseRecord(covariance, 5e-6, ("H1", "Hé"), 0.793, when_s)


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    NoiseStore(tmp_path / "noise", clock=lambda: 2000.0).save("45_1 ü/..", record())

    found = NoiseStore(tmp_path / "noise", clock=lambda: 2000.0).load("45_1 ü/..")

    assert found is not None
    assert np.array_equal(found.covariance, record().covariance)
    assert (found.dwell_s, found.labels, found.bandwidth_ratio, found.when_s) == (
        5e-6, ("H1", "Hé"), 0.793, 1000.0,
    )  # fmt: skip


def test_a_record_without_bandwidth_says_so(tmp_path: Path) -> None:
    store = NoiseStore(tmp_path, clock=lambda: 0.0)
    store.save("a", NoiseRecord(np.eye(2, dtype=complex), 1e-6))

    found = store.load("a")

    assert found is not None
    assert found.bandwidth_ratio is None
    assert found.labels == ()


@pytest.mark.parametrize("id_", ["../../etc/passwd", "/abs", "", "x" * 5000, "a\0b", ".."])
def test_no_id_leads_out_of_the_folder_or_shows_in_it(tmp_path: Path, id_: str) -> None:
    store = NoiseStore(tmp_path / "noise", clock=lambda: 0.0)

    store.save(id_, NoiseRecord(np.eye(1, dtype=complex), 1e-6))

    (file,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert file.parent == tmp_path / "noise"
    assert len(file.name) < 60
    assert store.load(id_) is not None
    assert store.load(id_ + "x") is None


def test_the_folder_and_its_files_are_the_owners_alone(tmp_path: Path) -> None:
    store = NoiseStore(tmp_path / "noise", clock=lambda: 0.0)
    store.save("a", record())

    (file,) = (tmp_path / "noise").iterdir()
    assert stat.S_IMODE((tmp_path / "noise").stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_is_too_old_is_not_found_and_the_next_save_removes_it(tmp_path: Path) -> None:
    now = [1000.0 + 13.9 * DAY_S]
    store = NoiseStore(tmp_path, max_age_days=14, clock=lambda: now[0])
    store.save("old", record(1000.0))
    (file,) = tmp_path.iterdir()
    os.utime(file, (1000, 1000))

    assert store.load("old") is not None
    now[0] += 0.2 * DAY_S
    assert store.load("old") is None
    store.save("new", record(now[0]))

    assert not file.exists()
    assert store.load("new") is not None


def test_a_second_save_replaces_the_first_and_leaves_nothing_behind(tmp_path: Path) -> None:
    store = NoiseStore(tmp_path, clock=lambda: 0.0)

    store.save("a", NoiseRecord(np.eye(2, dtype=complex), 1e-6))
    store.save("a", NoiseRecord(2 * np.eye(2, dtype=complex), 1e-6))

    found = store.load("a")
    assert found is not None
    assert found.covariance[0, 0] == 2
    assert len(list(tmp_path.iterdir())) == 1


def test_a_damaged_record_is_told_without_its_id(tmp_path: Path) -> None:
    store = NoiseStore(tmp_path, clock=lambda: 0.0)
    store.save("patient-4711", NoiseRecord(np.eye(2, dtype=complex), 1e-6))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])

    with pytest.raises(StorageError, match="not readable") as told:
        store.load("patient-4711")

    assert "4711" not in str(told.value)


@pytest.mark.parametrize(
    "covariance", [np.eye(2)[:1], np.ones(3), np.full((2, 2), np.nan)], ids=["2x1", "1-D", "nan"]
)
def test_a_covariance_that_is_none_is_refused(covariance: np.ndarray) -> None:
    with pytest.raises(DataError, match="needed a square of finite numbers"):
        NoiseRecord(covariance, 1e-6)


def test_a_dwell_time_that_is_none_is_refused() -> None:
    with pytest.raises(DataError, match="dwell time"):
        NoiseRecord(np.eye(2, dtype=complex), 0.0)


def test_the_answer_to_a_client_tells_the_standard_deviations() -> None:
    assert dependency_meta(record()) == {
        "status": ("success",),
        "channels": ("2",),
        "min_sigma": ("2",),
        "max_sigma": ("3",),
        "mean_sigma": ("2.5",),
        "noise_dwell_time_us": ("5",),
    }


def test_the_answer_without_a_record_is_failed() -> None:
    assert dependency_meta(None) == {"status": ("failed",)}

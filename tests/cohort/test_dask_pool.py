"""Workers of Dask give a scan the threads and the environment that one machine gives it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
from small_cohort import one_worker

from streamrecon.cohort.cluster.dask_workers import WorkerRoom, dask_pool, threads_of_a_scan
from streamrecon.cohort.job import Work, state_of
from streamrecon.cohort.one_scan import ProcessLimits
from streamrecon.cohort.places import data_set_at
from streamrecon.cohort.run_cohort import Outcome, Source, run_cohort
from streamrecon.cohort.scan_tree import find_scans, listed
from streamrecon.errors import ConfigError
from streamrecon.machine.threads import budget

WORK = Work(("--config", "gre_recon"), ("--config", "gre_full_images"), "", "")
LIMIT = "MALLOC_TRIM_THRESHOLD_"  # with it the allocator gives all it can back at once


@pytest.fixture
def scheduler() -> Iterator[str]:
    """Address of a scheduler with one worker, in this process."""
    with one_worker(processes=False) as cluster:
        yield cluster.scheduler_address


@pytest.mark.parametrize(
    ("rooms", "threads"),
    [
        ([("a", 1, 2), ("a", 1, 2)], 1),  # two workers share two processors
        ([("a", 2, 16), ("a", 1, 16)], 5),
        ([("a", 1, 8), ("b", 1, 4)], 4),  # one plan for all, so that images are the same
        ([("a", 32, 8)], 1),
        ([("a", 1, 4), ("a", 1, 2)], 1),  # each container has its own limit
        ([], budget()),  # they may join later
    ],
)
def test_a_scan_has_the_threads_that_every_machine_has_for_it(
    rooms: list[tuple[str, int, int]], threads: int
) -> None:
    assert threads_of_a_scan(WorkerRoom(*room) for room in rooms) == threads


def test_a_process_has_the_variables_it_is_given_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(LIMIT, "65536")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    found = ProcessLimits(3, {LIMIT: None, "OMP_NUM_THREADS": "2"}).environment()

    assert found == {
        **{name: value for name, value in os.environ.items() if name != LIMIT},
        "OMP_NUM_THREADS": "2",
        "STREAMRECON_THREADS": "3",
    }


def test_a_scan_does_not_inherit_what_dask_sets_for_its_workers() -> None:
    """A worker in a process of its own, as `dask worker` starts it."""
    with (
        patch.dict(os.environ),
        one_worker(processes=True) as cluster,
    ):
        del os.environ[LIMIT]  # Dask has put it here, too
        with dask_pool(cluster.scheduler_address) as (workers, limits):
            inherited = workers.submit(os.getenv, LIMIT).result()
            given = workers.submit(limits.environment).result()

    assert inherited is not None
    assert LIMIT not in given
    assert given["STREAMRECON_THREADS"] == str(limits.threads)


def test_without_dask_the_extra_is_named() -> None:
    with (
        patch.dict(sys.modules, {"distributed": None}),
        pytest.raises(ConfigError, match=r"--scheduler: found no package distributed, .*\[batch\]"),
    ):
        dask_pool("tcp://127.0.0.1:1").__enter__()


def test_a_worker_of_another_version_is_refused(
    scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamrecon.cohort.cluster.dask_workers.__version__", "99.0")

    with pytest.raises(ConfigError, match=r"worker \S+: found streamrecon .*, needed 99\.0"):
        dask_pool(scheduler).__enter__()


def test_a_run_on_workers_can_be_interrupted(scheduler: str, tmp_path: Path) -> None:
    tree, output = tmp_path / "raw", tmp_path / "out"
    for number in range(3):  # each is refused at once
        stranger = output / f"sub-{number}" / "anat" / f"sub-{number}_T2starw.nii.gz"
        stranger.parent.mkdir(parents=True)
        stranger.touch()
        tree.mkdir(exist_ok=True)
        (tree / f"sub-{number}.h5").touch()

    def interrupted(name: str, outcome: Outcome) -> None:
        raise KeyboardInterrupt(name)

    source = Source(tree, lambda name: state_of(tree / name))
    with data_set_at(output) as data_set, pytest.raises(KeyboardInterrupt):
        run_cohort(
            find_scans(listed(tree)), WORK, source, data_set,
            pool=lambda _: dask_pool(scheduler), tell=interrupted,
        )  # fmt: skip

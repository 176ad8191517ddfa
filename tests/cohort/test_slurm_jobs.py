"""SLURM's jobs do a cohort's scans, by a stub of its commands where no cluster is."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dask.config
import dask_jobqueue
import psutil
import pytest
import slurm_stub
import small_cohort
import yaml
from small_cohort import alike, results, wait_for_a_scan, words

from streamrecon.cli import main

raw, done = small_cohort.raw, small_cohort.done

NEEDED = {"cores": 2, "memory": "1GB", "interface": "lo"}


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Folder of the jobs that were submitted; none of their processes outlives the test."""
    folder, commands, home = (tmp_path / name for name in ("jobs", "commands", "home"))
    for each in (folder, commands, home):
        each.mkdir()
    slurm_stub.install(commands)
    monkeypatch.setenv("PATH", f"{commands}:{os.environ['PATH']}")
    monkeypatch.setenv(slurm_stub.STUB, str(folder))
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)  # Dask puts it here
    monkeypatch.chdir(home)  # for what jobs must see: the certificate
    yield folder
    for group in groups(folder):
        for process in of_group(group):
            process.kill()


def configured(**more: object) -> dask.config.set:
    """As jobqueue.yaml would say it."""
    scheduler = {"dashboard_address": "127.0.0.1:0"}
    slurm = {**NEEDED, "scheduler-options": scheduler, **more}
    return dask.config.set(
        {f"jobqueue.slurm.{name}": value for name, value in slurm.items()}
        | {"distributed.deploy.lost-worker-timeout": "1s"}
    )


def groups(folder: Path) -> list[int]:
    """Process groups of all jobs."""
    return [int(path.read_text()) for path in sorted(folder.glob("*.pid"))]


def of_group(group: int) -> list[psutil.Process]:
    """Processes that a job began and that are still there."""
    found = []
    for process in psutil.process_iter():
        try:
            is_its = os.getpgid(process.pid) == group
            if is_its and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def end_of(folder: Path) -> list[int]:
    """How many processes of each job are there still, after some patience."""
    deadline = time.monotonic() + 20
    while (counts := [len(of_group(g)) for g in groups(folder)]) and any(counts):
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return counts


@pytest.mark.long
def test_jobs_do_the_scans_and_are_cancelled_in_the_end(
    raw: Path, done: Path, tmp_path: Path, jobs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    with configured(queue="short"):
        assert main(words(raw, output, "--scheduler", "slurm", "--jobs", "5")) == 0

    assert alike(results(output), results(done))
    scripts = [path.read_text() for path in sorted(jobs.glob("*.sh"))]
    assert len(scripts) == 2  # no more than there are scans
    for script in scripts:
        assert "#SBATCH -p short" in script
        assert "#SBATCH --cpus-per-task=2" in script
        assert "--nthreads 1 " in script  # one scan at a time, with both processors
        assert "--tls-cert" in script
    assert {path.stem for path in jobs.glob("*.cancelled")} == {"1", "2"}
    assert end_of(jobs) == [0, 0]
    assert not list(Path.cwd().iterdir())  # certificates are gone, too
    assert "waiting for the first of 2 jobs of SLURM" in capsys.readouterr().err
    with configured():  # all is done: nothing is submitted
        assert main(words(raw, output, "--scheduler", "slurm")) == 0
    assert len(list(jobs.glob("*.sh"))) == 2


@pytest.mark.long
def test_a_job_that_is_killed_with_its_scan_loses_nothing(
    raw: Path, done: Path, tmp_path: Path, jobs: Path
) -> None:
    output = tmp_path / "out"

    def kill() -> Path:
        scratch = wait_for_a_scan(output)
        os.killpg(groups(jobs)[0], signal.SIGKILL)  # worker, nanny and scan
        return scratch

    with configured(), ThreadPoolExecutor(1) as other:
        death = other.submit(kill)
        assert main(words(raw, output, "--scheduler", "slurm")) == 0
        scratch = death.result()

    assert len(list(jobs.glob("*.sh"))) == 2  # another one in its place
    assert alike(results(output), results(done))
    assert not scratch.exists()
    assert end_of(jobs) == [0, 0]


def test_the_configuration_of_the_page_is_dask_jobqueues() -> None:
    page = Path(__file__).parents[2] / "docs" / "howto" / "run-a-cohort.md"
    text = page.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    given = yaml.safe_load(text)["jobqueue"]["slurm"]
    file = Path(dask_jobqueue.__file__).with_name("jobqueue.yaml")
    known = yaml.safe_load(file.read_text(encoding="utf-8"))["jobqueue"]["slurm"]

    assert given.keys() <= known.keys()


def test_a_machine_without_slurm_is_told(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert main(words(raw, tmp_path / "out", "--scheduler", "slurm")) == 2

    assert "--scheduler slurm: found no sbatch and no scancel" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"cores": None}, "found no cores and memory of a job, needed them in ~/.config/dask"),
        ({"memory": None}, "found no cores and memory of a job"),
        ({"processes": 4}, "found processes: 4 in the configuration of dask-jobqueue, needed 1"),
        ({"interface": "nosuch0"}, "--scheduler slurm: found no way to start"),
        ({"shared-temp-directory": "/nosuch"}, "found no way to encrypt ([Errno 2] No such file"),
    ],
)
def test_a_configuration_that_cannot_be_is_told(
    raw: Path, tmp_path: Path, jobs: Path, capsys: pytest.CaptureFixture[str],
    given: dict[str, object], sentence: str,
) -> None:  # fmt: skip
    with configured(**given):
        assert main(words(raw, tmp_path / "out", "--scheduler", "slurm")) == 2

    assert sentence in capsys.readouterr().err
    assert not list(jobs.iterdir())


def test_a_job_that_slurm_would_not_take_is_told_before_any_is_submitted(
    raw: Path, tmp_path: Path, jobs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    refusing = tmp_path / "commands" / "sbatch"
    refusing.write_text("#!/bin/sh\necho 'sbatch: error: invalid partition: nosuch' >&2\nexit 1\n")

    with configured(queue="nosuch"):
        assert main(words(raw, tmp_path / "out", "--scheduler", "slurm")) == 2

    *_, last = capfd.readouterr().err.splitlines()
    assert last == (
        "streamrecon: error: --scheduler slurm: sbatch would take no such job "
        "(sbatch: error: invalid partition: nosuch)"
    )


def test_a_job_that_slurm_refuses_when_it_is_submitted_is_not_waited_for(
    raw: Path, tmp_path: Path, jobs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A limit of jobs, as `--test-only` does not find it."""
    refusing = tmp_path / "commands" / "sbatch"
    refusing.write_text('#!/bin/sh\n[ "$1" = --test-only ] || { echo limit >&2; exit 1; }\n')

    with configured():
        assert main(words(raw, tmp_path / "out", "--scheduler", "slurm")) == 2

    assert "sbatch took 0 of 1 jobs, needed all" in capfd.readouterr().err

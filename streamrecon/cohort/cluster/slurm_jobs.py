"""A cohort's scans as jobs of SLURM, by dask-jobqueue (extra ``batch``)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any

from streamrecon.cohort.cluster.dask_workers import pool_of, with_dask
from streamrecon.cohort.one_scan import ProcessLimits
from streamrecon.errors import ConfigError

SLURM = "slurm"
"""In place of a scheduler's address."""

_SECTION = "jobqueue.slurm"
_FILE = "~/.config/dask/jobqueue.yaml"
_ROOM = ".streamrecon-tls-"
_ROLES = ("client", "scheduler", "worker")
_NEEDED = "jobqueue: {slurm: {cores: 8, memory: 16GB, walltime: '12:00:00'}}"


@contextmanager
def slurm_pool(jobs: int, tell: Callable[[str], None]) -> Iterator[tuple[Executor, ProcessLimits]]:
    """Jobs of SLURM as an executor; they are cancelled at the end.

    What a job asks for is read from dask-jobqueue's configuration. A job takes one scan at a time
    and gives it all its processors. A job that is lost is submitted again, and costs the time of
    its scan. Scheduler and workers talk by TLS, with a certificate of this run: whoever else is on
    this machine could else have code run in the user's name.

    Parameters
    ----------
    jobs
        How many there are at once.
    tell
        Takes a sentence on what is waited for.

    Raises
    ------
    ConfigError
        If a package, SLURM's commands or its configuration are missing, SLURM takes no job, or a
        worker has another version.
    """
    distributed, jobqueue = with_dask("distributed"), with_dask("dask_jobqueue")
    asked = _asked()
    with (
        _certificate(distributed, asked.get("shared-temp-directory")) as security,
        _cluster(jobqueue, asked, security) as cluster,
    ):
        _try(cluster)
        _submit(cluster, jobs)
        cluster.adapt(minimum=jobs, maximum=jobs)
        with distributed.Client(cluster, set_as_default=False) as client:
            tell(f"waiting for the first of {jobs} jobs of SLURM to begin")
            client.wait_for_workers(1)
            yield pool_of(client)


def _asked() -> Mapping[str, Any]:
    """The configuration of a job."""
    missing = [each for each in ("sbatch", "scancel") if shutil.which(each) is None]
    if missing:
        raise ConfigError(
            f"--scheduler {SLURM}: found no {' and no '.join(missing)}, needed a machine from "
            "which jobs can be submitted"
        )
    config: Any = import_module("dask.config")
    found: Mapping[str, Any] = config.get(_SECTION, {})
    if not found.get("cores") or not found.get("memory"):
        raise ConfigError(
            f"--scheduler {SLURM}: found no cores and memory of a job, needed them in {_FILE}: "
            f"{_NEEDED}"
        )
    if found.get("processes") not in {None, 1}:
        raise ConfigError(
            f"--scheduler {SLURM}: found processes: {found['processes']} in the configuration of "
            "dask-jobqueue, needed 1 or none: a job has one scan at a time"
        )
    return found


@contextmanager
def _certificate(distributed: Any, folder: str | None) -> Iterator[Any]:  # noqa: ANN401
    """A key and its certificate in files that jobs read, for as long as they run.

    dask-jobqueue would leave them to the garbage collector.
    """
    where = Path(folder).expanduser() if folder else Path.cwd()
    try:
        made, room = distributed.Security.temporary(), TemporaryDirectory(dir=where, prefix=_ROOM)
    except (OSError, ImportError) as e:
        raise ConfigError(
            f"--scheduler {SLURM}: found no way to encrypt ({_line(e)}), needed cryptography and a "
            "folder for the certificate that can be written to: the working folder, or "
            "shared-temp-directory"
        ) from e
    with room as name:
        key, certificate = (Path(name) / each for each in ("key.pem", "certificate.pem"))
        key.write_text(made.tls_worker_key, encoding="ascii")
        certificate.write_text(made.tls_worker_cert, encoding="ascii")
        keys = {f"tls_{role}_key": str(key) for role in _ROLES}
        certificates = {f"tls_{role}_cert": str(certificate) for role in _ROLES}
        yield distributed.Security(
            require_encryption=True, tls_ca_file=str(certificate), **keys, **certificates
        )


def _cluster(jobqueue: Any, asked: Mapping[str, Any], security: Any) -> Any:  # noqa: ANN401
    try:
        return jobqueue.SLURMCluster(
            cores=1,  # threads of a worker: the scans that it takes at once
            processes=1,
            job_cpu=asked.get("job-cpu") or asked["cores"],
            security=security,
        )
    except (OSError, ValueError, RuntimeError) as e:
        raise ConfigError(
            f"--scheduler {SLURM}: found no way to start ({_line(e)}), needed a configuration in "
            f"{_FILE} that holds on this machine"
        ) from e


def _try(cluster: Any) -> None:  # noqa: ANN401  (has no types)
    """Have SLURM check a job without taking it: Dask would wait for ever for one that it refuses.

    Raises
    ------
    ConfigError
        If it refuses it.
    """
    with NamedTemporaryFile("w", suffix=".sh", encoding="utf-8") as script:
        script.write(cluster.job_script())
        script.flush()
        command = ["sbatch", "--test-only", script.name]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        reason = " ".join(found.stderr.split())
        raise ConfigError(f"--scheduler {SLURM}: sbatch would take no such job ({reason})")


def _submit(cluster: Any, jobs: int) -> None:  # noqa: ANN401  (has no types)
    """Submit jobs, and make sure that SLURM took each; else ConfigError."""

    async def asked() -> None:
        await cluster

    cluster.scale(jobs=jobs)
    cluster.sync(asked)
    refused = [job for job in cluster.workers.values() if job.job_id is None]
    for job in refused:
        job.status = with_dask("distributed").core.Status.failed  # or the cluster cannot close
    if refused:
        raise ConfigError(
            f"--scheduler {SLURM}: sbatch took {jobs - len(refused)} of {jobs} jobs, needed all; "
            "its reason stands above"
        )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())

"""The pool of workers comes back from whatever it lost, and no client meets a dead worker."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable
from functools import partial

import psutil
import pytest
from toy_client import HEADER, PATIENCE_S, Service, chain, gadget, lines, service

from streamrecon.mrd.wire.messages import Close, Image, Message

pytestmark = pytest.mark.long

SUM = gadget("SumLines")
IDLE = 2


def fork_server(running: Service) -> psutil.Process:
    """The process that starts the workers."""
    children = psutil.Process(running.process.pid).children()
    (found,) = (p for p in children if "multiprocessing.forkserver" in " ".join(p.cmdline()))
    return found


def idle_workers(running: Service) -> list[psutil.Process]:
    try:
        return [p for p in fork_server(running).children() if p.status() != psutil.STATUS_ZOMBIE]
    except (psutil.Error, ValueError):  # the fork server, or one of them, is gone
        return []


def wait_until(happened: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < ends, "it does not happen"
        time.sleep(0.02)


def has_idle(running: Service, but: set[int]) -> bool:
    """Whether the pool is full of workers that are not those of before."""
    there = {p.pid for p in idle_workers(running)}
    return len(there) >= IDLE and not there & but


def assert_right(heard: list[Message], n: int) -> None:
    image, close = heard
    assert isinstance(image, Image) and image.data.ravel()[0] == n
    assert close == Close()


def kill_all(processes: list[psutil.Process]) -> set[int]:
    for process in processes:
        process.kill()
    return {process.pid for process in processes}


def test_a_dead_idle_worker_is_replaced_before_a_client_comes() -> None:
    with service(warm_workers=IDLE, sessions=1) as running:
        wait_until(lambda: has_idle(running, set()))

        killed = kill_all(idle_workers(running))

        wait_until(lambda: has_idle(running, killed))
        assert_right(running.talk(chain(SUM), HEADER, lines(7), Close()), 7)


def test_a_client_that_comes_as_its_worker_dies_gets_another_one() -> None:
    with service(warm_workers=IDLE, sessions=1) as running:
        for n in range(1, 6):
            wait_until(lambda: has_idle(running, set()))
            kill_all(idle_workers(running))
            assert_right(running.talk(chain(SUM), HEADER, lines(n), Close()), n)


def test_a_stopped_idle_worker_that_is_killed_later_has_cost_no_scan() -> None:
    """It cannot take its client; nothing of the client was read, so the next one gets it."""
    with service(warm_workers=1, sessions=1) as running:
        (worker,) = idle_workers(running)
        worker.suspend()

        with running.connect() as client:
            client.send(chain(SUM), HEADER, lines(3), Close())
            time.sleep(0.2)  # the worker has been given the client's socket
            worker.kill()
            assert_right(client.hear_all(), 3)


def test_the_pool_refills_when_descriptors_come_back() -> None:
    with service(warm_workers=IDLE, sessions=2) as running:
        wait_until(lambda: has_idle(running, set()))
        parent = psutil.Process(running.process.pid)
        limit = parent.rlimit(resource.RLIMIT_NOFILE)
        before = parent.num_fds()
        parent.rlimit(resource.RLIMIT_NOFILE, (before, limit[1]))
        killed = kill_all(idle_workers(running))
        time.sleep(3.0)  # several launches fail; longer than the first pauses
        assert idle_workers(running) == []

        parent.rlimit(resource.RLIMIT_NOFILE, limit)

        wait_until(lambda: has_idle(running, killed))
        assert_right(running.talk(chain(SUM), HEADER, lines(9), Close()), 9)
        wait_until(lambda: parent.num_fds() <= before)


def test_the_pool_refills_after_its_fork_server_died() -> None:
    with service(warm_workers=IDLE, sessions=2) as running:
        wait_until(lambda: has_idle(running, set()))
        for n in (1, 2):
            workers = idle_workers(running)
            fork_server(running).kill()
            kill_all(workers)
            assert_right(running.talk(chain(SUM), HEADER, lines(n), Close()), n)
            wait_until(partial(has_idle, running, {p.pid for p in workers}))


def test_a_service_that_is_stopped_while_launches_fail_ends_in_peace() -> None:
    with service(warm_workers=IDLE, sessions=1) as running:
        parent = psutil.Process(running.process.pid)
        hard = parent.rlimit(resource.RLIMIT_NOFILE)[1]
        parent.rlimit(resource.RLIMIT_NOFILE, (parent.num_fds(), hard))
        kill_all(idle_workers(running))
        time.sleep(0.5)

        os.kill(running.process.pid, signal.SIGTERM)

        assert running.process.wait(PATIENCE_S) == 0

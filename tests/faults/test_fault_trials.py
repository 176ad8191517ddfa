"""A short seed of every kind of trial that `make bench-faults` makes many of."""

from __future__ import annotations

import gc
import secrets
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import delivery_trials
import file_trials
import pytest
import service_trials
from session_trials import MAKERS, try_sessions
from socket_trials import try_over_the_socket
from trials import Tally

from streamrecon.commands.run_setup.warm_up import warm

Trials = Callable[[Iterable[int]], Iterator[Tally]]

SHORT: dict[str, tuple[Trials, int]] = {
    "names": (file_trials.names_of_strangers, 60),
    "words": (file_trials.words_in_logs, 300),
    "power cuts": (file_trials.power_cuts, 1),
    "answers of web servers": (partial(delivery_trials.try_each, delivery_trials.web_answers), 5),
    "answers to C-STORE": (
        partial(delivery_trials.try_each, delivery_trials.association_answers),
        2,
    ),
    "damaged spools": (partial(delivery_trials.try_each, delivery_trials.damaged_spool), 5),
    "slow archives": (partial(delivery_trials.try_each, delivery_trials.late_answers), 1),
}
LONG: dict[str, tuple[Trials, int]] = {
    "workers killed": (service_trials.kill_workers, 3),
    "idle workers killed": (service_trials.kill_idle, 2),
    "crowds": (service_trials.crowd, 2),
    "over the socket": (try_over_the_socket, 7),
    "told to end": (partial(delivery_trials.try_each, delivery_trials.told_to_end), 1),
    "a disk": (file_trials.sick_disks, 1),
}

pytestmark = [
    # pynetdicom 3.0.4 leaves the socket of a refused connection to the garbage collector
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket"),
]


@pytest.fixture(autouse=True)
def _collect() -> Iterator[None]:
    """Have such sockets collected here, where the warning is expected."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def _warm() -> None:
    """The compiled code is there, as in a worker: it is no memory of a session."""
    warm()


def assert_none_wrong(trials: Trials, count: int) -> None:
    first = secrets.randbelow(1 << 30)
    for tally in trials(range(first, first + count)):  # noqa: B007  (the last one has all)
        pass

    assert tally.wrong == []
    assert tally.trials >= count


@pytest.mark.parametrize("kind", SHORT)
def test_no_trial_of_a_kind_is_answered_wrongly(kind: str) -> None:
    assert_none_wrong(*SHORT[kind])


@pytest.mark.long
@pytest.mark.parametrize("kind", LONG)
def test_no_trial_with_processes_is_answered_wrongly(kind: str) -> None:
    assert_none_wrong(*LONG[kind])


@pytest.mark.usefixtures("_warm")
def test_what_claims_more_than_comes_takes_no_memory() -> None:
    assert_none_wrong(partial(try_sessions, MAKERS["claims"]), 25)


def test_a_trial_that_fails_or_hangs_is_wrong_and_the_next_one_is_made() -> None:
    tally = Tally(limit_s=-1.0)

    with tally.trial("one"):
        raise ValueError("found 3")
    with tally.trial("two"):
        pass

    assert tally.trials == 2
    assert tally.wrong[0] == "one: ValueError: found 3"
    assert [text.partition(":")[0] for text in tally.wrong] == ["one", "one", "two"]

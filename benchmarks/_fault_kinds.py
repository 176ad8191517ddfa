"""Every kind of fault of docs/explanation/reliability.md, and how it is tried."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import delivery_trials as of
import file_trials
import service_trials
from hdf5_trials import run_trials
from mrd_headers import header_of
from session_trials import MAKERS, try_sessions
from socket_trials import try_over_the_socket
from trials import Tally
from wire_samples import META, image, lines, waveform

from streamrecon.commands.run_setup.warm_up import warm
from streamrecon.mrd.files.hdf5_writer import FileWriter
from streamrecon.mrd.wire.messages import Header

_KEEPERS = (
    "storage/test_atomic_file.py",
    "storage/test_noise_store.py",
    "server/test_raw_copy.py",
    "dicom/test_spool.py",
)
_SENDERS = ("dicom/test_stow_rs.py", "dicom/test_sender_threads.py", "dicom/test_spool_command.py")
_CHOOSERS = (
    "server/test_settings.py",
    "gadgets/test_dicom_gadgets.py",
    "dicom/test_spool_command.py",
)
_SERIES = (
    "dicom/test_series_of_one_grid.py",
    "mrd/test_image_series.py",
    "dicom/test_two_services.py",
)

Trials = Callable[[Iterable[int]], Iterator[Tally]]


@dataclass(frozen=True)
class Kind:
    """One row of the table.

    Parameters
    ----------
    code
        Of the fault.
    what
        What is tried.
    count
        Trials of the whole run.
    trials
        Makes one trial for each of the numbers that it is given.
    chunk
        Trials of one process.
    """

    code: str
    what: str
    count: int
    trials: Trials
    chunk: int = 500


def sessions(what: str) -> Trials:
    """Damaged sessions in process."""

    def trials(seeds: Iterable[int]) -> Iterator[Tally]:
        warm()
        yield from try_sessions(MAKERS[what], seeds)

    return trials


def delivery(trial: Callable[..., None]) -> Trials:
    """Deliveries that go wrong."""

    def trials(seeds: Iterable[int]) -> Iterator[Tally]:
        logging.disable(logging.CRITICAL)
        return of.try_each(trial, seeds)

    return trials


def hdf5_files(seeds: Iterable[int]) -> Iterator[Tally]:
    """Mutated HDF5 files, each read in its own process."""
    numbers = list(seeds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.h5"
        with FileWriter(path) as file:
            file.write(Header(header_of()))
            for each in (
                lines(1, 3, 9),
                lines(5, 2, 7, 2, seed=1),
                waveform(),
                image(7, meta=META),
            ):
                file.write(each)
        found = run_trials(path, trials=len(numbers), seed=numbers[0])
    yield Tally(trials=len(numbers), wrong=found.faults, longest_s=found.longest_s)


def cases(*files: str, chosen: str = "") -> Trials:
    """The tests of some files, as often as there are numbers."""

    def trials(seeds: Iterable[int]) -> Iterator[Tally]:
        tally = Tally()
        for _ in seeds:
            with tempfile.TemporaryDirectory() as folder:
                report = Path(folder) / "report.xml"
                words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
                words += [f"tests/{file}" for file in files] + (["-k", chosen] if chosen else [])
                subprocess.run([sys.executable, *words], check=False, stdout=subprocess.DEVNULL)
                for case in ET.parse(report).iter("testcase"):
                    _count(tally, case)
            yield tally

    return trials


def _count(tally: Tally, case: ET.Element) -> None:
    if case.find("skipped") is not None:
        return
    tally.trials += 1
    tally.longest_s = max(tally.longest_s, float(case.get("time", 0)))
    if case.find("failure") is not None or case.find("error") is not None:
        tally.wrong.append(f"{case.get('classname')}.{case.get('name')}")


_case = partial(Kind, count=1, chunk=1)

KINDS = (
    Kind("A1", "numbers and elements of the header", 5000, sessions("header")),
    Kind("A2", "messages that claim more than comes", 2000, sessions("claims")),
    Kind("A3", "samples that are no numbers, or absurd", 2500, sessions("samples")),
    Kind("A4", "lines that contradict the scan", 5000, sessions("lines")),
    Kind("A4", "images of a client", 3000, sessions("images")),
    Kind("A4", "physiology, buckets and grids", 2500, sessions("others")),
    Kind("A1-A4", "all of these over the socket", 2000, try_over_the_socket, chunk=250),
    Kind("A5", "HDF5 files", 5000, hdf5_files, chunk=1000),
    Kind("A6", "names from headers and servers", 2000, file_trials.names_of_strangers),
    Kind("A7", "words in logs", 5000, file_trials.words_in_logs, chunk=5000),
    _case("A7", "a stderr that nobody reads", trials=cases("server/test_log_lines.py")),
    Kind("A8", "crowds at the door", 100, service_trials.crowd, chunk=25),
    Kind("B9", "workers killed in their scans", 100, service_trials.kill_workers, chunk=50),
    Kind("B9", "idle workers killed, and their starter", 60, service_trials.kill_idle, chunk=30),
    Kind("B10", "each folder full, read-only, none", 15, file_trials.sick_disks, chunk=5),
    Kind("B11", "power cuts", 100, file_trials.power_cuts, chunk=50),
    _case("B11", "copies without their end", trials=cases("endtoend/test_cut_scans.py")),
    _case(
        "B12", "permissions", trials=cases(*_KEEPERS, chosen="umask or private or owner or mode")
    ),
    Kind("C13", "answers of DICOMweb servers", 200, delivery(of.web_answers), chunk=100),
    Kind("C13", "answers to C-STORE", 100, delivery(of.association_answers), chunk=50),
    Kind("C14", "damaged files and journals", 200, delivery(of.damaged_spool), chunk=50),
    Kind("C15", "slow archives that break off", 100, delivery(of.late_answers), chunk=50),
    Kind("C15", "SIGTERM during delivery", 50, delivery(of.told_to_end), chunk=25),
    _case("C15", "late reports", trials=cases("dicom/test_archives_that_are_slow.py")),
    _case(
        "C16",
        "reasons",
        trials=cases(*_SENDERS, chosen="away or tls or ready or readiness or cert"),
    ),
    _case("C17", "what cannot match", trials=cases(*_CHOOSERS, chosen="unknown or refused or bad")),
    _case("C18", "integer gadgets", trials=cases("gadgets/test_pairs_of_integer_gadgets.py")),
    _case("C19", "our own DICOM", trials=cases("dicom/test_own_images_come_back.py")),
    _case("C20", "series of one size, shared spools", trials=cases(*_SERIES)),
)

"""The data set as the process that hands out the scans sees it: itself, or a picture of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath

from streamrecon.cohort.data_set import DESCRIPTION
from streamrecon.cohort.job import Record, read_record
from streamrecon.cohort.one_scan import RECORDS, record_name, results_named
from streamrecon.cohort.places.local_scratch import local_scratch
from streamrecon.cohort.places.remote_folder import RemoteFolder
from streamrecon.cohort.places.scan_elsewhere import Seen, stand_in
from streamrecon.cohort.places.url_errors import NotThereError
from streamrecon.cohort.scan_tree import CohortScan


@dataclass(frozen=True, slots=True)
class DataSetCopy:
    """A data set, and the folder of this machine in which it is looked at.

    Parameters
    ----------
    place
        Where the data set is.
    folder
        The same where that is a folder; else one that holds its records and its description, and of
        all other files the size alone.
    """

    place: Path | RemoteFolder
    folder: Path

    def seen(self, scan: CohortScan) -> Seen:
        """What a worker must know of a scan that does not see the data set."""
        if isinstance(self.place, Path):
            return Seen()
        record = read_record(self.folder, record_name(scan))
        if record is None:
            paths = results_named(scan, self.folder)
        else:
            paths = [path for name in record.outputs if (path := self.folder / name).is_file()]
        sizes = {path.relative_to(self.folder).as_posix(): path.stat().st_size for path in paths}
        return Seen(record, sizes)

    def learn(self, scans: Iterable[CohortScan], records: Mapping[str, Record]) -> None:
        """Take in what workers have put there since: the records of scans, by their names."""
        if isinstance(self.place, RemoteFolder):
            for scan in scans:
                if scan.name in records:
                    stand_in(self.folder, records[scan.name].outputs)
                    records[scan.name].write(self.folder / record_name(scan))

    def put(self, *paths: Path) -> None:
        """Put files that were written in `folder` where the data set is."""
        if isinstance(self.place, RemoteFolder):
            for path in paths:
                self.place.put(path, path.relative_to(self.folder))

    def shown(self, path: Path) -> str:
        """A file of `folder` as a user finds it."""
        if isinstance(self.place, Path):
            return str(path)
        return f"{str(self.place).rstrip('/')}/{path.relative_to(self.folder).as_posix()}"


@contextmanager
def data_set_at(place: Path | RemoteFolder) -> Iterator[DataSetCopy]:
    """Look at a data set that may not be there yet.

    Raises
    ------
    ConfigError
        If its place cannot be listed.
    """
    if isinstance(place, Path):
        yield DataSetCopy(place, place)
        return
    with local_scratch() as folder:
        try:
            states = place.states()
        except NotThereError:
            states = {}  # nothing was put there yet
        stand_in(folder, {name.as_posix(): each.bytes for name, each in states.items()})
        for name in filter(_is_read, states):
            place.fetch(name, folder)
        yield DataSetCopy(place, folder)


def _is_read(name: PurePath) -> bool:
    return name.parent == RECORDS or name == PurePath(DESCRIPTION)

"""Learns from a scan's noise, or an earlier scan's, how to whiten its channels."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.acquisition.noise_lines import (
    check_channels,
    imaging,
    noise_samples,
    sampling_time_s,
)
from streamrecon.errors import StorageError
from streamrecon.model.kspace import ChannelTransform
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.header.noise_dependency import NoiseLink
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.recon.kspace.noise import (
    dead_channels,
    edge_noise,
    in_order_of,
    noise_covariance,
    noise_scale,
    whitening_matrix,
)
from streamrecon.storage.noise_store import NoiseRecord, NoiseStore

_SAMPLES_A_CHANNEL = 8  # fewer leave a covariance that is mostly chance
_SOME_DWELL_S = 1e-5  # of noise and lines that say nothing: the ratio of both is what counts
_LINES_FOR_EDGES = 64  # 1,500 samples of 192: a covariance of 32 channels within some percent


class Whitening:
    """Takes noise lines out, and keeps the first others until there is a matrix to whiten them by.

    Parameters
    ----------
    link
        What the header says of noise; ``None`` where there is none.
    storage
        Folder of the noise of earlier scans; ``None`` keeps nothing.
    """

    def __init__(self, link: NoiseLink | None = None, storage: Path | None = None) -> None:
        self._link = link
        self._storage = storage
        self._noise: list[Acquisitions] = []
        self._waiting: list[Acquisitions] = []
        self._n_waiting = 0
        self._stored: tuple[NoiseRecord, str] | None = None
        self._settled = False
        self._losses: list[str] = []
        self._losses_noted = 0

    def take(self, lines: Acquisitions) -> Iterator[ChannelTransform | Notice | Acquisitions]:
        """Keep noise lines; before the first other line, say how to whiten; pass the others."""
        is_noise = (lines.header["flags"] & layout.NOISE) != 0
        if not self._settled:
            count = self._lines_to_wait(lines, is_noise)
            settling = slice(count, count + 1)  # is one of those that wait
            self._take(lines.select(slice(count)), is_noise[:count])
            self._take(lines.select(settling), is_noise[settling])
            if count == len(lines):
                return
            yield from self._settle()
            lines, is_noise = lines.select(slice(count + 1, None)), is_noise[count + 1 :]
        if is_noise.any():
            self._noise.append(lines.select(is_noise))
            lines = lines.select(~is_noise)
        if len(lines):
            yield lines

    def finish(self) -> Iterator[ChannelTransform | Notice | Acquisitions]:
        """Settle with what has come; keep the noise of a scan that had nothing else."""
        if self._waiting:
            yield from self._settle()
        if self._noise and self._own_noise(dwell_s=0.0):
            if self._losses:
                yield from self._new_losses()
            elif self._storage_id:
                yield Notice(Level.INFO, "noise scan: kept for the scans that depend on it")
            else:
                yield Notice(Level.WARNING, "noise scan: not kept, it has no measurement id")

    @property
    def _storage_id(self) -> str:
        """Name under which this scan's noise is kept; empty where it cannot be."""
        return self._link.measurement if self._link and self._storage else ""

    def _lines_to_wait(self, lines: Acquisitions, is_noise: NDArray[np.bool_]) -> int:
        """How many of the lines come before the one that settles it; all where none does."""
        others, noise = np.flatnonzero(~is_noise), np.flatnonzero(is_noise)
        if not len(others):
            return len(lines)
        if not self._waiting:
            self._stored = self._stored_noise(_n_channels([lines.select(others[:1])]))
        if self._noise or self._stored:
            return int(others[0])
        settling = _LINES_FOR_EDGES - 1 - self._n_waiting
        if len(noise):
            settling = min(settling, int(np.searchsorted(others, noise[0])))
        return int(others[settling]) if settling < len(others) else len(lines)

    def _take(self, lines: Acquisitions, is_noise: NDArray[np.bool_]) -> None:
        """Keep lines that wait, and noise."""
        if is_noise.any():
            self._noise.append(lines.select(is_noise))
        if not is_noise.all():
            self._waiting.append(lines.select(~is_noise))
            self._n_waiting += len(self._waiting[-1])

    def _settle(self) -> Iterator[ChannelTransform | Notice | Acquisitions]:
        """Whiten by the best noise there is."""
        dwell_s = sampling_time_s(self._waiting[0])
        found = self._own_noise(dwell_s) or self._stored
        yield from self._new_losses()
        if found is not None:
            record, source = found
            check_channels(record.covariance, _n_channels(self._waiting))
            ratio = record.bandwidth_ratio or 1.0
            scale = noise_scale(dwell_s or record.dwell_s, record.dwell_s or dwell_s, ratio)
            yield from self._whiten(record.covariance * scale)
            yield Notice(
                Level.INFO, f"whitened with {source}, noise variance scaled by {scale:.4g}"
            )
        else:
            yield from self._whiten_by_edges()
        self._settled = True
        yield from self._waiting
        self._waiting.clear()

    def _whiten_by_edges(self) -> Iterator[ChannelTransform | Notice]:
        noise = edge_noise([lines.data for lines in map(imaging, self._waiting)])
        if noise is None or noise.shape[1] < _SAMPLES_A_CHANNEL * len(noise):
            yield Notice(Level.WARNING, "no noise scan of this coil: the channels are not whitened")
            return
        yield from self._whiten(noise_covariance(noise[None]))
        where = f"{noise.shape[1]} samples at the edges of k-space"
        yield Notice(Level.WARNING, f"no noise scan of this coil: whitened with {where}")

    def _whiten(self, covariance: NDArray[np.complex128]) -> Iterator[ChannelTransform | Notice]:
        dead = dead_channels(covariance)
        if dead:
            named = ", ".join(self._name(channel) for channel in dead)
            text = f"dead channels, without noise or signal: {named}; reconstructed without them"
            yield Notice(Level.WARNING, text)
        yield ChannelTransform(whitening_matrix(covariance), is_white=True)

    def _name(self, channel: int) -> str:
        labels = self._link.coil_labels if self._link else ()
        return f"{channel} ({labels[channel]})" if channel < len(labels) else str(channel)

    def _own_noise(self, dwell_s: float) -> tuple[NoiseRecord, str] | None:
        if not self._noise or self._link is None:
            return None
        known_s = sampling_time_s(self._noise[0]) or dwell_s
        record = NoiseRecord(
            covariance=noise_covariance(noise_samples(self._noise)[None]),
            dwell_s=known_s or _SOME_DWELL_S,
            labels=self._link.coil_labels,
            bandwidth_ratio=self._link.bandwidth_ratio,
            when_s=time.time(),
        )
        self._noise.clear()
        if not known_s:
            self._losses.append("noise lines: no sampling time in their headers, nor in others")
        elif self._storage and self._storage_id:
            self._keep(self._storage, record)
        return record, "the scan's own noise lines"

    def _keep(self, storage: Path, record: NoiseRecord) -> None:
        """Keep the noise for other scans; this one goes on where the storage takes nothing."""
        try:
            NoiseStore(storage).save(self._storage_id, record)
        except StorageError as e:
            self._losses.append(f"{e}; scans that depend on this one's noise will not find it")

    def _loaded(self, store: NoiseStore, measurement: str) -> NoiseRecord | None:
        try:
            return store.load(measurement)
        except StorageError as e:
            self._losses.append(f"{e}; the noise scan is not used")
            return None

    def _new_losses(self) -> Iterator[Notice]:
        """What the storage did not do, once."""
        news = self._losses[self._losses_noted :]
        self._losses_noted = len(self._losses)
        yield from (Notice(Level.WARNING, text) for text in news)

    def _stored_noise(self, n_channels: int) -> tuple[NoiseRecord, str] | None:
        if self._link is None or self._storage is None:
            return None
        store = NoiseStore(self._storage)
        for measurement in self._link.dependencies:
            record = self._loaded(store, measurement)
            if record is not None:
                matched = in_order_of(self._link.coil_labels, record.labels, record.covariance)
                if matched is None or len(matched) != n_channels:
                    continue
                when = datetime.fromtimestamp(record.when_s, UTC)
                found = replace(record, covariance=matched)
                return found, f"the noise scan of {when:%Y-%m-%d %H:%M} UTC"
        return None


def _n_channels(runs: Sequence[Acquisitions]) -> int:
    """Channels of lines, of one that images where there is one."""
    lines = next((run for run in runs if len(imaging(run))), runs[0])
    return int(lines.data.shape[1])

"""Fewer channels, learnt from the first lines around the centre of k-space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamrecon.acquisition.open_volume import readout_of, rows_along_x
from streamrecon.errors import ConfigError
from streamrecon.model.kspace import ChannelTransform
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import ScanProtocol, of_slab
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.recon.kspace.calibration_coverage import CalibrationCoverage, evenly, strongest
from streamrecon.recon.kspace.coil_compression import compressed
from streamrecon.recon.kspace.encoding_grid import grid_of
from streamrecon.recon.kspace.geometric_coil_compression import compressed_along_x
from streamrecon.units import MIB

_MOST = 1024  # lines to learn from: a scan of many slices has more around its centre
_STRONGEST = 256  # of those that came, where the centre did not and a number is asked for
_ENDED = "the scan ended"
_NOT_IMAGING = np.uint64(layout.NOT_IMAGING & ~layout.PARALLEL_CALIBRATION)


@dataclass(frozen=True, slots=True)
class Wanted:
    """How channels are to be compressed.

    Parameters
    ----------
    method
        Virtual channels of each place along the readout, or the same everywhere.
    loss
        Relative error that is allowed.
    channels
        Most virtual channels; ``None`` sets no limit.
    hold_mib
        Lines that may wait [MiB].
    """

    method: Literal["geometric", "pca"]
    loss: float
    channels: int | None
    hold_mib: int


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Lines that wait; which of them image or calibrate, and which of those are central."""

    lines: Acquisitions
    images: NDArray[np.bool_]
    central: NDArray[np.bool_]


class ChannelCompression:
    """Keeps lines until there is enough to learn from, then says what is owed to them all.

    Parameters
    ----------
    protocol
        Of the scan; of several slabs the grid is that of one, the places are those of all.
    wanted
        How channels are to be compressed.
    """

    def __init__(self, protocol: ScanProtocol, wanted: Wanted) -> None:
        encoding = protocol.encoding
        self._wanted = wanted
        self._places = CalibrationCoverage(
            ky=encoding.ky,
            kz=encoding.kz,
            slices=encoding.slice,
            acceleration=encoding.acceleration,
        )
        if encoding.has_slabs:
            encoding = of_slab(protocol, encoding.slice.minimum).encoding
        self._grid = grid_of(encoding)
        self._owed: ChannelTransform | None = None
        self._waiting: list[_Run] = []
        self._held = 0  # bytes that wait
        self._n_central = 0  # lines among them
        self._settled = False

    def owe(self, mix: ChannelTransform) -> None:
        """Learn what is owed to the channels already.

        Raises
        ------
        ConfigError
            If they are compressed.
        """
        if mix.along_x is not None:
            raise ConfigError("CompressCoils: found channels that are compressed already")
        self._owed = mix

    def take(self, lines: Acquisitions) -> Iterator[ChannelTransform | Notice | Acquisitions]:
        """Keep lines, or let them all go where enough has come or no more may wait."""
        if not self._settled and len(lines):
            line_bytes = max(1, lines.data.nbytes // len(lines))
            settling = self._settling(lines, line_bytes)
            count, cut = (len(lines), None) if settling is None else settling
            self._wait(lines.select(slice(count)))
            self._held += count * line_bytes
            if settling is None:
                return
            yield from self._settle(cut)
            lines = lines.select(slice(count, None))
        if len(lines):
            yield lines

    def finish(self) -> Iterator[ChannelTransform | Notice | Acquisitions]:
        """Settle with what has come."""
        if self._waiting:
            yield from self._settle(_ENDED)

    def _settling(self, lines: Acquisitions, line_bytes: int) -> tuple[int, str | None] | None:
        """How many of the lines it takes, and what came before the centre; ``None``: more."""
        counters, images = _counters(lines), _images(lines)
        until = self._places.lines_until_enough(*counters, images=images)
        central = np.flatnonzero(self._places.central(*counters, images=images))
        runs = self._waiting or [_Run(lines, images, images)]
        wanted = self._channels_of(runs) - self._n_central
        if until is not None and wanted > 0:
            until = max(until, int(central[wanted - 1]) + 1) if wanted <= len(central) else None
        room = self._wanted.hold_mib * MIB - self._held
        full = max(room, 0) // line_bytes + 1
        if until is not None and until <= min(full, len(lines)):
            return max(until, 1), None
        return (full, f"{self._wanted.hold_mib} MiB came") if full <= len(lines) else None

    def _wait(self, lines: Acquisitions) -> None:
        """Keep lines, and what they are."""
        images = _images(lines)
        central = self._places.note(*_counters(lines), images=images)
        self._waiting.append(_Run(lines.select(slice(None)), images, central))
        self._n_central += int(central.sum())

    def _channels_of(self, runs: list[_Run]) -> int:
        """Channels of lines behind what is owed to them."""
        if self._owed is not None:
            return self._owed.n_channels
        return int(next((r for r in runs if r.images.any()), runs[0]).lines.data.shape[1])

    def _settle(self, cut: str | None) -> Iterator[ChannelTransform | Notice | Acquisitions]:
        """Say what is owed, and let all lines go; ``cut`` says what came before the centre."""
        self._settled = True
        runs, self._waiting = self._waiting, []
        yield from self._owing(runs, cut)
        yield from (run.lines for run in runs)

    def _owing(self, runs: list[_Run], cut: str | None) -> Iterator[ChannelTransform | Notice]:
        n_channels = self._channels_of(runs)
        before = f"{cut} before the centre of k-space"
        if self._n_central < n_channels:
            before = f"{cut} with {self._n_central} lines of the centre, needed {n_channels}"
        if cut in {None, _ENDED} and self._n_central >= n_channels:
            if not self._places.enough:
                text = f"compression learnt from {self._n_central} central lines: {before}"
                yield Notice(Level.WARNING, text)
            yield from self._compress(runs, evenly([run.central for run in runs], _MOST))
        elif (
            self._wanted.channels is not None
            and sum(run.images.sum() for run in runs) >= n_channels
        ):
            text = f"compression learnt from the strongest lines: {before}"
            yield Notice(Level.WARNING, text)
            among = [run.images for run in runs]
            masks = strongest([run.lines.data for run in runs], among, _STRONGEST)
            yield from self._compress(runs, masks)
        else:
            yield Notice(Level.WARNING, f"channels not compressed: {before}")
            if self._owed is not None:
                yield self._owed

    def _compress(
        self, runs: list[_Run], masks: list[NDArray[np.bool_]]
    ) -> Iterator[ChannelTransform | Notice]:
        """The mix that is owed, learnt from the lines in the masks."""
        grid, wanted = self._grid, self._wanted
        first = next(run for run, mask in zip(runs, masks, strict=True) if mask.any())
        readout = readout_of(grid, first.lines.data.shape[1], self._owed)
        rows = np.concatenate(
            [
                rows_along_x(run.lines.select(mask), readout)[0]
                for run, mask in zip(runs, masks, strict=True)
                if mask.any()
            ]
        )
        if wanted.method == "geometric":
            mix = compressed_along_x(
                rows,
                grid.x.voxel_mm,
                self._owed,
                loss=wanted.loss,
                most=wanted.channels,
            )
        else:
            mix = compressed(rows, self._owed, loss=wanted.loss, most=wanted.channels)
        yield mix
        text = f"channels compressed ({wanted.method}) from {rows.shape[1]} to {mix.n_channels}"
        yield Notice(Level.INFO, text)


def _counters(lines: Acquisitions) -> tuple[NDArray[np.integer], ...]:
    """Counters ky, kz and slice of lines [N]."""
    idx = lines.header["idx"]
    return idx["kspace_encode_step_1"], idx["kspace_encode_step_2"], idx["slice"]


def _images(lines: Acquisitions) -> NDArray[np.bool_]:
    """Which lines image or calibrate [N]."""
    images: NDArray[np.bool_] = (lines.header["flags"] & _NOT_IMAGING) == 0
    return images

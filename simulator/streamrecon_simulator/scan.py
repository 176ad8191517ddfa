"""Lines as a scanner sends them: noise scan first, then the steps in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.mrd.wire.messages import Acquisitions, Header, Waveform
from streamrecon_simulator.lines.coils import correlated_noise, noise_covariance
from streamrecon_simulator.lines.encode import encode, readout_polarity, sample_object
from streamrecon_simulator.lines.header import header_xml
from streamrecon_simulator.lines.line_headers import imaging_heads, noise_heads
from streamrecon_simulator.lines.order import line_order
from streamrecon_simulator.lines.physiology import waveform
from streamrecon_simulator.scene import Scene

_BATCH_BYTES = 4 << 20  # lines made at once: small beside a scan, large beside the cost of a call


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """A scan that is ready to be sent.

    Parameters
    ----------
    scene
        What it is a scan of.
    kspace
        Noiseless samples [E, C, Z, Y, X], slabs after one another along Z; empty for a noise scan
        alone.
    lines
        Imaging lines in the order of time, `order.LINE`.
    noise_level
        Standard deviation of the real part of an imaging sample in a channel of unit covariance.
    """

    scene: Scene
    kspace: NDArray[np.complex64]
    lines: NDArray[np.void]
    noise_level: float

    def messages(self) -> Iterator[Header | Acquisitions | Waveform]:
        """Header, then batches of lines as they are measured. May be called again: same numbers."""
        yield Header(header_xml(self.scene))
        random = np.random.default_rng(self.scene.seed)
        factor = _noise_factor(self.scene, self.noise_level)
        if self.scene.noise_lines and self.noise_level:
            yield _noise_scan(self.scene, random, factor)
        if not self.scene.noise_only:
            yield from self._imaging(random, factor)

    def _imaging(
        self, random: np.random.Generator, factor: NDArray[np.complex64]
    ) -> Iterator[Acquisitions | Waveform]:
        heads = imaging_heads(self.scene, self.lines)
        line_bytes = 8 * self.scene.n_coils * self.scene.encoded_matrix[2]
        per_batch = max(1, _BATCH_BYTES // line_bytes)
        for start in range(0, len(self.lines), per_batch):
            batch = slice(start, start + per_batch)
            data = _pick(self.scene, self.kspace, self.lines[batch])
            if self.noise_level:
                data += correlated_noise(random, data.shape, factor)
            yield _acquisitions(heads[batch], data)
            if self.scene.waveforms:
                yield waveform(heads[batch])


def simulate(scene: Scene) -> Simulation:
    """Scan a scene: see `encode.encode` for cost and what is left out."""
    level = scene.phantom.signal / scene.snr
    lines = line_order(scene)
    if scene.noise_only:
        nothing = np.empty((len(scene.te_s), scene.n_coils, 0, 0, 0), np.complex64)
        return Simulation(scene, nothing, lines[:0], level)
    slabs = [encode(slab, sample_object(slab)) for slab in scene.slab_scenes()]
    kspace = np.concatenate(slabs, axis=2) if len(slabs) > 1 else slabs[0]
    return Simulation(scene, kspace, lines, level)


def _noise_factor(scene: Scene, level: float) -> NDArray[np.complex64]:
    """What mixes white noise into that of the channels [C, C]."""
    covariance = noise_covariance(scene.n_coils)[np.ix_(scene.coils, scene.coils)]
    factor = np.linalg.cholesky(covariance) * level
    factor[list(scene.faults.dead_coils)] = 0
    return factor.astype(np.complex64)


def _noise_scan(
    scene: Scene, random: np.random.Generator, factor: NDArray[np.complex64]
) -> Acquisitions:
    """Noise under the receiver's own filter: variance grows with sampling rate and bandwidth."""
    shape = (scene.noise_lines, scene.n_coils, scene.noise_samples)
    scale = np.sqrt(scene.dwell_s / scene.noise_dwell_s * scene.noise_bandwidth)
    data = correlated_noise(random, shape, factor * np.float32(scale))
    return _acquisitions(noise_heads(scene), data)


def _pick(
    scene: Scene, kspace: NDArray[np.complex64], lines: NDArray[np.void]
) -> NDArray[np.complex64]:
    """Samples [N, C, X] of the lines as they were measured, in the order of time."""
    z = lines["slab"] * scene.encoded_matrix[0] + lines["kz"]
    data = kspace[lines["echo"], :, z, lines["ky"], scene.skipped_samples :]
    backwards = np.array(readout_polarity(scene))[lines["echo"]] < 0
    data[backwards] = data[backwards, :, ::-1]
    if scene.drift_hz or scene.faults.breathing_hz:
        field_hz = scene.drift_hz * lines["repetition"]
        field_hz = field_hz + scene.faults.breath_hz(lines["shot"] * scene.tr_s)
        turn = 2 * np.pi * scene.phase_sign * field_hz * np.array(scene.te_s)[lines["echo"]]
        data *= np.exp(1j * turn).astype(np.complex64)[:, None, None]
    return data


def _acquisitions(heads: NDArray[np.void], data: NDArray[np.complex64]) -> Acquisitions:
    lines, _, samples = data.shape
    return Acquisitions(heads, data, np.empty((lines, samples, 0), np.float32))

"""Everything that defines a simulated scan, in one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ConfigError
from streamrecon.model.geometry import Geometry, Shape, Triple
from streamrecon_simulator.lines.coils import USUAL_HELMET, Helmet
from streamrecon_simulator.lines.imperfections import Faults
from streamrecon_simulator.lines.sampling import Measured, Sampling
from streamrecon_simulator.phantoms.objects import Scanned
from streamrecon_simulator.phantoms.phantom import HEAD
from streamrecon_simulator.rotation import rotation


class Order(Enum):
    """In which order the phase-encoding steps are played out.

    Unless it says otherwise, all echoes of a step follow one another, as a gradient echo train
    does. For slices instead of partitions, kz is the slice.
    """

    LINEAR = "linear"  # kz slow, ky fast
    KZ_INNER = "kz-inner"  # ky slow, kz fast
    CENTRE_OUT = "centre-out"  # by distance from the centre of k-space
    RANDOM = "random"
    ECHO_OUTER = "echo-outer"  # linear, one whole pass for each echo


class Orientation(Enum):
    """Directions (L, P, S) of slice, phase and read of an untilted slab, right-handed."""

    AXIAL = ((0, 0, 1), (0, 1, 0), (1, 0, 0))
    SAGITTAL = ((1, 0, 0), (0, 1, 0), (0, 0, -1))
    CORONAL = ((0, -1, 0), (1, 0, 0), (0, 0, -1))


@dataclass(frozen=True, slots=True)
class Scene:
    """What is scanned, where, and how. Triples are (z, y, x).

    Parameters
    ----------
    phantom
        The object.
    matrix
        Acquired voxels in the wanted field of view.
    voxel_mm
        Their size [mm].
    recon_matrix
        Voxels in the image for the same field of view, larger for zero-filling; ``None`` is
        ``matrix``.
    oversampling
        Factors by which the encoded field of view and matrix exceed the wanted ones.
    slices
        2-D slices instead of one 3-D slab.
    gap_mm
        Between slices or slabs [mm]; negative where slabs overlap.
    slabs
        3-D slabs above one another, each measured before the next begins; their middle one
        (``n // 2``) is at ``centre_lps_mm``.
    orientation, tilt_deg, left_handed, centre_lps_mm
        Slab: its main orientation, rotations about the L and then the P axis [°], whether the
        slice direction is reversed, and the position of voxel ``n // 2``.
    table_mm
        Position of the patient's table (L, P, S).
    te_s, tr_s, flip_deg, dwell_s, b0_t
        Sequence [s], [s], [°], time between samples [s], field [T].
    n_coils
        Receivers; a single one has sensitivity 1 everywhere.
    helmet
        Where they are and how far they see.
    coil_order
        Which receiver each channel is, where they are not connected in their order.
    snr
        Signal at TE = 0 of the phantom's first part, or of white matter, in a coil of sensitivity
        1, over the standard deviation of the noise of a real or imaginary part; infinite for no
        noise at all.
    noise_lines, noise_samples, noise_dwell_s, noise_bandwidth
        Noise scan before the first line, left out where there is no noise: how many lines, their
        length, time between samples [s], and the receiver's relative noise bandwidth.
    noise_only
        Only the noise scan, as a measurement of its own.
    bipolar, delay_samples
        Every second echo under a reversed gradient, whose true echo comes so many samples late
        in every line.
    skipped_samples
        Samples missing before the echo (asymmetric echo).
    sampling, order, averages, repetitions
        Which steps are measured, and the sequence of lines.
    drift_hz
        Change of the centre frequency from one repetition to the next [Hz].
    faults
        What else goes wrong.
    dropped, stop_after
        Numbers of imaging lines that are lost; imaging lines after which the scan ends early.
    phase_sign
        −1 for a scanner whose phase falls with the field.
    says_phase_sign
        Whether the header has the user parameter ``PhaseSign``.
    supersampling
        Points of the object per voxel edge. 1: the object is a sum of points on the encoded grid
        and the discrete transform is exact; more: partial volume, dephasing, ringing.
    waveforms
        A physiology trace beside the lines.
    measurement_id, noise_measurement_id
        Ids in the header; the second names the noise scan this one depends on.
    study_uid
        UID of the study in the header, that of all scans of one visit; empty for none.
    seed
        Of the noise and the random order.
    """

    summary: str
    phantom: Scanned = HEAD
    matrix: Shape = (32, 80, 96)
    voxel_mm: Triple = (5.0, 2.4, 2.2)
    recon_matrix: Shape | None = None
    oversampling: Triple = (1.0, 1.0, 2.0)
    slices: bool = False
    gap_mm: float = 0.0
    slabs: int = 1
    orientation: Orientation = Orientation.AXIAL
    tilt_deg: tuple[float, float] = (0.0, 0.0)
    left_handed: bool = False
    centre_lps_mm: Triple = (0.0, 0.0, 0.0)
    table_mm: Triple = (0.0, 0.0, 0.0)
    te_s: tuple[float, ...] = (0.005, 0.0103, 0.0156, 0.0209)
    tr_s: float = 0.028
    flip_deg: float = 15.0
    dwell_s: float = 1e-5
    b0_t: float = 3.0
    n_coils: int = 8
    helmet: Helmet = USUAL_HELMET
    coil_order: tuple[int, ...] = ()
    snr: float = 60.0
    noise_lines: int = 16
    noise_samples: int = 256
    noise_dwell_s: float = 5e-6
    noise_bandwidth: float = 0.793
    noise_only: bool = False
    bipolar: bool = False
    delay_samples: float = 0.0
    skipped_samples: int = 0
    sampling: Sampling = field(default_factory=Sampling)
    order: Order = Order.LINEAR
    averages: int = 1
    repetitions: int = 1
    drift_hz: float = 0.0
    faults: Faults = field(default_factory=Faults)
    dropped: tuple[int, ...] = ()
    stop_after: int | None = None
    phase_sign: int = 1
    says_phase_sign: bool = True
    supersampling: int = 1
    waveforms: bool = False
    measurement_id: str = "simulated_1"
    noise_measurement_id: str = ""
    study_uid: str = ""
    seed: int = 7
    encoded_matrix: Shape = field(init=False)

    def __post_init__(self) -> None:
        if self.slices and self.oversampling[0] != 1:
            raise ConfigError(f"oversampling: found {self.oversampling}, slices need 1 along z")
        if self.slices and self.recon_shape[0] != self.matrix[0]:
            raise ConfigError(
                f"recon matrix: found {self.recon_shape[0]} of {self.matrix[0]} slices"
            )
        if min(self.oversampling) < 1 or min(self.matrix) < 1:
            raise ConfigError(f"oversampling, matrix: found {self.oversampling}, {self.matrix}")
        if self.phase_sign not in {1, -1}:
            raise ConfigError(f"phase sign: found {self.phase_sign}, needed +1 or -1")
        counts = (self.n_coils, self.averages, self.repetitions, self.supersampling, self.slabs)
        if min(counts) < 1:
            raise ConfigError("coils, averages, repetitions, slabs: needed at least 1")
        if self.slices and (self.slabs > 1 or self.sampling.acceleration[0] > 1):
            raise ConfigError("slices: found slabs or acceleration along z, needed none")
        if self.coil_order and sorted(self.coil_order) != list(range(self.n_coils)):
            raise ConfigError(f"coil order: found {self.coil_order}, needed each of {self.n_coils}")
        if not self.snr > 0 or not self.te_s:
            raise ConfigError(f"snr, te: found {self.snr}, {self.te_s}, needed positive, not empty")
        nz, ny, nx = (
            round(n * factor) for n, factor in zip(self.matrix, self.oversampling, strict=True)
        )
        if not 0 <= self.skipped_samples <= nx // 2:
            raise ConfigError(f"skipped samples: found {self.skipped_samples} of {nx}")
        object.__setattr__(self, "encoded_matrix", (nz, ny, nx))

    @property
    def coils(self) -> tuple[int, ...]:
        """Receiver of each channel."""
        return self.coil_order or tuple(range(self.n_coils))

    @property
    def centre_step(self) -> tuple[int, int]:
        """Step (z, y) of the centre of k-space."""
        return self.encoded_matrix[0] // 2, self.encoded_matrix[1] // 2

    @property
    def first_step(self) -> tuple[int, int]:
        """Step (z, y) from which the counters of the lines begin."""
        z, y = self.sampling.first(*self.encoded_matrix[:2])
        return (0 if self.slices else z), y

    def measured(self) -> Measured:
        """Steps of the image and of the calibration."""
        nz, ny, _ = self.encoded_matrix
        return self.sampling.measured(nz, ny, slices=self.slices)

    def slab_scenes(self) -> tuple[Scene, ...]:
        """Each slab as a scene of its own, in the order of their numbers."""
        pitch_mm = self.matrix[0] * self.voxel_mm[0] + self.gap_mm
        centres = [
            np.array(self.centre_lps_mm) + (n - self.slabs // 2) * pitch_mm * slab_axes(self)[0]
            for n in range(self.slabs)
        ]
        return tuple(
            replace(self, slabs=1, centre_lps_mm=tuple(centre.tolist())) for centre in centres
        )

    @property
    def encoded_fov_mm(self) -> Triple:
        """Field of view of the encoded grid (z, y, x) [mm]; of slices, all of them along z."""
        z, y, x = (n * v for n, v in zip(self.encoded_matrix, self.voxel_mm, strict=True))
        return z, y, x

    @property
    def recon_shape(self) -> Shape:
        """Voxels of the image (z, y, x)."""
        return self.recon_matrix or self.matrix

    @property
    def geometry(self) -> Geometry:
        """Grid of the image; its voxel ``n // 2`` lies at ``centre_lps_mm``."""
        z, y, x = (
            n * size / m
            for n, size, m in zip(self.matrix, self._pitch_mm, self.recon_shape, strict=True)
        )
        return Geometry(self.recon_shape, (z, y, x), slab_axes(self), self.centre_lps_mm)

    @property
    def encoded_geometry(self) -> Geometry:
        """Grid whose discrete transform is the encoded k-space."""
        return Geometry(self.encoded_matrix, self._pitch_mm, slab_axes(self), self.centre_lps_mm)

    @property
    def _pitch_mm(self) -> Triple:
        z, y, x = self.voxel_mm
        return (z + self.gap_mm if self.slices else z), y, x


def slab_axes(scene: Scene) -> NDArray[np.float64]:
    """Unit vectors (L, P, S) of slice, phase and read [3, 3], tilted about L, then about P."""
    handed = np.diag([-1.0 if scene.left_handed else 1.0, 1.0, 1.0])
    main = np.array(scene.orientation.value, dtype=np.float64)
    return np.asarray(handed @ main @ rotation(*scene.tilt_deg).T)

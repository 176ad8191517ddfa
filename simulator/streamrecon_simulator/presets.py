"""Scenes by name."""

from __future__ import annotations

from dataclasses import replace

from streamrecon_simulator.lines.coils import Helmet
from streamrecon_simulator.lines.imperfections import Faults
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.phantoms.phantom import CYLINDER, HEAD, MARKER, SPHERES, VEINS
from streamrecon_simulator.scene import Order, Scene
from streamrecon_simulator.whole_head.head import WholeHead

_NOISY = Scene("", phantom=HEAD, snr=40.0, supersampling=2)
_CLINICAL = replace(_NOISY, matrix=(48, 96, 96), voxel_mm=(3.4, 2.2, 2.2), n_coils=12)

_WHOLE_HEAD = Scene(
    "a whole head with scalp, skull, air, face and neck, 1.5 mm, 8 coils",
    phantom=WholeHead(),
    matrix=(120, 160, 128),
    voxel_mm=(1.5, 1.5, 1.5),
    oversampling=(1.0, 1.0, 1.0),
    centre_lps_mm=(0.0, -4.0, 6.0),
    helmet=Helmet(ring_mm=113.0, reach_mm=25.0),
    te_s=(0.004, 0.0102, 0.0164, 0.0226),
    supersampling=2,
)

SCENES: dict[str, Scene] = {
    "head": Scene("multi-echo head at 3 T, 8 coils, noise scan", phantom=HEAD, supersampling=2),
    "whole-head": _WHOLE_HEAD,
    "demo": replace(
        _WHOLE_HEAD,
        summary="the whole head of `make demo`: slices of 2 mm, a bleed and a calcification",
        phantom=WholeHead(grain_mm=0.9, calcification=True, bleed=True),
        matrix=(90, 160, 128),
        voxel_mm=(2.0, 1.5, 1.5),
    ),
    "head-bipolar": Scene(
        "the head with bipolar readouts, late by 0.4 samples",
        phantom=HEAD,
        bipolar=True,
        delay_samples=0.4,
        supersampling=2,
    ),
    "head-slices": Scene(
        "the head in interleaved 2-D slices, oblique, 4 coils",
        phantom=HEAD,
        matrix=(21, 80, 96),
        voxel_mm=(4.0, 2.4, 2.2),
        slices=True,
        gap_mm=1.0,
        tilt_deg=(20.0, -10.0),
        order=Order.KZ_INNER,
        n_coils=4,
        supersampling=2,
    ),
    "spheres": Scene(
        "small balls of both signs of χ in water, 1 coil, no noise",
        phantom=SPHERES,
        matrix=(64, 64, 64),
        voxel_mm=(2.0, 2.0, 2.0),
        n_coils=1,
        snr=float("inf"),
        noise_lines=0,
        supersampling=2,
    ),
    "cylinder": Scene(
        "a cylinder at 45° to B0 in water, 1 coil, no noise",
        phantom=CYLINDER,
        matrix=(64, 64, 64),
        voxel_mm=(2.0, 2.0, 2.0),
        n_coils=1,
        snr=float("inf"),
        noise_lines=0,
        supersampling=2,
    ),
    "marker": Scene(
        "one ball at (18, -11, 7) mm, oblique slab off centre, no noise",
        phantom=MARKER,
        matrix=(24, 33, 40),
        voxel_mm=(3.0, 2.5, 2.0),
        tilt_deg=(25.0, -15.0),
        centre_lps_mm=(8.0, -6.0, 3.0),
        te_s=(0.005, 0.01),
        n_coils=2,
        snr=float("inf"),
        noise_lines=0,
        supersampling=3,
    ),
    "veins": Scene(
        "a tree of veins and two nuclei, 1 mm voxels, 2 coils",
        phantom=VEINS,
        matrix=(64, 64, 64),
        voxel_mm=(1.0, 1.0, 1.0),
        n_coils=2,
        supersampling=2,
    ),
    "tiny": Scene(
        "16 × 16 × 8, 2 echoes, 2 coils: the quickest",
        phantom=HEAD,
        matrix=(8, 16, 16),
        voxel_mm=(20.0, 12.0, 12.0),
        te_s=(0.005, 0.01),
        n_coils=2,
    ),
    "noise": Scene(
        "only the noise scan of the head, a measurement of its own",
        noise_only=True,
        noise_lines=128,
        measurement_id="simulated_noise",
    ),
    "r2": replace(
        _CLINICAL,
        summary="every second ky, 24 embedded calibration lines, 12 coils, SNR 40",
        sampling=Sampling((1, 2)),
    ),
    "r3": replace(
        _CLINICAL,
        summary="every third ky, 24 embedded calibration lines, 12 coils, SNR 40",
        sampling=Sampling((1, 3)),
    ),
    "caipi-2x2": replace(
        _CLINICAL,
        summary="every second ky and kz, shifted (CAIPIRINHA), 24 × 24 calibration lines, 12 coils",
        sampling=Sampling((2, 2), caipi_shift=1),
    ),
    "r2-slices": replace(
        _NOISY,
        summary="2-D slices, every second ky, 24 embedded calibration lines, 8 coils, SNR 40",
        sampling=Sampling((1, 2)),
        matrix=(15, 80, 96),
        voxel_mm=(5.0, 2.4, 2.2),
        slices=True,
        order=Order.KZ_INNER,
    ),
    "r2-separate": replace(
        _CLINICAL,
        summary="every second ky, calibration lines as a scan of their own before",
        sampling=Sampling((1, 2), separate_calibration=True),
    ),
    "partial": replace(
        _NOISY,
        summary="partial Fourier 6/8 along ky and kz",
        sampling=Sampling(partial=(0.75, 0.75)),
    ),
    "asymmetric": replace(
        _NOISY,
        summary="a third of the samples before the echo missing",
        skipped_samples=32,
    ),
    "elliptical": replace(
        _NOISY,
        summary="corners of k-space left out",
        sampling=Sampling(elliptical=True),
    ),
    "bipolar-phase": replace(
        _NOISY,
        summary="bipolar, late by 0.3 samples, polarity with a constant and a slowly varying phase",
        bipolar=True,
        delay_samples=0.3,
        faults=Faults(polarity_rad=0.4, polarity_slow_rad=0.3),
        te_s=(0.004, 0.008, 0.012, 0.016, 0.02),
    ),
    "oversampled": replace(
        _NOISY,
        summary="phase, slice and readout oversampling, off centre, table moved",
        oversampling=(1.25, 1.2, 2.0),
        centre_lps_mm=(12.0, -18.0, 25.0),
        table_mm=(0.0, 0.0, -1230.0),
    ),
    "slabs": replace(
        _NOISY,
        summary="three slabs of 16 partitions, overlapping by two",
        matrix=(16, 80, 96),
        slabs=3,
        gap_mm=-10.0,
    ),
    "segmented": replace(
        _NOISY,
        summary="four interleaved segments, two averages",
        sampling=Sampling(segments=4),
        averages=2,
    ),
    "random": replace(_NOISY, summary="lines in random order", order=Order.RANDOM),
    "repeated": replace(
        _NOISY,
        summary="four repetitions, the frequency drifting by 2 Hz each",
        repetitions=4,
        drift_hz=2.0,
    ),
    "breathing": replace(
        _NOISY,
        summary="a field that breathes by ±3 Hz, a navigator in each TR, physiology beside",
        faults=Faults(breathing_hz=3.0),
        sampling=Sampling(navigators=True),
        te_s=(0.005, 0.015, 0.025, 0.035),
        tr_s=0.04,
        waveforms=True,
    ),
    "dead-coil": replace(
        _NOISY, summary="one of eight coils is dead", faults=Faults(dead_coils=(2,))
    ),
    "compressed": replace(
        _NOISY,
        summary="16 coils at SNR 60 for coil compression: as many see less at each place along x",
        snr=60.0,
        n_coils=16,
        noise_lines=64,
    ),
    "no-noise-scan": replace(_NOISY, summary="no noise scan", noise_lines=0),
    "noise-mixed": Scene(
        "noise scan with its channels in another order, for a scan that depends on it",
        noise_only=True,
        noise_lines=128,
        coil_order=(5, 2, 7, 0, 1, 6, 3, 4),
        measurement_id="simulated_noise",
    ),
    "centre-repeats": replace(
        _NOISY,
        summary="the central line measured eight times more, the frequency drifting by breath",
        sampling=Sampling(centre_repeats=8),
        faults=Faults(breathing_hz=1.0, breathing_s=40.0),
    ),
    "bench": Scene(
        "benchmark: 192 × 192 × 96, 4 echoes, 8 coils, 1.8 GB",
        phantom=HEAD,
        matrix=(96, 192, 192),
        voxel_mm=(1.7, 1.1, 1.0),
    ),
    "bench-single": Scene(
        "benchmark: 256 × 256 × 64, 1 echo, 8 coils, 0.5 GB",
        phantom=HEAD,
        matrix=(64, 256, 256),
        voxel_mm=(2.5, 0.85, 0.85),
        te_s=(0.02,),
    ),
}
"""Every scene under its name."""

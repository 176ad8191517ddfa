"""Scenes by name."""

from __future__ import annotations

from simulator.phantom import CYLINDER, HEAD, MARKER, SPHERES
from simulator.scene import Order, Scene

SCENES: dict[str, Scene] = {
    "head": Scene("multi-echo head at 3 T, 8 coils, noise scan", phantom=HEAD, supersampling=2),
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

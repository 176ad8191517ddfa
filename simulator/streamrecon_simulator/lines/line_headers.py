"""Headers of lines: counters, flags, position, directions, time stamps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.mrd.wire.layout import (
    ACQUISITION,
    FIRST_IN_REPETITION,
    FIRST_IN_SLICE,
    LAST_IN_MEASUREMENT,
    LAST_IN_REPETITION,
    LAST_IN_SLICE,
    NAVIGATION,
    NOISE,
    PARALLEL_CALIBRATION,
    PARALLEL_CALIBRATION_AND_IMAGING,
    REVERSE,
)
from streamrecon_simulator.lines.encode import readout_polarity
from streamrecon_simulator.scene import Scene, slab_axes

_TICK_S = 2.5e-3  # unit of the time stamps, the habit of one vendor
_MEASUREMENT_UID = 1


def imaging_heads(scene: Scene, lines: NDArray[np.void]) -> NDArray[np.void]:
    """Headers [N], `layout.ACQUISITION`, of imaging lines in the order of time.

    ``center_sample`` counts in the order of k, also in a reversed line that is stored in the
    order of time: the index that the sample k = 0 has after the line has been turned round. That
    is what converted Siemens scans have.
    """
    heads = _common(scene, len(lines))
    heads["number_of_samples"] = scene.encoded_matrix[2] - scene.skipped_samples
    heads["center_sample"] = scene.encoded_matrix[2] // 2 - scene.skipped_samples
    heads["sample_time_us"] = scene.dwell_s * 1e6
    heads["scan_counter"] = scene.noise_lines + np.arange(len(lines))
    heads["acquisition_time_stamp"] = lines["shot"] * scene.tr_s / _TICK_S
    first_z, first_y = scene.first_step
    heads["idx"]["kspace_encode_step_1"] = lines["ky"] - first_y
    heads["idx"]["slice"] = lines["slab"]
    heads["idx"]["slice" if scene.slices else "kspace_encode_step_2"] = lines["kz"] - first_z
    heads["idx"]["contrast"] = lines["echo"]
    for counter in ("average", "repetition", "segment"):
        heads["idx"][counter] = lines[counter]
    heads["position"] = _positions(scene, lines)
    heads["flags"] |= np.where(
        np.array(readout_polarity(scene))[lines["echo"]] < 0, REVERSE, 0
    ).astype("u8")
    _mark_purpose(heads, lines)
    _mark_ends(scene, heads)
    return heads


def _mark_purpose(heads: NDArray[np.void], lines: NDArray[np.void]) -> None:
    """Flag calibration lines and navigators."""
    calibrates, images = lines["calibrates"], lines["images"]
    for which, purpose in (
        (calibrates & images, PARALLEL_CALIBRATION_AND_IMAGING),
        (calibrates & ~images, PARALLEL_CALIBRATION),
        (lines["navigates"], NAVIGATION),
    ):
        heads["flags"][which] |= np.uint64(purpose)


def noise_heads(scene: Scene) -> NDArray[np.void]:
    """Headers [N], `layout.ACQUISITION`, of the noise scan."""
    heads = _common(scene, scene.noise_lines)
    heads["flags"] = NOISE
    heads["number_of_samples"] = scene.noise_samples
    heads["center_sample"] = scene.noise_samples // 2
    heads["sample_time_us"] = scene.noise_dwell_s * 1e6
    heads["scan_counter"] = np.arange(scene.noise_lines)
    heads["position"] = scene.centre_lps_mm
    return heads


def _common(scene: Scene, count: int) -> NDArray[np.void]:
    heads = np.zeros(count, ACQUISITION)
    heads["version"] = 1
    heads["measurement_uid"] = _MEASUREMENT_UID
    heads["available_channels"] = heads["active_channels"] = scene.n_coils
    for coil in range(scene.n_coils):
        heads["channel_mask"][:, coil // 64] |= np.uint64(1 << coil % 64)
    heads["patient_table_position"] = scene.table_mm
    heads["slice_dir"], heads["phase_dir"], heads["read_dir"] = slab_axes(scene)
    return heads


def _positions(scene: Scene, lines: NDArray[np.void]) -> NDArray[np.float64]:
    """Centre of each line's slab or slice [N, 3]."""
    if not scene.slices:
        centres = np.array([slab.centre_lps_mm for slab in scene.slab_scenes()])
        return np.asarray(centres[lines["slab"]])
    centre = np.array(scene.centre_lps_mm)
    steps = lines["kz"] - scene.encoded_matrix[0] // 2
    return centre + np.outer(steps * scene.encoded_geometry.voxel_mm[0], slab_axes(scene)[0])


def _mark_ends(scene: Scene, heads: NDArray[np.void]) -> None:
    """Flag first and last lines; an early end has no last ones, for the scanner could not know."""
    idx = heads["idx"]
    numbers = np.arange(len(heads))
    ended = scene.stop_after is None
    for columns, first, last in (
        (("repetition", "slice", "contrast"), FIRST_IN_SLICE, LAST_IN_SLICE),
        (("repetition",), FIRST_IN_REPETITION, LAST_IN_REPETITION),
    ):
        keys = np.stack([idx[column] for column in columns])
        _, group = np.unique(keys, axis=1, return_inverse=True)
        for member in range(int(group.max(initial=-1)) + 1):
            those = numbers[group.ravel() == member]
            heads["flags"][those[0]] |= np.uint64(first)
            if ended:
                heads["flags"][those[-1]] |= np.uint64(last)
    if ended and len(heads):
        heads["flags"][-1] |= np.uint64(LAST_IN_MEASUREMENT)

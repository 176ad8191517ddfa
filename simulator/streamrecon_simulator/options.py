"""Fields of a scene as options of a command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from streamrecon.errors import ConfigError
from streamrecon.model.geometry import Shape, Triple
from streamrecon_simulator.lines.coils import Helmet
from streamrecon_simulator.lines.imperfections import Faults
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.scene import Order, Orientation, Scene
from streamrecon_simulator.whole_head.head import WholeHead


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split(","))


def _shape(text: str) -> Shape:
    z, y, x = _numbers(text)
    return z, y, x


def _triple(text: str) -> Triple:
    z, y, x = (float(word) for word in text.split(","))
    return z, y, x


def _pair(text: str) -> tuple[float, float]:
    first, second = (float(word) for word in text.split(","))
    return first, second


def _steps(text: str) -> tuple[int, int]:
    first, second = _numbers(text)
    return first, second


def _milliseconds(text: str) -> float:
    return float(text) / 1e3


def _times(text: str) -> tuple[float, ...]:
    return tuple(_milliseconds(word) for word in text.split(","))


def _orientation(text: str) -> Orientation:
    if text.upper() not in Orientation.__members__:
        raise ValueError(text)
    return Orientation[text.upper()]


@dataclass(frozen=True, slots=True)
class _Value:
    """An option that takes a text."""

    name: str
    field: str
    convert: Callable[[str], object]
    text: str


@dataclass(frozen=True, slots=True)
class _Switch:
    """An option that stands for a value."""

    name: str
    field: str
    value: bool
    text: str


_OPTIONS: dict[str, tuple[_Value | _Switch, ...]] = {
    "grid and place; triples are z,y,x": (
        _Value("--matrix", "matrix", _shape, "wanted voxels"),
        _Value("--voxel", "voxel_mm", _triple, "voxel size [mm]"),
        _Value("--recon-matrix", "recon_matrix", _shape, "voxels of the image: zero-filling"),
        _Value("--oversampling", "oversampling", _triple, "factors, for example 1,1,2"),
        _Switch("--slices", "slices", True, "2-D slices instead of a 3-D slab"),
        _Value("--gap", "gap_mm", float, "between slices [mm]"),
        _Value("--orientation", "orientation", _orientation, "axial, sagittal or coronal"),
        _Value("--oblique", "tilt_deg", _pair, "rotation about L and then P: l,p [degrees]"),
        _Switch("--left-handed", "left_handed", True, "turn the slice direction round"),
        _Value("--centre", "centre_lps_mm", _triple, "position of voxel n // 2: l,p,s [mm]"),
        _Value("--table", "table_mm", _triple, "position of the table: l,p,s [mm]"),
        _Value("--slabs", "slabs", int, "3-D slabs above one another"),
    ),
    "whole head": (
        _Value("--anatomy", "head.anatomy", int, "seed of another head"),
        _Value("--grain", "head.grain_mm", float, "voxels the head is made of [mm]"),
        _Value("--turn", "head.turn_deg", _triple, "of the head about L, P and S: l,p,s [degrees]"),
        _Value("--shift", "head.shift_mm", _triple, "of the head after that: l,p,s [mm]"),
        _Switch("--calcification", "head.calcification", True, "a calcification in the brain"),
        _Switch("--bleed", "head.bleed", True, "a bleed in the brain"),
    ),
    "sequence": (
        _Value("--echoes", "n_echoes", int, "number of echoes, spaced as the first two"),
        _Value("--te", "te_s", _times, "echo times, for example 5,10,15 [ms]"),
        _Value("--tr", "tr_s", _milliseconds, "repetition time [ms]"),
        _Value("--b0", "b0_t", float, "field [T]"),
        _Switch("--bipolar", "bipolar", True, "every second echo under a reversed gradient"),
        _Value("--delay", "delay_samples", float, "samples by which echoes come late"),
        _Value("--skip", "skipped_samples", int, "samples missing before the echo"),
        _Value("--phase-sign", "phase_sign", int, "+1, or -1 for phase that falls with field"),
        _Switch("--no-phase-sign", "says_phase_sign", False, "header without PhaseSign"),
        _Value("--drift", "drift_hz", float, "change of frequency per repetition [Hz]"),
        _Value("--supersampling", "supersampling", int, "points of the object per voxel edge"),
    ),
    "steps; pairs are z,y": (
        _Value("--acceleration", "sampling.acceleration", _steps, "every how manyth, e.g. 2,2"),
        _Value("--caipi", "sampling.caipi_shift", int, "steps of z that the lattice moves"),
        _Value("--calibration", "sampling.calibration_lines", int, "central lines in full"),
        _Switch("--separate", "sampling.separate_calibration", True, "calibration before the scan"),
        _Value("--partial", "sampling.partial", _pair, "partial Fourier, e.g. 0.75,0.75"),
        _Switch("--elliptical", "sampling.elliptical", True, "no corners of k-space"),
        _Value("--segments", "sampling.segments", int, "interleaved groups of steps"),
        _Value("--centre-repeats", "sampling.centre_repeats", int, "more central lines"),
        _Switch("--navigators", "sampling.navigators", True, "a navigator in each TR"),
    ),
    "faults": (
        _Value("--breathing", "faults.breathing_hz", float, "amplitude of a breathing field [Hz]"),
        _Value("--polarity", "faults.polarity_rad", float, "phase of positive readouts [rad]"),
        _Value("--polarity-slow", "faults.polarity_slow_rad", float, "its smooth part [rad]"),
        _Value("--dead", "faults.dead_coils", _numbers, "numbers of dead channels"),
    ),
    "lines": (
        _Value("--order", "order", Order, ", ".join(order.value for order in Order)),
        _Value("--averages", "averages", int, "averages"),
        _Value("--repetitions", "repetitions", int, "repetitions"),
        _Value("--drop", "dropped", _numbers, "numbers of lines that are lost"),
        _Value("--stop-after", "stop_after", int, "lines after which the scan ends early"),
        _Switch("--waveforms", "waveforms", True, "a physiology trace beside the lines"),
    ),
    "receiver": (
        _Value("--coils", "n_coils", int, "receivers; 1 is uniform"),
        _Value("--ring", "helmet.ring_mm", float, "radius on which the receivers lie [mm]"),
        _Value("--reach", "helmet.reach_mm", float, "where their sensitivity halves [mm]"),
        _Value("--coil-order", "coil_order", _numbers, "receiver of each channel"),
        _Value("--snr", "snr", float, "signal over noise, inf for no noise"),
        _Value("--noise-lines", "noise_lines", int, "lines of the noise scan"),
        _Switch("--noise-only", "noise_only", True, "the noise scan alone"),
        _Value("--measurement-id", "measurement_id", str, "id in the header"),
        _Value("--noise-measurement-id", "noise_measurement_id", str, "id of its noise scan"),
        _Value("--study-uid", "study_uid", str, "UID of the study in the header"),
        _Value("--seed", "seed", int, "of noise and random order"),
    ),
}


def add_scene_options(parser: argparse.ArgumentParser) -> None:
    """Give ``parser`` an option for every field that may differ from the scene's."""
    for title, options in _OPTIONS.items():
        group = parser.add_argument_group(title)
        for option in options:
            match option:
                case _Value(name, field, convert, text):
                    group.add_argument(
                        name,
                        dest=field,
                        type=convert,
                        help=text,
                        metavar=name.removeprefix("--").upper(),
                        default=argparse.SUPPRESS,
                    )
                case _Switch(name, field, value, text):
                    group.add_argument(
                        name,
                        dest=field,
                        action="store_const",
                        const=value,
                        help=text,
                        default=argparse.SUPPRESS,
                    )


def given(options: argparse.Namespace) -> tuple[str, ...]:
    """Names of the options of `add_scene_options` that stand on the command line."""
    everything = (option for group in _OPTIONS.values() for option in group)
    return tuple(option.name for option in everything if option.field in vars(options))


def scene_from(scene: Scene, options: argparse.Namespace) -> Scene:
    """Return ``scene`` with the fields that were given on the command line.

    Raises
    ------
    ConfigError
        If they do not go together.
    """
    values = vars(options)
    changes = _changes(scene, "", values)
    changes["sampling"] = replace(scene.sampling, **_changes(scene.sampling, "sampling.", values))
    changes["faults"] = replace(scene.faults, **_changes(scene.faults, "faults.", values))
    changes["helmet"] = replace(scene.helmet, **_changes(scene.helmet, "helmet.", values))
    if isinstance(scene.phantom, WholeHead):
        changes["phantom"] = replace(scene.phantom, **_changes(scene.phantom, "head.", values))
    elif any(name.startswith("head.") for name in values):
        raise ConfigError("options of the whole head: found another scene")
    if "n_echoes" in values:
        changes["te_s"] = _train(changes.get("te_s", scene.te_s), values["n_echoes"])
    return replace(scene, **changes)


def _changes(
    part: Scene | Sampling | Faults | Helmet | WholeHead, prefix: str, values: dict[str, Any]
) -> dict[str, Any]:
    """Fields of a part of the scene that were given, under their own names."""
    names = [each.name for each in fields(part)]
    return {name: values[prefix + name] for name in names if prefix + name in values}


def _train(te_s: tuple[float, ...], count: int) -> tuple[float, ...]:
    """So many echoes with the first two's spacing."""
    if count < 1:
        raise ConfigError(f"echoes: found {count}, needed at least 1")
    spacing = te_s[1] - te_s[0] if len(te_s) > 1 else te_s[0]
    return tuple(round(te_s[0] + number * spacing, 9) for number in range(count))

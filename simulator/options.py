"""Fields of a scene as options of a command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import fields, replace

from simulator.scene import Order, Orientation, Scene
from streamrecon.errors import ConfigError
from streamrecon.model.geometry import Shape, Triple


def add_scene_options(parser: argparse.ArgumentParser) -> None:
    """Give ``parser`` an option for every field that may differ from the scene's; triples z,y,x."""
    place = parser.add_argument_group("grid and place; triples are z,y,x")
    _option(place, "--matrix", "matrix", _shape, "wanted voxels")
    _option(place, "--voxel", "voxel_mm", _triple, "voxel size [mm]")
    _option(place, "--recon-matrix", "recon_matrix", _shape, "voxels of the image: zero-filling")
    _option(place, "--oversampling", "oversampling", _triple, "factors, for example 1,1,2")
    _switch(place, "--slices", "slices", "2-D slices instead of a 3-D slab")
    _option(place, "--gap", "gap_mm", float, "between slices [mm]")
    _option(place, "--orientation", "orientation", _orientation, "axial, sagittal or coronal")
    _option(place, "--oblique", "tilt_deg", _pair, "rotation about L and then P: l,p [degrees]")
    _switch(place, "--left-handed", "left_handed", "turn the slice direction round")
    _option(place, "--centre", "centre_lps_mm", _triple, "position of voxel n // 2: l,p,s [mm]")
    _add_sequence(parser.add_argument_group("sequence"))
    _add_lines(parser.add_argument_group("lines"))
    _add_receiver(parser.add_argument_group("receiver"))


def scene_from(scene: Scene, options: argparse.Namespace) -> Scene:
    """Return ``scene`` with the fields that were given on the command line.

    Raises
    ------
    ConfigError
        If they do not go together.
    """
    given = vars(options)
    changes = {each.name: given[each.name] for each in fields(scene) if each.name in given}
    if "n_echoes" in given:
        changes["te_s"] = _train(changes.get("te_s", scene.te_s), given["n_echoes"])
    return replace(scene, **changes)


def _train(te_s: tuple[float, ...], count: int) -> tuple[float, ...]:
    """So many echoes with the first two's spacing."""
    if count < 1:
        raise ConfigError(f"echoes: found {count}, needed at least 1")
    spacing = te_s[1] - te_s[0] if len(te_s) > 1 else te_s[0]
    return tuple(round(te_s[0] + number * spacing, 9) for number in range(count))


def _add_sequence(group: argparse._ArgumentGroup) -> None:
    _option(group, "--echoes", "n_echoes", int, "number of echoes, spaced as the first two")
    _option(group, "--te", "te_s", _times, "echo times, for example 5,10,15 [ms]")
    _option(group, "--tr", "tr_s", _milliseconds, "repetition time [ms]")
    _option(group, "--b0", "b0_t", float, "field [T]")
    _switch(group, "--bipolar", "bipolar", "every second echo under a reversed gradient")
    _option(group, "--delay", "delay_samples", float, "samples by which echoes come late")
    _option(group, "--skip", "skipped_samples", int, "samples missing before the echo")
    _option(group, "--phase-sign", "phase_sign", int, "+1, or -1 for phase that falls with field")
    _switch(group, "--no-phase-sign", "says_phase_sign", "header without PhaseSign", value=False)
    _option(group, "--drift", "drift_hz", float, "change of frequency per repetition [Hz]")
    _option(group, "--supersampling", "supersampling", int, "points of the object per voxel edge")


def _add_lines(group: argparse._ArgumentGroup) -> None:
    names = ", ".join(order.value for order in Order)
    _option(group, "--order", "order", _order, names)
    _option(group, "--averages", "averages", int, "averages")
    _option(group, "--repetitions", "repetitions", int, "repetitions")
    _option(group, "--drop", "dropped", _numbers, "numbers of lines that are lost")
    _option(group, "--stop-after", "stop_after", int, "lines after which the scan ends early")
    _switch(group, "--waveforms", "waveforms", "a physiology trace beside the lines")


def _add_receiver(group: argparse._ArgumentGroup) -> None:
    _option(group, "--coils", "n_coils", int, "receivers; 1 is uniform")
    _option(group, "--snr", "snr", float, "signal over noise, inf for no noise")
    _option(group, "--noise-lines", "noise_lines", int, "lines of the noise scan")
    _switch(group, "--noise-only", "noise_only", "the noise scan alone")
    _option(group, "--measurement-id", "measurement_id", str, "id in the header")
    _option(group, "--noise-measurement-id", "noise_measurement_id", str, "id of its noise scan")
    _option(group, "--seed", "seed", int, "of noise and random order")


def _option(
    group: argparse._ArgumentGroup,
    name: str,
    field: str,
    convert: Callable[[str], object],
    text: str,
) -> None:
    metavar = name.removeprefix("--").upper()
    group.add_argument(
        name, dest=field, type=convert, help=text, metavar=metavar, default=argparse.SUPPRESS
    )


def _switch(
    group: argparse._ArgumentGroup, name: str, field: str, text: str, *, value: bool = True
) -> None:
    group.add_argument(
        name, dest=field, action="store_const", const=value, help=text, default=argparse.SUPPRESS
    )


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


def _milliseconds(text: str) -> float:
    return float(text) / 1e3


def _times(text: str) -> tuple[float, ...]:
    return tuple(_milliseconds(word) for word in text.split(","))


def _order(text: str) -> Order:
    return Order(text)


def _orientation(text: str) -> Orientation:
    if text.upper() not in Orientation.__members__:
        raise ValueError(text)
    return Orientation[text.upper()]

"""Checks the numbers of a header that size arrays and loops, against one another and limits.

A header is a stranger's: what it asks for is asked of the memory and the processors of the service.
What passes here can be computed; whether it fits the memory is another question.
"""

from __future__ import annotations

import math

from streamrecon.model.geometry import MAX_EXTENT_MM
from streamrecon.model.scan import CounterRange, EchoTrain, Encoding
from streamrecon.mrd.header.fields import HeaderFields

MIN_VOXEL_MM = 1e-3
"""A hundredth of the finest microscopy; the ratio of two fields of view stays a number."""
MAX_ZERO_FILLING = 16.0
"""Voxels for each line along an axis: images of 32 lines come on 512 voxels, none on more."""
MAX_TRANSFORM = 65535
"""Longest transform along an axis: a matrix size is a u16 on the wire."""
MAX_ACCELERATION = 64
"""Lines for each one taken: the largest published for a volume is 36."""
MAX_CHANNELS = 1024
"""What a line may have: eight times the largest coil."""
MAX_ECHOES = 256
"""Spectroscopic imaging by gradient echoes has 128."""
MAX_AVERAGES = 1024
"""A night of them."""
TE_RANGE_S = (1e-6, 10.0)
"""From zero echo times to where nothing is left of any signal."""
MAX_TR_S = 3600.0
"""An hour: longer than any relaxation by far."""
NOISE_BANDWIDTH = (0.05, 20.0)
"""Receivers give 0.79; what is beyond is no ratio of two bandwidths."""

_SPACE = "encoding/encodedSpace and encoding/reconSpace"
_LIMITS = "encoding/encodingLimits"
_FACTOR = "encoding/parallelImaging/accelerationFactor/kspace_encoding_step"


def check_encoding(facts: HeaderFields, encoding: Encoding) -> None:
    """Refuse matrices, fields of view, limits and acceleration that cannot belong together."""
    for axis, name in enumerate("zyx"):
        _check_axis(facts, encoding, axis, name)
    _check_stack(facts, encoding)
    _check_limit(facts, "kspace_encoding_step_1", encoding.ky)
    if encoding.encoded_shape[0] > 1:
        _check_limit(facts, "kspace_encoding_step_2", encoding.kz)
    for number, axis in ((1, 1), (2, 0)):
        most = min(encoding.encoded_shape[axis], MAX_ACCELERATION)
        _check_count(facts, f"{_FACTOR}_{number}", encoding.acceleration[number - 1], most)
    if math.prod(encoding.acceleration) > MAX_ACCELERATION:
        facts.refuse(
            f"{_FACTOR}_1 and _2: found {encoding.acceleration}, needed a product of at most"
            f" {MAX_ACCELERATION}"
        )
    _check_count(facts, f"{_LIMITS}/contrast: echoes", len(encoding.contrast), MAX_ECHOES)
    _check_count(facts, f"{_LIMITS}/average: averages", len(encoding.average), MAX_AVERAGES)


def check_channels(facts: HeaderFields, path: str, n_channels: int | None) -> None:
    """Refuse numbers of channels that no coil has; 0 and none leave it to the lines."""
    if n_channels:
        _check_count(facts, path, n_channels, MAX_CHANNELS)


def check_times(facts: HeaderFields, echoes: EchoTrain) -> None:
    """Refuse times that no sequence has."""
    low_s, high_s = TE_RANGE_S
    if echoes.te_s and not (low_s <= min(echoes.te_s) and max(echoes.te_s) <= high_s):
        facts.refuse(
            f"sequenceParameters/TE: found {min(echoes.te_s):g} to {max(echoes.te_s):g} s, needed"
            f" {low_s:g} to {high_s:g} s"
        )
    if echoes.tr_s is not None and not 0 <= echoes.tr_s <= MAX_TR_S:
        facts.refuse(f"sequenceParameters/TR: found {echoes.tr_s:g} s, needed 0 to {MAX_TR_S:g} s")


def _check_axis(facts: HeaderFields, encoding: Encoding, axis: int, name: str) -> None:
    encoded_mm, image_mm = encoding.encoded_fov_mm[axis], encoding.recon_fov_mm[axis]
    n_encoded, n_image = encoding.encoded_shape[axis], encoding.recon_shape[axis]
    if max(encoded_mm, image_mm) > MAX_EXTENT_MM:
        facts.refuse(
            f"{_SPACE}: found fields of view of {encoded_mm:g} and {image_mm:g} mm along {name},"
            f" needed at most {MAX_EXTENT_MM:g} mm"
        )
    elif min(encoded_mm / n_encoded, image_mm / n_image) < MIN_VOXEL_MM:
        facts.refuse(
            f"{_SPACE}: found voxels of {encoded_mm / n_encoded:g} and {image_mm / n_image:g} mm"
            f" along {name}, needed at least {MIN_VOXEL_MM:g} mm"
        )
    else:
        n_transform = n_image * encoded_mm / image_mm
        most = min(MAX_ZERO_FILLING * n_encoded, MAX_TRANSFORM)
        if n_transform > max(most, 1):
            facts.refuse(
                f"{_SPACE}: found {n_encoded} lines in {encoded_mm:g} mm along {name} for"
                f" {n_image} voxels in {image_mm:g} mm, a transform of {n_transform:.4g}, needed"
                f" at most {most:g}"
            )


def _check_stack(facts: HeaderFields, encoding: Encoding) -> None:
    """Refuse slices, or slabs, that together are longer than any body."""
    n_slices, each_mm = len(encoding.slice), encoding.recon_fov_mm[0]
    if n_slices > 1 and n_slices * each_mm > MAX_EXTENT_MM:
        facts.refuse(
            f"{_LIMITS}/slice: found {n_slices} slices or slabs of {each_mm:g} mm, needed at most"
            f" {MAX_EXTENT_MM:g} mm of them"
        )


def _check_limit(facts: HeaderFields, name: str, limit: CounterRange) -> None:
    if not limit.minimum <= limit.centre <= limit.maximum:
        facts.refuse(
            f"{_LIMITS}/{name}: found the centre {limit.centre}, needed it within"
            f" {limit.minimum} to {limit.maximum}"
        )


def _check_count(facts: HeaderFields, what: str, found: int, most: int) -> None:
    if not 1 <= found <= most:
        facts.refuse(f"{what}: found {found}, needed 1 to {most}")

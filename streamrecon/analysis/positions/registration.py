"""How a head lies in one scan compared with another; needs the extra ``[analysis]``.

Two scans of one sequence are compared by mutual information of their registration images: the
magnitude, its coils' shading taken off, less its susceptibility, in which the deep nuclei are seen.
Labels are moved with what is found; maps never are: χ does not survive interpolation, and the
direction of B0 belongs to each scan.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, gaussian_filter, map_coordinates

from streamrecon.analysis.positions.likeness import FINE_MM, correlation, detail_likeness, doubts
from streamrecon.analysis.positions.shading import evened
from streamrecon.errors import ConfigError, ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.phase.magnitude import correct_bias_field

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]
Matrix = NDArray[np.float64]

_CONTRAST_PER_PPM = 1.6  # of χ beside a magnitude of 1, as SEPIA's 400 of 255
_BINS = 32
_SHRINK, _SMOOTH_MM = (4, 2, 1), (4.0, 2.0, 1.0)
_SAMPLES = 0.3
_SEED = 1
_STEPS = 500
_TURNS_RAD = tuple(math.radians(degrees) for degrees in (0, 20, -20))  # about each axis, at first
_LOOK_MM = 5.0  # between voxels that are compared at first
_SHORTEST, _SHORTER = 1e-4, 0.8  # steps: coarser ones leave half a millimetre in a smooth head
_SEEN = 0.5  # of a voxel that lies between those of the second scan
_LABEL_SMOOTHING = 0.5  # voxels
_LEAST_PART = 0.1  # of a voxel: less is no region that the other scan has
_itk: Any = import_module("SimpleITK") if find_spec("SimpleITK") else None


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Where each place of the first scan is in the second.

    Parameters
    ----------
    matrix
        From the position (L, P, S, 1) in the first scan to that in the second [4, 4, mm].
    likeness
        Of the detail of the two registration images after it, inside both masks: 1 at best, 0.5 at
        least in one head.
    common
        Part of the first mask that is in the second: of a small one likeness says little.
    """

    matrix: Matrix
    likeness: float
    common: float = 1.0

    @property
    def doubts(self) -> list[str]:
        """Why these may not be two scans of one head, or not lie as they say."""
        return doubts(self.likeness, self.common)

    @property
    def angle_rad(self) -> float:
        """Angle of its rotation."""
        return math.acos(min(1.0, max(-1.0, (float(np.trace(self.matrix[:3, :3])) - 1) / 2)))

    def shift_mm(self, place_lps_mm: NDArray[np.float64]) -> float:
        """How far a place (L, P, S) moves [mm]."""
        moved = self.matrix @ np.append(place_lps_mm, 1.0)
        return float(np.linalg.norm(moved[:3] - place_lps_mm))


def registration_image(
    magnitude: NDArray[np.floating],
    chi_ppm: NDArray[np.floating],
    mask: Flags,
    geometry: Geometry,
) -> Real:
    """What `register` compares: even magnitude of median 1, less 1.6 times χ; 0 outside the mask.

    Shading stays with the coils: what is left of it holds the head back from its turn. A mean over
    10 mm alone leaves a bright rim, which made tilts of 18° up to 1.5° too small; what is left
    after `evened` makes 0.3°.
    """
    even = evened(correct_bias_field(magnitude, mask, geometry), mask, geometry)
    level = float(np.median(even[mask]))
    image = even / np.float32(level) - np.float32(_CONTRAST_PER_PPM) * chi_ppm
    return np.where(mask, image, 0).astype(np.float32)


def register(
    first: Real, first_mask: Flags, first_grid: Geometry, second: Real, second_grid: Geometry
) -> Motion:
    """Rigid motion of the head from the first scan to the second.

    Starts where the centres of both images lie over one another, at the likeliest of 27 turns of
    20°: from none, a head that is nearly a ball was left at half its tilt. Finds turns of some 30°
    about each axis; a head that is upside down stays so. The sample of voxels is random with a
    fixed seed: the answers of two runs differ by less than a micrometre.

    Parameters
    ----------
    first, second
        Registration images [Z, Y, X]; the second is 0 outside its mask.
    first_mask
        Where the first counts.
    first_grid, second_grid
        Their grids.

    Raises
    ------
    ConfigError
        If SimpleITK is not installed.
    ReconError
        If the registration fails, as it does for images without overlap.

    References
    ----------
    Mattes et al. (2003) IEEE Trans Med Imaging 22:120. doi:10.1109/TMI.2003.809072
    """
    if _itk is None:
        raise ConfigError("registration: found no SimpleITK, needed `streamrecon[analysis]`")
    fixed, moving = _image(first, first_grid), _image(second, second_grid)
    method = _method(_image(first_mask.astype(np.uint8), first_grid))
    start = _itk.CenteredTransformInitializer(
        fixed, moving, _itk.Euler3DTransform(), _itk.CenteredTransformInitializerFilter.MOMENTS
    )
    smooth, smooth_second = _smoothed(first, first_grid), _smoothed(second, second_grid)
    alike = _likeness_of(smooth, first_mask, first_grid, smooth_second, second_grid)
    start.SetRotation(*_likeliest_turn(start, alike))
    method.SetInitialTransform(start, inPlace=True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError as e:
        raise ReconError(f"registration: {str(e).strip().splitlines()[-1]}") from e
    return _judged(_matrix_of(start), (first, first_mask, first_grid), second, second_grid)


def _judged(
    matrix: Matrix, first: tuple[Real, Flags, Geometry], second: Real, second_grid: Geometry
) -> Motion:
    """How alike the images are after a motion, where both scans have the head."""
    image, mask, grid = first
    there = (second != 0).astype(np.float32)
    both = mask & (resample(there, second_grid, grid, matrix) > _SEEN)
    moved = resample(second, second_grid, grid, matrix)
    common = float(both.sum()) / max(1, int(mask.sum()))
    return Motion(matrix, detail_likeness(image, moved, both, grid), common)


def move_labels(
    numbers: NDArray[np.int32], grid: Geometry, motion: Motion, onto: Geometry
) -> NDArray[np.int32]:
    """Labels of the first scan at the voxels of the second [Z, Y, X].

    A region takes the voxels that have most of it, as many as its volume fills; where two want one,
    the one with more has it. Regions are smoothed by half a voxel before: with the nearest voxel
    each of two equal grids, all surfaces could move by half a voxel to the same side. Half of a
    smoothed region as its limit would make it smaller, by a tenth for a ball of seven voxels.
    """
    ratio = math.prod(grid.voxel_mm) / math.prod(onto.voxel_mm)
    back: Matrix = np.asarray(np.linalg.inv(motion.matrix), np.float64)
    moved, most = np.zeros(onto.shape, np.int32), np.zeros(onto.shape, np.float32)
    for number in np.unique(numbers[numbers > 0]).tolist():
        region = numbers == number
        smooth = gaussian_filter(region.astype(np.float32), _LABEL_SMOOTHING)
        part = resample(smooth, grid, onto, back)
        count = min(max(1, round(ratio * int(region.sum()))), part.size)
        limit = max(float(np.partition(part, -count, axis=None)[-count]), _LEAST_PART)
        wins = (part >= limit) & (part > most)
        moved[wins], most[wins] = number, part[wins]
    return moved


def resample(values: NDArray[np.floating], grid: Geometry, onto: Geometry, matrix: Matrix) -> Real:
    """Values at the voxels of another grid, whose places ``matrix`` takes to those of ``grid``.

    Linear between voxels, 0 beyond them.
    """
    index = np.linalg.inv(grid.affine_lps()) @ matrix @ onto.affine_lps()
    moved = affine_transform(
        np.asarray(values, np.float32),
        index[:3, :3],
        offset=index[:3, 3],
        output_shape=onto.shape,
        order=1,
    )
    return np.asarray(moved, np.float32)


def _likeness_of(
    first: Real, mask: Flags, first_grid: Geometry, second: Real, second_grid: Geometry
) -> Callable[[Matrix], float]:
    """Correlation in the mask after a motion, of a few voxels: it only says where to begin."""
    few = np.zeros_like(mask)
    few[tuple(slice(None, None, max(1, round(_LOOK_MM / mm))) for mm in first_grid.voxel_mm)] = True
    index = np.argwhere(mask & few)
    seen = first[tuple(index.T)]
    places = first_grid.affine_lps() @ np.column_stack([index, np.ones(len(index))]).T
    back = np.linalg.inv(second_grid.affine_lps())

    def alike(matrix: Matrix) -> float:
        there = (back @ matrix @ places)[:3]
        return correlation(seen, np.asarray(map_coordinates(second, there, order=1), np.float32))

    return alike


def _likeliest_turn(
    start: Any,  # noqa: ANN401
    alike: Callable[[Matrix], float],
) -> tuple[float, float, float]:
    """Angles about x, y and z that make the images most alike [rad]; none if that is as good."""
    best, highest = (0.0, 0.0, 0.0), -math.inf
    for x, y, z in product(_TURNS_RAD, repeat=3):
        start.SetRotation(x, y, z)
        found = alike(_matrix_of(start))
        if found > highest:
            best, highest = (x, y, z), found
    return best


def _matrix_of(transform: Any) -> Matrix:  # noqa: ANN401
    matrix = np.eye(4)
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    for axis in range(3):
        unit = [float(axis == n) for n in range(3)]
        matrix[:3, axis] = np.array(transform.TransformPoint(unit)) - origin
    matrix[:3, 3] = origin
    return matrix


def _smoothed(image: Real, grid: Geometry) -> Real:
    """What is compared at first: noise of a voxel would make any two scans unlike."""
    sigma = [FINE_MM / mm for mm in grid.voxel_mm]
    return np.asarray(gaussian_filter(image, sigma), np.float32)


def _image(values: NDArray[np.generic], grid: Geometry) -> Any:  # noqa: ANN401  (has no stubs)
    image = _itk.GetImageFromArray(values)
    affine = grid.affine_lps()
    image.SetSpacing([float(mm) for mm in grid.voxel_mm[::-1]])
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection(grid.axes_lps[::-1].T.ravel().tolist())
    return image


def _method(mask: Any) -> Any:  # noqa: ANN401
    method = _itk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetMetricFixedMask(mask)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(_SAMPLES, _SEED)
    method.SetInterpolator(_itk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=1.0,
        minStep=_SHORTEST,
        numberOfIterations=_STEPS,
        relaxationFactor=_SHORTER,
        gradientMagnitudeTolerance=1e-9,
    )
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel(_SHRINK)
    method.SetSmoothingSigmasPerLevel(_SMOOTH_MM)
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetNumberOfThreads(1)
    return method

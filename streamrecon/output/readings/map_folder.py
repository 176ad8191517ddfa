"""The maps of one scan, by what they are, as a folder of outputs has them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ConfigError, DataError
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.known_voxels import known_voxels
from streamrecon.output.stored_volumes import StoredVolume, volumes_at
from streamrecon.qsm.reference import Reference

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

_RUN = re.compile(r"_run-(\d+)_")
_FIRST = (Quantity.CHI, Quantity.LOCAL_FIELD, Quantity.FIELD_HZ, Quantity.MAGNITUDE)
"""Whose grid is the scan's, the first that is there."""

_MOST_PPM = 20.0  # air in tissue makes 9.4; χ in ppb exceeds it
_MADE_BY = {
    Quantity.CHI: "the chain gre_full, or `streamrecon qsm`",
    Quantity.LOCAL_FIELD: "`--set FieldImages.local_field=true`, or `streamrecon qsm --fields`",
    Quantity.FIELD_SD: "`--set FieldImages.b0_sd=true`, or `streamrecon qsm --fields`",
    Quantity.FIELD_HZ: (
        "the chain gre_full, `--set FieldImages.b0_hz=true`, or `streamrecon qsm --fields`"
    ),
    Quantity.CHI_SD: "`--set InvertField.uncertainty=true`, or `streamrecon qsm --uncertainty`",
    Quantity.MASK: "`--set FieldImages.mask=true`, or `streamrecon qsm --fields`",
    Quantity.R2_STAR: "the chain gre_full",
    Quantity.VEINS: "the chain gre_full",
    Quantity.MAGNITUDE: "the chain gre_full",
    Quantity.PHASE: "the chain gre_full",
}


@dataclass(frozen=True, slots=True, eq=False)
class MapFolder:
    """What a folder holds of one scan.

    Parameters
    ----------
    name
        That of the folder.
    volumes
        All its volumes on the scan's grid.
    geometry
        That grid; `Geometry.b0_axis` is the direction of B0 in it.
    """

    name: str
    volumes: Sequence[StoredVolume]
    geometry: Geometry

    @property
    def b0_t(self) -> float:
        """Field strength [T].

        Raises
        ------
        DataError
            If no file says it.
        """
        for volume in self.volumes:
            if volume.b0_t is not None:
                return volume.b0_t
        raise DataError(f"{self.name}: no file says MagneticFieldStrength")

    @property
    def te_s(self) -> tuple[float, ...]:
        """Echo times of the magnitudes, or else of the phases [s], growing; may be empty."""
        for quantity in (Quantity.MAGNITUDE, Quantity.PHASE):
            times = sorted(v.te_s for v in self._of(quantity) if v.te_s is not None)
            if times:
                return tuple(times)
        return ()

    @property
    def has(self) -> frozenset[Quantity]:
        """What there is."""
        return frozenset(volume.quantity for volume in self.volumes if volume.quantity)

    def map(self, quantity: Quantity) -> Real:
        """The one volume of a quantity [Z, Y, X], in its unit.

        Raises
        ------
        DataError
            If there is none, there are several, or χ is in no ppm.
        """
        found = self._of(quantity)
        if not found:
            hint = _MADE_BY.get(quantity, "another chain")
            raise DataError(f"{self.name}: found no {quantity.label}, which {hint} makes")
        if len(found) > 1:
            names = ", ".join(volume.name for volume in found)
            raise DataError(f"{self.name}: found {names}, needed one {quantity.label}")
        values = np.ascontiguousarray(found[0].values, np.float32)
        if quantity is Quantity.CHI:
            largest = float(np.nanpercentile(np.abs(values), 99))
            if largest > _MOST_PPM:
                raise DataError(f"{found[0].name}: found χ up to ±{largest:.4g}, needed ppm")
        return values

    def map_if_there(self, quantity: Quantity) -> Real | None:
        """The volume of a quantity, ``None`` where there is none."""
        return self.map(quantity) if quantity in self.has else None

    def echoes(self, quantity: Quantity) -> Real:
        """All echoes of a quantity in the order of `te_s` [E, Z, Y, X].

        Raises
        ------
        DataError
            If there is none, or one has no echo time.
        """
        found = self._of(quantity)
        if not found:
            hint = _MADE_BY.get(quantity, "another chain")
            raise DataError(f"{self.name}: found no {quantity.label}, which {hint} makes")
        times = {volume.te_s: volume for volume in found if volume.te_s is not None}
        if len(times) != len(found):
            raise DataError(
                f"{self.name}: {quantity.label}: needed an EchoTime of its own for each"
            )
        return np.stack([np.asarray(times[te_s].values, np.float32) for te_s in sorted(times)])

    def mask(self) -> Flags:
        """Where χ is known [Z, Y, X]: inside the mask, if there is one, and not 0.

        In a map of whole ppb a 0 that known voxels enclose is known, too: it was rounded.
        """
        mask = self.map_if_there(Quantity.MASK)
        return known_voxels(self.map(Quantity.CHI), None if mask is None else mask > 0)

    def whole(self) -> str:
        """What all of the mask is called: the whole mask where χ says so of itself, else brain."""
        comments = (v.facts.get("ImageComments", "") for v in self._of(Quantity.CHI))
        is_mask = any(Reference.MASK.value in each for each in comments)
        return str((Reference.MASK if is_mask else Reference.BRAIN).value)

    def chain(self) -> str:
        """Hash of the chain that made the maps; "" where their files do not say it."""
        return self._stated("ReconstructionChain")

    def software(self) -> str:
        """What made the maps, with its version; "" where their files do not say it."""
        return self._stated("ReconstructionSoftwareVersion")

    def _stated(self, name: str) -> str:
        return next((v.facts[name] for v in self.volumes if v.facts.get(name)), "")

    def sources(self) -> Mapping[str, str]:
        """SHA-256 of the voxels of every volume, by its name: what the readings were made of."""
        return {volume.name: hash_of_voxels(volume.values) for volume in self.volumes}

    def _of(self, quantity: Quantity) -> list[StoredVolume]:
        return [volume for volume in self.volumes if volume.quantity is quantity]


def hash_of_voxels(values: NDArray[np.generic]) -> str:
    """SHA-256 of the numbers [Z, Y, X] in the order of memory: in any format the same."""
    return hashlib.sha256(np.ascontiguousarray(values).data).hexdigest()


def read_map_folder(folder: Path, *, run: int | None = None) -> MapFolder:
    """Read a folder that ``streamrecon replay`` or ``streamrecon qsm`` wrote, in any format.

    Parameters
    ----------
    folder
        Where the files are.
    run
        Number of the repetition, from 1; needed where there are several.

    Raises
    ------
    ConfigError
        If there is no such folder or nothing in it, or several repetitions and no ``run``.
    DataError
        If a file cannot be read, or no volume says which quantity it is.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: found no such folder")
    volumes = _of_run([v for v in volumes_at(folder) if v.quantity is not None], run, folder.name)
    by_quantity = {volume.quantity: volume.geometry for volume in reversed(volumes)}
    grids = [by_quantity[quantity] for quantity in _FIRST if quantity in by_quantity]
    if not grids:
        raise DataError(f"{folder.name}: found no {', '.join(q.label for q in _FIRST)}")
    on_grid = [v for v in volumes if v.geometry.same_as(grids[0], tolerance_mm=0.1)]
    return MapFolder(folder.resolve().name, on_grid, grids[0])


def _of_run(volumes: list[StoredVolume], run: int | None, where: str) -> list[StoredVolume]:
    runs = sorted({_run_of(volume) for volume in volumes})
    if run is None and len(runs) > 1:
        raise ConfigError(f"{where}: found repetitions {', '.join(map(str, runs))}, needed --run N")
    if run is not None and runs and run not in runs:
        raise ConfigError(f"--run {run}: {where} has {', '.join(map(str, runs))}")
    return [volume for volume in volumes if run is None or _run_of(volume) == run]


def _run_of(volume: StoredVolume) -> int:
    found = _RUN.search(volume.name)
    return int(found[1] if found else volume.facts.get("Repetition", 1))

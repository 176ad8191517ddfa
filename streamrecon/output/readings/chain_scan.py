"""A scan as the readings of its chain take it: maps, what is known of its patient, choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.chain_maps import ChainMaps
from streamrecon.analysis.deep_nuclei.iron import IronSettings
from streamrecon.analysis.positions.position_reading import HeadPosition
from streamrecon.analysis.separation.sources import RELAXIVITY_3T
from streamrecon.errors import DataError
from streamrecon.maps.centrelines import CentreLines, trace_veins
from streamrecon.output.readings.patient_files import PatientFiles

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SourceChoices:
    """How sources are separated.

    Parameters
    ----------
    d_positive, d_negative
        Relaxivities at 3 T [1/s per ppm].
    jointly
        Whether the joint fit is made too.
    """

    d_positive: float = RELAXIVITY_3T
    d_negative: float = RELAXIVITY_3T
    jointly: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class ChainScan:
    """Maps of one volume and what is known of its patient.

    Parameters
    ----------
    maps
        What the chain made.
    files
        What was pushed for the patient: labels, lesions, R2, the visit before.
    haematocrit
        Volume of red cells over that of blood; ``None`` where it is to be assumed.
    iron
        How the nuclei are read.
    sources
        How those of either sign are separated.
    same_site
        Whether the visit before was on this scanner with this protocol.
    positions
        How the head lay in the scans of this study so far, this one the last.
    """

    maps: ChainMaps
    files: PatientFiles = field(default_factory=PatientFiles)
    haematocrit: float | None = None
    iron: IronSettings = field(default_factory=IronSettings)
    sources: SourceChoices = field(default_factory=SourceChoices)
    same_site: bool = True
    positions: Sequence[HeadPosition] = ()

    @property
    def regions(self) -> Sequence[tuple[str, Flags]]:
        """Name and voxels [Z, Y, X] of labelled regions."""
        return self.files.regions

    @cached_property
    def traced(self) -> tuple[CentreLines, Flags]:
        """Centre-lines of the veins, and their mask; both readings of veins need them.

        Raises
        ------
        DataError
            If the chain looked for no veins.
        """
        veins = self.maps.veins
        if veins is None:
            raise DataError("found no veins, needed the gadget FindVeins and a brain")
        chi = self.maps.chi
        return trace_veins(veins, chi.chi_ppm, chi.scan.geometry), veins

"""K-space volumes become one complex image per echo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from streamrecon.errors import ReconError
from streamrecon.model.images import Echoes, Volume
from streamrecon.model.kspace import Calibration
from streamrecon.model.lattice import Lattice
from streamrecon.model.memory_use import MemoryUse
from streamrecon.model.notice import Level, Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import Encoding, Scan
from streamrecon.phase.phase_offset import coil_offsets, combine_by_offsets, echo_pair
from streamrecon.recon.images.bipolar_readout import signed, without_bipolar_phase
from streamrecon.recon.images.coil_combination import coil_images, combine_coils, combine_each_echo
from streamrecon.recon.images.snr_map import coil_image_noise, combined_noise, snr_map
from streamrecon.recon.kspace.assemble import Complex, HybridSpace, KSpace
from streamrecon.recon.kspace.encoding_grid import grid_of
from streamrecon.recon.parallel.coil_sensitivities import Sensitivities
from streamrecon.recon.parallel.unfolding import (
    sense_unfolding,
    sense_unfolding_of_each_echo,
    unfolding,
    unfolding_of_each_echo,
)
from streamrecon.recon.parallel.unmixing_weights import Unmixing, noise_amplification
from streamrecon.stream.gadget import Gadget
from streamrecon.units import MIB

_WITH_COIL_IMAGES = MemoryUse(grids=2.2, echo_voxel_bytes=8, fixed_bytes=2 * MIB)
_Weights = Sensitivities | Unmixing | tuple[Unmixing, ...]
_SHARED = {"grappa": unfolding, "sense": sense_unfolding}
_OF_EACH_ECHO = {"grappa": unfolding_of_each_echo, "sense": sense_unfolding_of_each_echo}


class CombineCoils(Gadget[Calibration | KSpace]):
    """Transforms the last axis and combines the coils of all echoes with one set of weights.

    Lines that an accelerated scan left out are made up for in the same pass. Phase is kept:
    between echoes it is the object's, and between repetitions too, since all take the weights of
    the first. The ramp between bipolar echoes is taken off, and the scanner's phase sign is
    applied here, once.
    """

    accepts: ClassVar = (Calibration, KSpace)
    memory: ClassVar = MemoryUse(grids=1.1, echo_voxel_bytes=8, fixed_bytes=2 * MIB)
    stock_names: ClassVar = (
        "SimpleReconGadget",
        "GenericReconCartesianFFTGadget",
        "GenericReconCartesianGrappaGadget",
    )
    stock_needs: ClassVar = ("ImageArraySplitGadget", "ExtractGadget")

    combination: Literal["sensitivities", "mcpc-3d-s"] = Field(
        default="sensitivities",
        description="mcpc-3d-s: coils weighted by their magnitude once each has lost its own phase"
        " offset, found from two echoes; holds all coil images, and needs all lines",
    )
    unfolding: Literal["grappa", "sense"] = Field(
        default="grappa",
        description="how lines that were left out are made up for; sense takes its sensitivities,"
        " of scans of all lines too, by ESPIRiT",
    )
    ridge: float = Field(
        default=3e-4,
        ge=0,
        le=1,
        description="of unfolding: larger, less noise, more aliasing",
    )
    per_echo: bool = Field(
        default=False, description="unfold each echo by weights of its own, not by shared ones"
    )
    send_out_gfactor: bool = Field(
        default=False,
        description="send a map of the g-factor with the first volume of an accelerated scan",
    )
    send_out_snr_map: bool = Field(
        default=False,
        description="send each echo in units of its noise; needs whitened channels",
    )

    _weights: dict[int, _Weights] = PrivateAttr(default_factory=dict)  # by slab
    _offsets: dict[int, NDArray[np.float32]] = PrivateAttr(default_factory=dict)  # by slab
    _mapped: set[int] = PrivateAttr(default_factory=set)  # slabs whose g-factor was sent

    def memory_use(self) -> MemoryUse:
        """The coil images too, where coils lose their own offsets."""
        return _WITH_COIL_IMAGES if self.combination == "mcpc-3d-s" else self.memory

    def feed(self, item: Calibration | KSpace) -> Iterator[object]:
        """Look at the coils as soon as the centre of k-space is in; combine each volume."""
        if isinstance(item, Calibration):
            if self.combination == "sensitivities":
                self._learn(item.data, item.lattice, item.encoding)
            return
        weights, scan = self._weights_of(item), item.scan
        images = self._combined(item.space, scan, weights)
        repetition, sampled = item.repetition, item.space.sampled if item.is_white else None
        del item  # the raw data are not needed any more
        if len(set(scan.echoes.readout_polarity)) > 1:
            images, comment = without_bipolar_phase(images, scan.echoes)
            yield Notice(Level.INFO, comment)
        noise = _noise_of(weights, sampled, scan)
        yield Echoes(signed(images, scan.phase_sign.value), scan, repetition, noise)
        yield from self._noise_maps(images, weights, sampled, scan, repetition)

    def _weights_of(self, item: KSpace) -> _Weights | None:
        """Weights of the volume's slab; ``None`` where coils lose their own offsets instead."""
        if self.combination == "mcpc-3d-s":
            return None
        space, encoding = item.space, item.scan.protocol.encoding
        return self._learn(space.calibration, space.lattice, encoding)

    def _combined(self, space: HybridSpace, scan: Scan, weights: _Weights | None) -> Complex:
        if weights is None:
            return self._by_offsets(space, scan)
        if isinstance(weights, tuple):
            return combine_each_echo(space, weights)
        return combine_coils(space, weights)

    def _by_offsets(self, space: HybridSpace, scan: Scan) -> Complex:
        """Echoes whose phase starts at zero; offsets are those of the slab's first volume."""
        if space.lattice.factor > 1:
            raise ReconError(
                f"CombineCoils: found a scan accelerated {space.lattice.factor}-fold, "
                "needed all lines for mcpc-3d-s; sensitivities unfold"
            )
        slab = scan.protocol.encoding.slice.minimum
        coils = coil_images(space)
        if slab not in self._offsets:
            times = scan.echoes.times_s()
            one, two = echo_pair(times, scan.echoes.readout_polarity)
            self._offsets[slab] = coil_offsets(
                coils[one], coils[two], (times[one], times[two]), scan.geometry
            )
        return np.stack([combine_by_offsets(echo, self._offsets[slab]) for echo in coils])

    def _learn(self, calibration: Complex, lattice: Lattice, encoding: Encoding) -> _Weights:
        """Weights of a slab's first calibration; of its first volume where it brought none."""
        slab = encoding.slice.minimum
        if slab not in self._weights:
            grid = grid_of(encoding)
            ways = _OF_EACH_ECHO if self.per_echo and lattice.factor > 1 else _SHARED
            learn = ways[self.unfolding]
            self._weights[slab] = learn(calibration, lattice, grid, ridge=self.ridge)
        return self._weights[slab]

    def _noise_maps(
        self,
        images: Complex,
        weights: _Weights | None,
        sampled: NDArray[np.bool_] | None,
        scan: Scan,
        repetition: int,
    ) -> Iterator[Volume | Notice]:
        """The maps of the noise that are wanted; ``sampled`` is None where it is not white."""
        if weights is not None:
            yield from self._g_factors(weights, scan, repetition)
        if self.send_out_snr_map and (weights is None or sampled is None):
            yield _no_snr(weights)
        elif self.send_out_snr_map and weights is not None and sampled is not None:
            yield from _snr_volumes(images, weights, sampled, scan, repetition)

    def _g_factors(self, weights: _Weights, scan: Scan, repetition: int) -> Iterator[Volume]:
        """The g-factor of a slab, once; where all lines were taken there is none."""
        slab = scan.protocol.encoding.slice.minimum
        if not self.send_out_gfactor or isinstance(weights, Sensitivities) or slab in self._mapped:
            return
        self._mapped.add(slab)
        of_each = enumerate(weights) if isinstance(weights, tuple) else ((None, weights),)
        for echo, unmixing in of_each:
            g = noise_amplification(unmixing)
            yield Volume(g, scan.geometry, Quantity.G_FACTOR, scan, echo, repetition)


def _noise_of(
    weights: _Weights | None, sampled: NDArray[np.bool_] | None, scan: Scan
) -> NDArray[np.float32] | None:
    """Noise of the combined images; ``None`` where nobody knows that of the channels."""
    if weights is None or sampled is None:
        return None
    return combined_noise(_of_each(weights), _coil_noise(sampled, scan), scan.geometry.shape[0])


def _coil_noise(sampled: NDArray[np.bool_], scan: Scan) -> NDArray[np.float32]:
    """Noise of the coil images of whitened channels."""
    encoding = scan.protocol.encoding
    return coil_image_noise(
        sampled, grid_of(encoding), scan.k_range_per_mm[2], n_averages=len(encoding.average)
    )


def _of_each(weights: _Weights) -> tuple[Sensitivities | Unmixing, ...]:
    return weights if isinstance(weights, tuple) else (weights,)


def _no_snr(weights: _Weights | None) -> Notice:
    why = "coils combined by their offsets" if weights is None else "channels not whitened"
    return Notice(Level.WARNING, f"no map of the signal-to-noise ratio: {why}")


def _snr_volumes(
    images: Complex,
    weights: _Weights,
    sampled: NDArray[np.bool_],
    scan: Scan,
    repetition: int,
) -> Iterator[Volume]:
    """Each echo in units of its noise."""
    noise = _coil_noise(sampled, scan)
    for echo, values in enumerate(snr_map(images, _of_each(weights), noise)):
        yield Volume(values, scan.geometry, Quantity.SNR, scan, echo, repetition)

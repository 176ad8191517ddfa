"""Stock Gadgetron names: what their chain files ask for, done as it is done here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import DTypeLike
from pydantic import Field, PrivateAttr

from streamrecon.model.images import Echoes, Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.header.noise_dependency import dependency_meta
from streamrecon.mrd.wire.messages import Dependency
from streamrecon.output.integer_images import IntegerImage, as_integers
from streamrecon.recon.images.complex_parts import complex_part
from streamrecon.storage.noise_store import noise_known
from streamrecon.stream.gadget import Gadget
from streamrecon_gadgets.acquisition.partial import FillPartialFourier
from streamrecon_gadgets.maps.images import echo_volumes

_FEW_GREYS = 64  # an image that a reader would take for empty


class PassThrough(Gadget[object]):
    """A stage that `AssembleKSpace`, `CombineCoils` or the way out does already.

    It lets everything pass, so that the stock file around it runs as it is. K-space filters are
    not applied: the images keep the resolution that was measured.
    """

    stock_names: ClassVar = (
        "RemoveROOversamplingGadget",
        "AsymmetricEchoAdjustROGadget",
        "BucketToBufferGadget",
        "GenericReconCartesianReferencePrepGadget",
        "GenericReconEigenChannelGadget",
        "GenericReconPartialFourierHandlingFilterGadget",
        "GenericReconKSpaceFilteringGadget",
        "GenericReconFieldOfViewAdjustmentGadget",
        "GenericReconNoiseStdMapComputingGadget",
        "ImageFinishGadget",
        "AugmentImageMetadataGadget",
    )


class SplitEchoes(Gadget[Echoes]):
    """One complex image of every echo in place of all of them together."""

    accepts: ClassVar = (Echoes,)
    stock_names: ClassVar = ("ImageArraySplitGadget",)

    def feed(self, item: Echoes) -> Iterator[Volume]:
        """Split one volume."""
        yield from echo_volumes(item, [Quantity.COMPLEX])


class FillByPocs(FillPartialFourier):
    """Fills the k-space of a partial scan by POCS, magnitude and phase."""

    stock_names: ClassVar = ("GenericReconPartialFourierHandlingPOCSGadget",)

    method: Literal["zero", "magnitude", "pocs"] = Field(
        default="pocs",
        description="leave zeros; magnitude by POCS and phase as measured; both by POCS",
    )


class Extract(Gadget[Echoes | Volume]):
    """Real-valued parts of every echo; the mask and the switches add up."""

    accepts: ClassVar = (Echoes, Volume)
    stock_names: ClassVar = ("ExtractGadget", "ComplexToFloatGadget")

    extract_mask: int = Field(
        default=0, ge=0, le=15, description="1 magnitude, 2 real, 4 imaginary, 8 phase"
    )
    extract_magnitude: bool = Field(default=True, description="send magnitude images")
    extract_real: bool = Field(default=False, description="send real parts")
    extract_imag: bool = Field(default=False, description="send imaginary parts")
    extract_phase: bool = Field(default=False, description="send phase images, rad in -π…π")

    def feed(self, item: Echoes | Volume) -> Iterator[Volume]:
        """Split each echo, or each complex image, into the parts wanted; others pass."""
        if isinstance(item, Echoes):
            yield from echo_volumes(item, self._parts)
        elif item.quantity is not Quantity.COMPLEX:
            yield item
        else:
            image = np.asarray(item.values, np.complex64)
            for part in self._parts:
                yield replace(item, values=complex_part(image, part), quantity=part)

    @property
    def _parts(self) -> list[Quantity]:
        asked = {
            Quantity.MAGNITUDE: self.extract_magnitude or self.extract_mask & 1,
            Quantity.REAL: self.extract_real or self.extract_mask & 2,
            Quantity.IMAGINARY: self.extract_imag or self.extract_mask & 4,
            Quantity.PHASE: self.extract_phase or self.extract_mask & 8,
        }
        return [part for part, is_asked in asked.items() if is_asked]


class ScaleEchoes(Gadget[Echoes]):
    """Multiplies all echoes by a constant, where the file asks for one."""

    accepts: ClassVar = (Echoes,)
    stock_names: ClassVar = ("GenericReconImageArrayScalingGadget",)

    scalingFactor: float = Field(default=1.0, gt=0, description="factor")  # noqa: N815
    use_constant_scalingFactor: bool = Field(  # noqa: N815
        default=True, description="apply it; a scale of each image's own would lose comparability"
    )

    def feed(self, item: Echoes) -> Iterator[Echoes]:
        """Scale one volume."""
        factor = np.float32(self.scalingFactor if self.use_constant_scalingFactor else 1.0)
        yield replace(item, data=item.data * factor) if factor != 1 else item


class AutoScale(Gadget[Volume]):
    """Brings magnitude images of a session to a common scale, that of the first one."""

    accepts: ClassVar = (Volume,)
    stock_names: ClassVar = ("AutoScaleGadget",)

    max_value: float = Field(default=2048.0, gt=0, description="what bright voxels come to")

    _scale: np.float32 | None = PrivateAttr(default=None)

    def feed(self, item: Volume) -> Iterator[Volume]:
        """Scale a magnitude; let the others pass."""
        if item.quantity is not Quantity.MAGNITUDE:
            yield item
            return
        values = item.in_unit()
        if self._scale is None:
            bright = float(np.percentile(values, 98.5)) or 1.0
            self._scale = np.float32(self.max_value / bright)
        yield replace(item, values=np.asarray(values * self._scale, np.float32), rescale=None)


class FloatToUShort(Gadget[Volume]):
    """Unsigned 16-bit integers with a rescale; what does not fit is counted and told.

    Volumes that are integers already, as `IntegerPpb` makes them, keep their step.
    """

    accepts: ClassVar = (Volume,)
    stock_names: ClassVar = ("FloatToUShortGadget",)

    max_intensity: float = Field(default=4095.0, description="largest integer")
    min_intensity: float = Field(default=0.0, description="smallest integer")
    intensity_offset: float = Field(default=0.0, description="added to all but phase images")

    _dtype: ClassVar[DTypeLike] = np.uint16

    def feed(self, item: Volume) -> Iterator[Volume | Notice]:
        """Convert one real-valued image; complex ones pass."""
        if item.quantity is Quantity.COMPLEX:
            yield item
            return
        stored = as_integers(
            item.values,
            item.quantity,
            self._dtype,
            rescale=item.rescale,
            offset=self.intensity_offset,
            minimum=self.min_intensity,
            maximum=self.max_intensity,
        )
        yield from _doubts(item.quantity.label, stored)
        yield replace(item, values=stored.values, rescale=(stored.slope, stored.intercept))


class FloatToShort(FloatToUShort):
    """Signed 16-bit integers with a rescale; what does not fit is counted and told.

    Volumes that are integers already, as `IntegerPpb` makes them, keep their step.
    """

    stock_names: ClassVar = ("FloatToShortGadget",)

    max_intensity: float = Field(default=32767.0, description="largest integer")
    min_intensity: float = Field(default=-32768.0, description="smallest integer")

    _dtype: ClassVar[DTypeLike] = np.int16


def _doubts(label: str, stored: IntegerImage) -> Iterator[Notice]:
    if stored.n_clipped:
        yield Notice(Level.WARNING, f"{label}: {stored.n_clipped} voxels beyond range")
    if stored.n_greys <= _FEW_GREYS:
        text = f"{label}: {stored.n_greys} grey levels only; scale it before"
        yield Notice(Level.WARNING, text)


class NoiseSummary(Gadget[object]):
    """Answers a client's question for the noise scan that it depends on."""

    stock_names: ClassVar = ("NoiseSummaryGadget",)

    noise_file: str = Field(default="", description="prefix_ and the noise scan's measurement id")

    def finish(self) -> Iterator[Dependency]:
        """What is known of that noise scan."""
        measurement = self.noise_file.partition("_")[2]
        yield Dependency(dependency_meta(noise_known(self.context.storage, measurement)))

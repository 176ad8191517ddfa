"""Thin adapters: message → pure function → message, and the registry of their names."""

from streamrecon.stream.registry import GadgetClass, Registry
from streamrecon_gadgets.combine import CombineCoils
from streamrecon_gadgets.compression import CompressCoils
from streamrecon_gadgets.dicom import DropDicom, SendDicom, SpoolDicom
from streamrecon_gadgets.field import FieldImages, MapField
from streamrecon_gadgets.image_in import AssembleImages
from streamrecon_gadgets.images import EchoImages
from streamrecon_gadgets.integers import WholePpb
from streamrecon_gadgets.kspace import AssembleKSpace
from streamrecon_gadgets.navigators import CorrectNavigators
from streamrecon_gadgets.noise import WhitenNoise
from streamrecon_gadgets.partial import FillPartialFourier
from streamrecon_gadgets.polarity import CheckPolarity
from streamrecon_gadgets.preview import GatherCentre, Preview
from streamrecon_gadgets.projection import ProjectSlabs
from streamrecon_gadgets.quality import WatchQuality
from streamrecon_gadgets.relaxation import DecayImages
from streamrecon_gadgets.stock import (
    AutoScale,
    Contained,
    Extract,
    FloatToShort,
    FloatToUShort,
    NoiseSummary,
    ScaleEchoes,
)
from streamrecon_gadgets.susceptibility import InvertField, RemoveBackground
from streamrecon_gadgets.swi import SwiImages, TrueSwiImages
from streamrecon_gadgets.veins import FindVeins

ALL: tuple[GadgetClass, ...] = (
    WhitenNoise,
    CorrectNavigators,
    WatchQuality,
    CompressCoils,
    GatherCentre,
    AssembleKSpace,
    CombineCoils,
    FillPartialFourier,
    CheckPolarity,
    AssembleImages,
    EchoImages,
    MapField,
    RemoveBackground,
    InvertField,
    FieldImages,
    SwiImages,
    TrueSwiImages,
    ProjectSlabs,
    DecayImages,
    FindVeins,
    Preview,
    SendDicom,
    SpoolDicom,
    DropDicom,
    WholePpb,
    Contained,
    Extract,
    ScaleEchoes,
    AutoScale,
    FloatToUShort,
    FloatToShort,
    NoiseSummary,
)
"""Every gadget that a chain file may name."""

REGISTRY = Registry(ALL)
"""The gadgets that a chain file may name."""

"""Thin adapters: message → pure function → message, and the registry of their names."""

from gadgets.combine import CombineCoils
from gadgets.compression import CompressCoils
from gadgets.dicom import DropDicom, SendDicom, SpoolDicom
from gadgets.field import FieldImages, MapField
from gadgets.image_in import AssembleImages
from gadgets.images import EchoImages
from gadgets.integers import WholePpb
from gadgets.kspace import AssembleKSpace
from gadgets.navigators import CorrectNavigators
from gadgets.noise import WhitenNoise
from gadgets.partial import FillPartialFourier
from gadgets.polarity import CheckPolarity
from gadgets.preview import GatherCentre, Preview
from gadgets.projection import ProjectSlabs
from gadgets.quality import WatchQuality
from gadgets.relaxation import DecayImages
from gadgets.stock import (
    AutoScale,
    Contained,
    Extract,
    FloatToShort,
    FloatToUShort,
    NoiseSummary,
    ScaleEchoes,
)
from gadgets.susceptibility import InvertField, RemoveBackground
from gadgets.swi import SwiImages, TrueSwiImages
from gadgets.veins import FindVeins
from streamrecon.stream.registry import GadgetClass, Registry

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

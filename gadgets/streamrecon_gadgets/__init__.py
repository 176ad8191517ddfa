"""Thin adapters: message → pure function → message, and the registry of their names."""

from streamrecon.stream.registry import GadgetClass, Registry
from streamrecon_gadgets.acquisition.combine import CombineCoils
from streamrecon_gadgets.acquisition.compression import CompressCoils
from streamrecon_gadgets.acquisition.header import ReadHeader
from streamrecon_gadgets.acquisition.kspace import AssembleKSpace
from streamrecon_gadgets.acquisition.navigators import CorrectNavigators
from streamrecon_gadgets.acquisition.noise import WhitenNoise
from streamrecon_gadgets.acquisition.partial import FillPartialFourier
from streamrecon_gadgets.acquisition.preview import GatherCentre, Preview
from streamrecon_gadgets.acquisition.quality import WatchQuality
from streamrecon_gadgets.exchange.dicom import DropDicom, SendDicom, SpoolDicom
from streamrecon_gadgets.exchange.gadgetron_names import (
    AutoScale,
    Contained,
    Extract,
    FloatToShort,
    FloatToUShort,
    NoiseSummary,
    ScaleEchoes,
)
from streamrecon_gadgets.exchange.integer_ppb import WholePpb
from streamrecon_gadgets.exchange.scanner_images import AssembleImages
from streamrecon_gadgets.maps.field import FieldImages, MapField
from streamrecon_gadgets.maps.images import EchoImages
from streamrecon_gadgets.maps.phase_sign import CheckPolarity
from streamrecon_gadgets.maps.projection import ProjectSlabs
from streamrecon_gadgets.maps.relaxation import DecayImages
from streamrecon_gadgets.maps.susceptibility import InvertField, RemoveBackground
from streamrecon_gadgets.maps.swi import SwiImages, TrueSwiImages
from streamrecon_gadgets.maps.veins import FindVeins

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

REGISTRY = Registry(ALL, front=ReadHeader)
"""The gadgets that a chain file may name."""

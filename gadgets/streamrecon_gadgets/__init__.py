"""Thin adapters: message → pure function → message, and the registry of their names."""

from streamrecon.stream.installed import installed_gadgets
from streamrecon.stream.registry import GadgetClass, Registry
from streamrecon_gadgets.acquisition.combine import CombineCoils
from streamrecon_gadgets.acquisition.compression import CompressCoils
from streamrecon_gadgets.acquisition.header import ReadHeader
from streamrecon_gadgets.acquisition.kspace import AssembleKSpace
from streamrecon_gadgets.acquisition.lines import (
    AdmitLines,
    CorrectNavigators,
    StateMemory,
    WatchQuality,
    WhitenNoise,
)
from streamrecon_gadgets.acquisition.partial import FillPartialFourier
from streamrecon_gadgets.acquisition.preview import CollectCentre, Preview
from streamrecon_gadgets.exchange.console import ConsoleImages
from streamrecon_gadgets.exchange.dicom import SendDicom, SpoolDicom, WriteDicomFolder
from streamrecon_gadgets.exchange.gadgetron_names import (
    AutoScale,
    Extract,
    FillByPocs,
    FloatToShort,
    FloatToUShort,
    NoiseSummary,
    PassThrough,
    ScaleEchoes,
    SplitEchoes,
)
from streamrecon_gadgets.exchange.integer_ppb import IntegerPpb
from streamrecon_gadgets.exchange.scanner_images import AssembleImages
from streamrecon_gadgets.exchange.undefined import TellUndefined
from streamrecon_gadgets.maps.field import FieldImages, MapField
from streamrecon_gadgets.maps.images import EchoImages
from streamrecon_gadgets.maps.phase_sign import CheckPhaseSign
from streamrecon_gadgets.maps.projection import ProjectSlabs
from streamrecon_gadgets.maps.readings import MakeReadings
from streamrecon_gadgets.maps.relaxation import DecayImages
from streamrecon_gadgets.maps.susceptibility import InvertField, RemoveBackground
from streamrecon_gadgets.maps.swi import SwiImages, TrueSwiImages
from streamrecon_gadgets.maps.veins import FindVeins

ALL: tuple[GadgetClass, ...] = (
    WhitenNoise,
    CorrectNavigators,
    WatchQuality,
    CompressCoils,
    CollectCentre,
    AssembleKSpace,
    CombineCoils,
    FillPartialFourier,
    CheckPhaseSign,
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
    MakeReadings,
    Preview,
    SendDicom,
    SpoolDicom,
    WriteDicomFolder,
    ConsoleImages,
    IntegerPpb,
    PassThrough,
    FillByPocs,
    SplitEchoes,
    Extract,
    ScaleEchoes,
    AutoScale,
    FloatToUShort,
    FloatToShort,
    NoiseSummary,
)
"""Every gadget of ours."""

ALIASES = {
    "CheckPolarity": "CheckPhaseSign",
    "Contained": "PassThrough",
    "DropDicom": "WriteDicomFolder",
    "GatherCentre": "CollectCentre",
    "WholePpb": "IntegerPpb",
}
"""Names that gadgets had before 0.1.0 → those of today; chain files of others still use them."""

REGISTRY = Registry(
    ALL,
    ahead=(ReadHeader, StateMemory, AdmitLines),
    behind=(TellUndefined,),
    aliases=ALIASES,
    installed=installed_gadgets,
)
"""The gadgets that a chain file may name: ours, and those of installed packages."""

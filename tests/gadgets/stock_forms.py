"""What stands in Gadgetron's own chain files, and the files that can be written of it.

The tables are facts of Gadgetron 4 (commit 846ed3f): classes, names, properties. The files
themselves are not kept here.
"""

from __future__ import annotations

Form = list[tuple[str, str, dict[str, str]]]

QUIET = {"debug_folder": "", "perform_timing": "false", "verbose": "false"}
LOUD = {"debug_folder": "", "perform_timing": "true", "verbose": "true"}
SKIP = {"skip_processing_meta_field": "Skip_processing_after_recon"}
AVERAGE = {"average_all_ref_N": "true", "average_all_ref_S": "true"}
GAUSSIAN = {
    f"filter{axis}{part}": text
    for axis in ("RO", "E1", "E2")
    for part, text in (("", "Gaussian"), ("_sigma", "1.0"), ("_width", "0.15"))
}
BUFFER = {"N_dimension": "", "S_dimension": "", "split_slices": "true"}

DEFAULT: Form = [
    ("RemoveROOversampling", "RemoveROOversamplingGadget", {}),
    (
        "AccTrig",
        "AcquisitionAccumulateTriggerGadget",
        {"trigger_dimension": "repetition", "sorting_dimension": "slice"},
    ),
    ("Buff", "BucketToBufferGadget", BUFFER),
    ("SimpleRecon", "SimpleReconGadget", {}),
    ("ImageArraySplit", "ImageArraySplitGadget", {}),
    ("Extract", "ExtractGadget", {}),
    ("ImageFinish", "ImageFinishGadget", {}),
]
SHORT: Form = [
    *DEFAULT[:-1],
    ("AutoScale", "AutoScaleGadget", {}),
    ("FloatToShort", "FloatToUShortGadget", {}),
    DEFAULT[-1],
]
GENERIC_FFT: Form = [
    ("NoiseAdjust", "NoiseAdjustGadget", {}),
    ("AsymmetricEcho", "AsymmetricEchoAdjustROGadget", {}),
    ("RemoveROOversampling", "RemoveROOversamplingGadget", {}),
    (
        "AccTrig",
        "AcquisitionAccumulateTriggerGadget",
        {"trigger_dimension": "", "sorting_dimension": ""},
    ),
    (
        "BucketToBuffer",
        "BucketToBufferGadget",
        {"N_dimension": "contrast", "S_dimension": "average", "split_slices": "false"}
        | {"ignore_segment": "true", "verbose": "true"},
    ),
    (
        "PrepRef",
        "GenericReconCartesianReferencePrepGadget",
        LOUD | AVERAGE | {"prepare_ref_always": "true"},
    ),
    (
        "CoilCompression",
        "GenericReconEigenChannelGadget",
        LOUD
        | AVERAGE
        | {"upstream_coil_compression": "true", "upstream_coil_compression_thres": "0.002"}
        | {"upstream_coil_compression_num_modesKept": "0"},
    ),
    (
        "Recon",
        "GenericReconCartesianFFTGadget",
        LOUD | {"image_series": "0", "coil_map_algorithm": "Inati"},
    ),
    (
        "PartialFourierHandling",
        "GenericReconPartialFourierHandlingFilterGadget",
        QUIET
        | SKIP
        | {f"partial_fourier_filter_{axis}_width": "0.15" for axis in ("RO", "E1", "E2")}
        | {"partial_fourier_filter_densityComp": "false"},
    ),
    ("KSpaceFilter", "GenericReconKSpaceFilteringGadget", QUIET | SKIP | GAUSSIAN),
    ("FOVAdjustment", "GenericReconFieldOfViewAdjustmentGadget", QUIET),
    (
        "Scaling",
        "GenericReconImageArrayScalingGadget",
        {"perform_timing": "false", "verbose": "false", "min_intensity_value": "64"}
        | {"max_intensity_value": "4095", "scalingFactor": "1.0"}
        | {"use_constant_scalingFactor": "true", "auto_scaling_only_once": "true"}
        | {"scalingFactor_dedicated": "100.0"},
    ),
    ("ImageArraySplit", "ImageArraySplitGadget", {}),
    ("ComplexToFloatAttrib", "ComplexToFloatGadget", {}),
    (
        "FloatToShortAttrib",
        "FloatToUShortGadget",
        {"max_intensity": "32767", "min_intensity": "0", "intensity_offset": "0"},
    ),
    ("ImageFinish", "ImageFinishGadget", {}),
]
GENERIC_GRAPPA: Form = [
    (
        "Recon",
        "GenericReconCartesianGrappaGadget",
        LOUD
        | {"image_series": "0", "coil_map_algorithm": "Inati", "send_out_gfactor": "false"}
        | {"downstream_coil_compression": "true", "downstream_coil_compression_thres": "0.002"}
        | {"downstream_coil_compression_num_modesKept": "0"},
    )
    if name == "Recon"
    else (name, class_name, properties)
    for name, class_name, properties in GENERIC_FFT
]
GRAPPA_SNR: Form = [
    ("Recon", class_name, properties | {"send_out_gfactor": "true", "send_out_snr_map": "true"})
    if name == "Recon"
    else (name, class_name, properties)
    for name, class_name, properties in GENERIC_GRAPPA
    if name != "CoilCompression"
]
GRAPPA_SNR.insert(
    1 + [name for name, *_ in GRAPPA_SNR].index("FOVAdjustment"),
    ("StdMap", "GenericReconNoiseStdMapComputingGadget", QUIET),
)
GRAPPA_COMPLEX: Form = [*(each for each in GENERIC_GRAPPA if not each[0].endswith("Attrib"))][:-1]
GRAPPA_COMPLEX.append(("AugmentImageMetadataGadget", "AugmentImageMetadataGadget", {}))
REAL_TIME_CINE: Form = [
    (
        name,
        "GenericReconPartialFourierHandlingPOCSGadget",
        QUIET
        | SKIP
        | {"partial_fourier_POCS_iters": "6", "partial_fourier_POCS_thres": "0.01"}
        | {"partial_fourier_POCS_transitBand": "24", "partial_fourier_POCS_transitBand_E2": "16"},
    )
    if name == "PartialFourierHandling"
    else (name, class_name, properties)
    for name, class_name, properties in GENERIC_GRAPPA
]
IMAGE_ARRAY: Form = [each for each in GENERIC_GRAPPA if not each[0].endswith("Attrib")][:-3]
"""Ends with arrays, which are for another program."""
NOISE: Form = [
    (
        "NoiseAdjust",
        "NoiseAdjustGadget",
        {"noise_dependency_prefix": "GadgetronNoiseCovarianceMatrix"}
        | {"pass_nonconformant_data": "true"},
    )
]
FORMS = {
    "default": DEFAULT,
    "default_short": SHORT,
    "Generic_Cartesian_FFT": GENERIC_FFT,
    "Generic_Cartesian_Grappa": GENERIC_GRAPPA,
    "Generic_Cartesian_Grappa_SNR": GRAPPA_SNR,
    "Generic_Cartesian_Grappa_Complex": GRAPPA_COMPLEX,
    "Generic_Cartesian_Grappa_RealTimeCine": REAL_TIME_CINE,
    "default_measurement_dependencies": NOISE,
}


def gadget_xml(name: str, class_name: str, properties: dict[str, str]) -> str:
    texts = "".join(
        f"<property><name>{key}</name><value>{text}</value></property>"
        for key, text in properties.items()
    )
    return (
        f"<gadget><name>{name}</name><dll>gadgetron_mricore</dll>"
        f"<classname>{class_name}</classname>{texts}</gadget>"
    )


def legacy(form: Form) -> str:
    """As most of Gadgetron's files are written."""
    gadgets = "\n".join(gadget_xml(*facts) for facts in form)
    return (
        '<gadgetronStreamConfiguration xmlns="http://gadgetron.sf.net/gadgetron">'
        "<reader><slot>1008</slot><classname>GadgetIsmrmrdAcquisitionMessageReader</classname></reader>"
        "<writer><slot>1022</slot><classname>MRIImageWriter</classname></writer>"
        f"{gadgets}</gadgetronStreamConfiguration>"
    )


def version_2(form: Form) -> str:
    """As default.xml is written."""
    gadgets = "\n".join(gadget_xml(*facts) for facts in form)
    return f"<configuration><version>2</version><stream>{gadgets}</stream></configuration>"

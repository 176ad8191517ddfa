"""Gadgetron's own chain files, by what stands in them: they load here and make images.

The tables are facts of Gadgetron 4 (commit 846ed3f): classes, names, properties. The files
themselves are not kept here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from chains import run_chain, volumes

from gadgets import REGISTRY
from simulator.scan import simulate
from simulator.scene import Scene
from streamrecon.model.images import Quantity, Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.messages import Image
from streamrecon.stream.chain import Chain
from streamrecon.stream.config import build_chain

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
    "default_measurement_dependencies": NOISE,
}

WHITENED = Scene("small head", matrix=(8, 24, 28), voxel_mm=(14.0, 8.0, 8.0), n_coils=3, snr=500.0)
QUIET_SCAN = replace(WHITENED, snr=float("inf"), noise_lines=0)
# The generic file turns numbers into integers without a scale: it needs whitened data, whose unit
# is the noise. The default files do not whiten; noise in the scan would set them apart from ours.
SCENES = {"default": QUIET_SCAN, "default_short": QUIET_SCAN, "Generic_Cartesian_FFT": WHITENED}


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


def emitted_by(chain: Chain, items: object) -> list[object]:
    emitted: list[object] = []
    chain.run(items, emitted.append)
    return emitted


@pytest.mark.parametrize("write", [legacy, version_2])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_every_property_is_a_parameter_or_named_in_a_warning(form: Form, write) -> None:
    chain = build_chain(write(form), REGISTRY)

    named = {n.text.partition(":")[0]: n.text for n in chain.notices if n.level is Level.WARNING}
    for step, (name, _, properties) in zip(chain.steps, form, strict=True):
        idle = set(properties) - set(type(step.gadget).model_fields)
        assert all(key in named[name] for key in idle)
        assert (name in named) == bool(idle)


@pytest.mark.parametrize("name", SCENES)
def test_a_stock_file_makes_a_magnitude_image_of_every_echo(name: str) -> None:
    chain = build_chain(legacy(FORMS[name]), REGISTRY)

    emitted = emitted_by(chain, simulate(SCENES[name]).messages())

    images = [pixels(item) for item in emitted if isinstance(item, Volume | Image)]
    ours = volumes(
        run_chain("gre_recon.xml", simulate(SCENES[name]).messages()), Quantity.MAGNITUDE
    )
    found, expected = np.stack(images), np.stack([volume.values for volume in ours])
    bright = expected > 0.5 * expected.max()
    scale = found[bright] / expected[bright]
    assert len(images) == 4
    assert scale.mean() > 0
    rounding = 0.6 / found[bright].min() if found.dtype == np.uint16 else 0
    np.testing.assert_allclose(scale, scale.mean(), rtol=1e-5 + rounding)
    assert not [n for n in emitted if isinstance(n, Notice) and n.level is Level.ERROR]


def pixels(item: Volume | Image) -> np.ndarray:
    """Values [Z, Y, X] of either."""
    return item.values if isinstance(item, Volume) else item.data[0]

"""The MRD header (XML) of a scene. Here (x, y, z), ms and degrees are spoken."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from streamrecon.model.geometry import Shape, Triple
from streamrecon.units import GAMMA_BAR_HZ_PER_T
from streamrecon_simulator.scene import Scene

_NAMESPACE = "http://www.ismrm.org/ISMRMRD"
_VENDOR, _MODEL = "simulator", "closed forms"


def header_xml(scene: Scene) -> bytes:
    """MRD header, UTF-8, elements in the order of the schema."""
    root = ET.Element("ismrmrdHeader", xmlns=_NAMESPACE)
    if scene.study_uid:
        _leaf(ET.SubElement(root, "studyInformation"), "studyInstanceUID", scene.study_uid)
    _measurement(root, scene)
    _system(root, scene)
    conditions = ET.SubElement(root, "experimentalConditions")
    _leaf(conditions, "H1resonanceFrequency_Hz", round(GAMMA_BAR_HZ_PER_T * scene.b0_t))
    _encoding(root, scene)
    _sequence(root, scene)
    if scene.says_phase_sign:
        parameter = ET.SubElement(ET.SubElement(root, "userParameters"), "userParameterLong")
        _leaf(parameter, "name", "PhaseSign")
        _leaf(parameter, "value", scene.phase_sign)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _leaf(parent: ET.Element, name: str, value: str | float) -> None:
    ET.SubElement(parent, name).text = str(value)


def _measurement(root: ET.Element, scene: Scene) -> None:
    measurement = ET.SubElement(root, "measurementInformation")
    _leaf(measurement, "measurementID", scene.measurement_id)
    _leaf(measurement, "patientPosition", "HFS")
    _leaf(measurement, "protocolName", "simulated_gre")
    if scene.noise_measurement_id:
        dependency = ET.SubElement(measurement, "measurementDependency")
        _leaf(dependency, "dependencyType", "Noise")
        _leaf(dependency, "measurementID", scene.noise_measurement_id)


def _system(root: ET.Element, scene: Scene) -> None:
    system = ET.SubElement(root, "acquisitionSystemInformation")
    _leaf(system, "systemVendor", _VENDOR)
    _leaf(system, "systemModel", _MODEL)
    _leaf(system, "systemFieldStrength_T", scene.b0_t)
    _leaf(system, "relativeReceiverNoiseBandwidth", scene.noise_bandwidth)
    _leaf(system, "receiverChannels", scene.n_coils)
    for channel, coil in enumerate(scene.coils):
        label = ET.SubElement(system, "coilLabel")
        _leaf(label, "coilNumber", channel)
        _leaf(label, "coilName", f"HE{coil + 1}")


def _encoding(root: ET.Element, scene: Scene) -> None:
    encoding = ET.SubElement(root, "encoding")
    encoded = scene.encoded_matrix
    z, y, x = (n * voxel for n, voxel in zip(scene.matrix, scene.voxel_mm, strict=True))
    _, encoded_y, encoded_x = scene.encoded_fov_mm
    if scene.slices:
        thick = scene.voxel_mm[0]
        _space(encoding, "encodedSpace", (1, *encoded[1:]), (thick, encoded_y, encoded_x))
        _space(encoding, "reconSpace", (1, *scene.recon_shape[1:]), (thick, y, x))
    else:
        _space(encoding, "encodedSpace", encoded, scene.encoded_fov_mm)
        _space(encoding, "reconSpace", scene.recon_shape, (z, y, x))
    _limits(encoding, scene)
    _leaf(encoding, "trajectory", "cartesian")
    if scene.sampling.accelerated:
        _acceleration(encoding, scene)


def _acceleration(encoding: ET.Element, scene: Scene) -> None:
    parallel = ET.SubElement(encoding, "parallelImaging")
    factor = ET.SubElement(parallel, "accelerationFactor")
    _leaf(factor, "kspace_encoding_step_1", scene.sampling.acceleration[1])
    _leaf(factor, "kspace_encoding_step_2", scene.sampling.acceleration[0])
    separate = scene.sampling.separate_calibration
    _leaf(parallel, "calibrationMode", "separate" if separate else "embedded")


def _space(encoding: ET.Element, name: str, matrix: Shape, fov_mm: Triple) -> None:
    space = ET.SubElement(encoding, name)
    for title, (z, y, x) in (("matrixSize", matrix), ("fieldOfView_mm", fov_mm)):
        triple = ET.SubElement(space, title)
        for axis, value in (("x", x), ("y", y), ("z", z)):
            _leaf(triple, axis, value)


def _limits(encoding: ET.Element, scene: Scene) -> None:
    nz, ny, _ = scene.encoded_matrix
    first_z, first_y = scene.first_step
    limits = ET.SubElement(encoding, "encodingLimits")
    for name, count, centre in (
        ("kspace_encoding_step_1", ny - first_y, ny // 2 - first_y),
        (
            "kspace_encoding_step_2",
            *((1, 0) if scene.slices else (nz - first_z, nz // 2 - first_z)),
        ),
        ("average", scene.averages, 0),
        ("slice", nz if scene.slices else scene.slabs, 0),
        ("contrast", len(scene.te_s), 0),
        ("repetition", scene.repetitions, 0),
        ("segment", scene.sampling.segments, 0),
    ):
        limit = ET.SubElement(limits, name)
        _leaf(limit, "minimum", 0)
        _leaf(limit, "maximum", count - 1)
        _leaf(limit, "center", centre)


def _sequence(root: ET.Element, scene: Scene) -> None:
    sequence = ET.SubElement(root, "sequenceParameters")
    _leaf(sequence, "TR", round(scene.tr_s * 1e3, 6))
    for te_s in scene.te_s:
        _leaf(sequence, "TE", round(te_s * 1e3, 6))
    _leaf(sequence, "flipAngle_deg", scene.flip_deg)
    _leaf(sequence, "sequence_type", "Flash")

"""Reads the MRD header as a protocol; units are converted here and nowhere after.

Only the first ``encoding`` is read: further ones belong to separate calibration scans.
"""

from __future__ import annotations

from streamrecon.model.geometry import Shape, Triple
from streamrecon.model.scan import CounterRange, EchoTrain, Encoding, Ids, PhaseSign, ScanProtocol
from streamrecon.mrd.header.as_written import Times, slices_as_meant, times_as_meant
from streamrecon.mrd.header.fields import HeaderFields, read_findings
from streamrecon.mrd.header.phase_sign import phase_sign as decide_sign
from streamrecon.mrd.header.plausible import check_channels, check_encoding, check_times
from streamrecon.mrd.header.study import visit_of
from streamrecon.units import GAMMA_BAR_HZ_PER_T, rad_from_deg

MAX_MATRIX = 65535  # a matrix size is a u16 on the wire
MIN_FOV_MM = 1.0  # below it the field of view is in metres
B0_RANGE_T = (0.01, 25.0)  # from portable scanners to the strongest magnets
B0_AGREEMENT = 0.05  # "3 T" magnets are built from 2.89 T on

_SYSTEM = "acquisitionSystemInformation"
_FREQUENCY = "experimentalConditions/H1resonanceFrequency_Hz"
_MEASUREMENT = "measurementInformation"
_SEQUENCE = "sequenceParameters"


def read_protocol(
    xml: bytes, *, phase_sign: int | None = None, te_s: tuple[float, ...] | None = None
) -> ScanProtocol:
    """What the header says of a Cartesian scan, in SI units and (z, y, x) order.

    Elements that are not known are passed over, and namespaces do not matter. The field strength
    follows from the resonance frequency where that is given: it is measured, the field is often
    nominal. A header without TE gives an echo train without times.

    Parameters
    ----------
    xml
        Header as it came, cut at its first NUL.
    phase_sign
        Sign set by the chain file; it wins over the header's.
    te_s
        Echo times set by the chain file; they win over the header's [s].

    Raises
    ------
    HeaderError
        With all that is missing, contradicts something else or is no Cartesian scan.
    """
    return protocol_of(read_findings(xml), xml, phase_sign=phase_sign, te_s=te_s)


def protocol_of(
    facts: HeaderFields,
    xml: bytes,
    *,
    phase_sign: int | None = None,
    te_s: tuple[float, ...] | None = None,
) -> ScanProtocol:
    """`read_protocol` of a header that is parsed already."""
    _check_trajectory(facts)
    f0_hz = _frequency_hz(facts)
    times, tr_s, corrections = _times(facts, te_s)
    contrast = _contrasts(facts, times)
    limits_kz = facts.has("encoding/encodingLimits/kspace_encoding_step_2")
    encoding, more = slices_as_meant(_encoding(facts, contrast), limits_kz=limits_kz)
    vendor = facts.text(f"{_SYSTEM}/systemVendor")
    n_coils = facts.count(f"{_SYSTEM}/receiverChannels")
    flip_deg = facts.number(f"{_SEQUENCE}/flipAngle_deg")
    sign = _sign(facts, phase_sign, vendor)
    check_encoding(facts, encoding)
    check_channels(facts, f"{_SYSTEM}/receiverChannels", n_coils)
    facts.settle()
    echoes = EchoTrain(
        te_s=times,
        tr_s=tr_s,
        flip_rad=None if flip_deg is None else rad_from_deg(flip_deg),
        readout_polarity=(1,) * len(contrast),
    )
    check_times(facts, echoes)
    facts.settle()
    return ScanProtocol(
        echoes=echoes,
        encoding=encoding,
        b0_t=f0_hz / GAMMA_BAR_HZ_PER_T,
        f0_hz=f0_hz,
        phase_sign=sign,
        n_coils=n_coils,
        coil_labels=coil_labels(facts),
        vendor=vendor,
        model=facts.text(f"{_SYSTEM}/systemModel"),
        patient_position=facts.text(f"{_MEASUREMENT}/patientPosition").upper(),
        ids=_ids(facts, xml),
        corrections=corrections + more,
    )


def _check_trajectory(facts: HeaderFields) -> None:
    path = "encoding/trajectory"
    found = facts.text(path)
    if not found:
        facts.miss(path)
    elif found.lower() != "cartesian":
        facts.refuse(f"{path}: found {found!r}, needed 'cartesian'")


def _frequency_hz(facts: HeaderFields) -> float:
    path = f"{_SYSTEM}/systemFieldStrength_T"
    b0_t, f0_hz = facts.number(path), facts.number(_FREQUENCY)
    if f0_hz is None and b0_t is None:
        facts.miss(f"{_FREQUENCY} or {path}")
        return 1.0
    if f0_hz is None:
        f0_hz = (b0_t or 0.0) * GAMMA_BAR_HZ_PER_T
    found_t = f0_hz / GAMMA_BAR_HZ_PER_T
    if not B0_RANGE_T[0] <= found_t <= B0_RANGE_T[1]:
        facts.refuse(
            f"{_FREQUENCY}: found {f0_hz:g} Hz, needed that of {B0_RANGE_T[0]:g} to"
            f" {B0_RANGE_T[1]:g} T"
        )
    elif b0_t is not None and abs(found_t - b0_t) > B0_AGREEMENT * found_t:
        facts.refuse(f"{path}: found {b0_t:g} T, but {_FREQUENCY} is that of {found_t:.4g} T")
    return f0_hz


def _times(facts: HeaderFields, te_s: tuple[float, ...] | None) -> Times:
    te_ms = tuple(facts.numbers(f"{_SEQUENCE}/TE")) if te_s is None else ()
    found = times_as_meant(te_ms, facts.number(f"{_SEQUENCE}/TR"))
    times = found.te_s
    if times and (min(times) <= 0 or sorted(set(times)) != list(times)):
        facts.refuse(f"{_SEQUENCE}/TE: found {times} s, needed positive times that grow")
        times = ()
    return found._replace(te_s=times if te_s is None else te_s)


def _contrasts(facts: HeaderFields, times: tuple[float, ...]) -> CounterRange:
    if not facts.has("encoding/encodingLimits/contrast"):
        return CounterRange(0, max(len(times), 1) - 1)
    contrast = _limit(facts, "contrast", 1)
    if times and len(times) != len(contrast):
        facts.refuse(
            f"{_SEQUENCE}/TE: found {len(times)} echo times, but encodingLimits/contrast counts"
            f" {len(contrast)}"
        )
    return contrast


def _encoding(facts: HeaderFields, contrast: CounterRange) -> Encoding:
    encoded_shape, encoded_fov_mm = _space(facts, "encodedSpace")
    recon_shape, recon_fov_mm = _space(facts, "reconSpace")
    acceleration = "encoding/parallelImaging/accelerationFactor/kspace_encoding_step"
    return Encoding(
        encoded_shape,
        encoded_fov_mm,
        recon_shape,
        recon_fov_mm,
        ky=_limit(facts, "kspace_encoding_step_1", encoded_shape[1]),
        kz=_limit(facts, "kspace_encoding_step_2", encoded_shape[0]),
        average=_limit(facts, "average", 1),
        slice=_limit(facts, "slice", 1),
        contrast=contrast,
        phase=_limit(facts, "phase", 1),
        repetition=_limit(facts, "repetition", 1),
        set=_limit(facts, "set", 1),
        segment=_limit(facts, "segment", 1),
        acceleration=(facts.count(f"{acceleration}_1") or 1, facts.count(f"{acceleration}_2") or 1),
    )


def _space(facts: HeaderFields, name: str) -> tuple[Shape, Triple]:
    """Matrix and field of view [mm] in the order (z, y, x)."""
    path = f"encoding/{name}"
    if not facts.has(path):
        facts.miss(path)
        return (1, 1, 1), (1.0, 1.0, 1.0)
    z, y, x = (_matrix(facts, f"{path}/matrixSize/{axis}") for axis in "zyx")
    dz, dy, dx = (_fov_mm(facts, f"{path}/fieldOfView_mm/{axis}") for axis in "zyx")
    return (z, y, x), (dz, dy, dx)


def _matrix(facts: HeaderFields, path: str) -> int:
    found = facts.needed(path)
    if found == int(found) and 1 <= found <= MAX_MATRIX:
        return int(found)
    facts.refuse(f"{path}: found {found:g}, needed a whole number of 1 to {MAX_MATRIX}")
    return 1


def _fov_mm(facts: HeaderFields, path: str) -> float:
    found = facts.needed(path)
    # A single slice may be thinner than a millimetre.
    smallest = 0.0 if path.endswith("z") else MIN_FOV_MM
    if found > 0 and found >= smallest:
        return found
    hint = " (metres?)" if found > 0 else ""
    needed = f"at least {smallest:g} mm" if smallest else "more than 0 mm"
    facts.refuse(f"{path}: found {found:g} mm, needed {needed}{hint}")
    return 1.0


def _limit(facts: HeaderFields, name: str, full: int) -> CounterRange:
    """Range of a counter; one that the header does not limit covers the matrix."""
    path = f"encoding/encodingLimits/{name}"
    if not facts.has(path):
        return CounterRange(0, full - 1, full // 2)
    low, high, centre = (facts.needed(f"{path}/{end}") for end in ("minimum", "maximum", "center"))
    if not 0 <= low <= high <= MAX_MATRIX or not 0 <= centre <= MAX_MATRIX:
        facts.refuse(
            f"{path}: found {low:g} to {high:g} with the centre {centre:g}, needed 0 to"
            f" {MAX_MATRIX} upwards"
        )
        return CounterRange()
    return CounterRange(int(low), int(high), int(centre))


def _sign(facts: HeaderFields, chain: int | None, vendor: str) -> PhaseSign:
    header = facts.user_long("PhaseSign")
    if header not in {None, 1, -1}:
        facts.refuse(f"userParameterLong PhaseSign: found {header}, needed 1 or -1")
        header = None
    return decide_sign(chain=chain, header=header, vendor=vendor)


def coil_labels(facts: HeaderFields) -> tuple[str, ...]:
    """Names of the receiver channels in the order of their numbers."""
    labels = facts.elements(f"{_SYSTEM}/coilLabel")
    numbered = [
        ((label.text_of("coilNumber") or "0").zfill(6), label.text_of("coilName") or "")
        for label in labels
    ]
    return tuple(name for _, name in sorted(numbered))


def _ids(facts: HeaderFields, xml: bytes) -> Ids:
    return Ids(
        measurement=facts.text(f"{_MEASUREMENT}/measurementID"),
        protocol=facts.text(f"{_MEASUREMENT}/protocolName"),
        study_uid=facts.text("studyInformation/studyInstanceUID"),
        series_uid=facts.text(f"{_MEASUREMENT}/seriesInstanceUIDRoot"),
        frame_of_reference_uid=facts.text(f"{_MEASUREMENT}/frameOfReferenceUID"),
        dependencies=dependencies(facts),
        header_xml=xml,
        visit=visit_of(facts),
    )


def dependencies(facts: HeaderFields) -> tuple[tuple[str, str], ...]:
    """(type, measurement id) of the scans that this one depends on."""
    return tuple(
        (e.text_of("dependencyType") or "", e.text_of("measurementID") or "")
        for e in facts.elements(f"{_MEASUREMENT}/measurementDependency")
    )

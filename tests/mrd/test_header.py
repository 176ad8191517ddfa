"""The header as a protocol: right units and axes, or every fault by its name."""

from __future__ import annotations

import math
from pathlib import Path

import ismrmrd
import pytest
from mrd_headers import header_of, matrix

from streamrecon.errors import HeaderError, ProtocolError
from streamrecon.model.scan import CounterRange, PhaseSign, SignOrigin
from streamrecon.mrd.files.hdf5_reader import read_scan
from streamrecon.mrd.header.noise_dependency import noise_link
from streamrecon.mrd.header.protocol import read_protocol
from streamrecon.mrd.wire.messages import Header


def test_a_complete_header_is_read_in_si_units_and_zyx_order() -> None:
    protocol = read_protocol(header_of())

    assert protocol.echoes.te_s == pytest.approx((0.0045, 0.009))
    assert protocol.echoes.tr_s == pytest.approx(0.030)
    assert protocol.echoes.flip_rad == pytest.approx(math.pi / 12)
    assert protocol.b0_t == pytest.approx(3.0, rel=1e-8)
    assert protocol.f0_hz == 127732436
    assert protocol.encoding.encoded_shape == (24, 49, 64)
    assert protocol.encoding.encoded_fov_mm == (60, 200, 440)
    assert protocol.encoding.recon_shape == (20, 45, 32)
    assert protocol.encoding.recon_fov_mm == (50, 198, 220)
    assert protocol.encoding.ky == CounterRange(3, 48, 24)
    assert protocol.encoding.contrast == CounterRange(0, 1, 0)
    assert protocol.encoding.acceleration == (2, 1)
    assert protocol.n_coils == 2
    assert protocol.coil_labels == ("H1", "H2")
    assert (protocol.vendor, protocol.model) == ("ACME Scanners", "One")
    assert protocol.patient_position == "HFS"
    assert protocol.ids.measurement == "M1"
    assert protocol.ids.protocol == "gre µ"
    assert protocol.ids.study_uid == "1.2.3"
    assert protocol.ids.frame_of_reference_uid == "1.2.4"
    assert protocol.ids.dependencies == (("Noise", "N7"), ("SenMap", "S8"))


def test_a_counter_without_limits_covers_the_matrix() -> None:
    encoding = read_protocol(header_of(limits="")).encoding

    assert encoding.ky == CounterRange(0, 48, 24)
    assert encoding.kz == CounterRange(0, 23, 12)
    assert encoding.slice == encoding.repetition == CounterRange(0, 0, 0)
    assert encoding.contrast == CounterRange(0, 1, 0)  # as many as there are echo times


def test_a_header_without_namespace_or_with_unknown_elements_is_read() -> None:
    plain = header_of(user="<userParameterMatrix><x/></userParameterMatrix><new>1</new>")

    assert read_protocol(plain.replace(b' xmlns="http://www.ismrm.org/ISMRMRD"', b"")).n_coils == 2
    prefixed = plain.replace(b"<", b"<m:").replace(b"<m:/", b"</m:")
    prefixed = prefixed.replace(b"xmlns=", b"xmlns:m=")
    assert read_protocol(prefixed).n_coils == 2


def test_a_nul_and_what_follows_are_not_read() -> None:
    assert read_protocol(header_of() + b"\0garbage").n_coils == 2


def test_field_and_frequency_follow_from_one_another() -> None:
    by_frequency = read_protocol(header_of(field=""))
    by_field = read_protocol(header_of(frequency=""))

    assert by_frequency.b0_t == pytest.approx(127732436 / 42.577478518e6)
    assert by_field.f0_hz == pytest.approx(3 * 42.577478518e6)
    assert by_field.b0_t == pytest.approx(3)


def test_a_nominal_field_gives_way_to_the_measured_frequency() -> None:
    frequency = "<H1resonanceFrequency_Hz>123206013</H1resonanceFrequency_Hz>"

    assert read_protocol(header_of(frequency=frequency)).b0_t == pytest.approx(2.8937, abs=1e-4)


def test_all_that_is_missing_is_told_at_once() -> None:
    xml = header_of(field="", frequency="", recon="", trajectory="")

    with pytest.raises(HeaderError) as told:
        read_protocol(xml)

    assert str(told.value) == (
        "missing: encoding/trajectory, experimentalConditions/H1resonanceFrequency_Hz or"
        " acquisitionSystemInformation/systemFieldStrength_T, encoding/reconSpace"
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"trajectory": "<trajectory>radial</trajectory>"}, "trajectory: found 'radial'"),
        ({"frequency": "<H1resonanceFrequency_Hz>1</H1resonanceFrequency_Hz>"}, "found 1 Hz"),
        ({"field": "<systemFieldStrength_T>1.5</systemFieldStrength_T>"}, "found 1.5 T, but"),
        ({"field": "<systemFieldStrength_T>nan</systemFieldStrength_T>"}, "found 'nan'"),
        ({"te": "<TE>4.5</TE>"}, "found 1 echo times, but encodingLimits/contrast counts 2"),
        ({"te": "<TE>9</TE><TE>4.5</TE>"}, "positive times that grow"),
        ({"te": "<TE>soon</TE><TE>9</TE>"}, "TE: found 'soon', needed a number"),
        ({"recon": matrix("reconSpace", (32, 45, 20), (0.22, 0.2, 50))}, r"0.22 mm.*metres"),
        ({"recon": matrix("reconSpace", (32, 45, 20), (220, 198, 0))}, "z: found 0 mm"),
        ({"recon": matrix("reconSpace", (32, 0, 20), (220, 198, 50))}, "y: found 0, needed"),
        ({"recon": matrix("reconSpace", (32, 70000, 20), (220, 198, 50))}, "y: found 70000"),
        ({"recon": "<reconSpace/>"}, "missing: encoding/reconSpace/matrixSize/z"),
        (
            {"limits": "<slice><minimum>4</minimum><maximum>3</maximum><center>0</center></slice>"},
            "encodingLimits/slice: found 4 to 3",
        ),
        (
            {
                "user": "<userParameterLong><name>PhaseSign</name><value>2</value>"
                "</userParameterLong>"
            },
            "PhaseSign: found 2",
        ),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(changed: dict[str, str], told: str) -> None:
    with pytest.raises(HeaderError, match=told):
        read_protocol(header_of(**changed))


def test_a_thin_single_slice_is_no_field_of_view_in_metres() -> None:
    thin = {
        "encoded": matrix("encodedSpace", (64, 49, 1), (440, 200, 0.8)),
        "recon": matrix("reconSpace", (32, 45, 1), (220, 198, 0.8)),
    }

    assert read_protocol(header_of(**thin)).encoding.recon_fov_mm[0] == 0.8


def test_a_header_without_te_is_read_and_asking_for_times_is_refused() -> None:
    protocol = read_protocol(header_of(te=""))

    assert len(protocol.echoes) == 2
    with pytest.raises(HeaderError, match="missing: TE"):
        protocol.echoes.times_s()


def test_the_chain_file_can_give_the_echo_times() -> None:
    assert read_protocol(header_of(), te_s=(0.003, 0.007)).echoes.te_s == (0.003, 0.007)
    with pytest.raises(HeaderError, match="found 3 echo times"):
        read_protocol(header_of(), te_s=(0.003, 0.007, 0.011))


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"<ismrmrdHeader>",
        b"plain text",
        b"\xff\xfe\x00",
        b'<?xml version="1.0" encoding="no-such"?><ismrmrdHeader/>',
        b'<!DOCTYPE x [<!ENTITY a "b">]><ismrmrdHeader>&a;</ismrmrdHeader>',
        b'<!DOCTYPE ismrmrdHeader SYSTEM "file:///etc/passwd"><ismrmrdHeader/>',
        "<!DOCTYPE x><ismrmrdHeader/>".encode("utf-16"),
        b"<ismrmrdHeader>&a;</ismrmrdHeader>",
    ],
)
def test_what_is_no_plain_xml_is_refused(xml: bytes) -> None:
    with pytest.raises(
        HeaderError,
        match=r"MRD header: line 1: (not well-formed|a document type|unknown encoding)",
    ):
        read_protocol(xml)


def test_another_document_is_refused() -> None:
    with pytest.raises(HeaderError, match="found <configuration>, needed <ismrmrdHeader>"):
        read_protocol(b"<configuration/>")


def sign_of(header: int | None, vendor: str, chain: int | None) -> PhaseSign:
    user = "<userParameterLong><name>PhaseSign</name><value>{}</value></userParameterLong>"
    xml = header_of(
        vendor=f"<systemVendor>{vendor}</systemVendor>",
        user="" if header is None else user.format(header),
    )
    return read_protocol(xml, phase_sign=chain).phase_sign


@pytest.mark.parametrize(
    ("header", "vendor", "chain", "value", "origin"),
    [
        (-1, "SIEMENS", 1, 1, SignOrigin.CHAIN),
        (-1, "SIEMENS", -1, -1, SignOrigin.CHAIN),
        (-1, "SIEMENS", None, -1, SignOrigin.HEADER),
        (1, "", None, 1, SignOrigin.HEADER),
        (None, "SIEMENS", None, 1, SignOrigin.VENDOR),
        (None, "Siemens Healthineers", None, 1, SignOrigin.VENDOR),
        (None, "GE MEDICAL SYSTEMS", None, 1, SignOrigin.ASSUMED),
        (None, "", None, 1, SignOrigin.ASSUMED),
    ],
)
def test_the_phase_sign_says_who_gave_it(
    header: int | None, vendor: str, chain: int | None, value: int, origin: SignOrigin
) -> None:
    assert sign_of(header, vendor, chain) == PhaseSign(value, origin)


def test_a_noise_scans_header_needs_nothing_else() -> None:
    link = noise_link(
        b"<ismrmrdHeader><measurementInformation><measurementID>N7</measurementID>"
        b"</measurementInformation><acquisitionSystemInformation>"
        b"<relativeReceiverNoiseBandwidth>0.8</relativeReceiverNoiseBandwidth>"
        b"</acquisitionSystemInformation></ismrmrdHeader>"
    )

    assert (link.measurement, link.dependencies, link.bandwidth_ratio) == ("N7", (), 0.8)
    assert "N7" not in repr(link)


def test_only_noise_dependencies_are_noise() -> None:
    link = noise_link(header_of())

    assert link.dependencies == ("N7",)
    assert link.bandwidth_ratio == 0.793
    assert link.coil_labels == ("H1", "H2")


def test_ids_do_not_show_in_texts() -> None:
    assert "M1" not in repr(read_protocol(header_of()))


def test_ismrmrd_reads_the_same_values() -> None:
    lower = header_of(trajectory="<trajectory>cartesian</trajectory>")  # its only spelling
    theirs = ismrmrd.xsd.CreateFromDocument(lower)
    ours = read_protocol(header_of())

    space = theirs.encoding[0].reconSpace
    assert (space.matrixSize.z, space.matrixSize.y, space.matrixSize.x) == ours.encoding.recon_shape
    assert (
        theirs.encoding[0].encodingLimits.kspace_encoding_step_1.minimum == ours.encoding.ky.minimum
    )
    assert tuple(te / 1e3 for te in theirs.sequenceParameters.TE) == ours.echoes.te_s


def header_in(path: Path) -> bytes:
    header = next(read_scan(path))
    assert isinstance(header, Header)
    return header.xml


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "te_s", "shape"),
    [
        ("phantom3T_gre3echo_monopolar_1ch", (0.004, 0.009, 0.015), (1, 256, 256)),
        ("phantom3T_gre3echo_bipolar_1ch", (0.004, 0.009, 0.015), (1, 256, 256)),
        ("brain3T_gre_te12p4_16ch", (0.0124,), (1, 128, 128)),
        ("brain3T_gre_te12p4_bodycoil2ch", (0.0124,), (1, 128, 128)),
        ("phantom3T_gre_te12p4_16ch", (0.0124,), (1, 128, 128)),
        ("phantom3T_gre_te12p4_bodycoil2ch", (0.0124,), (1, 128, 128)),
    ],
)
def test_real_scanners_headers_are_read(
    shared_data: Path, name: str, te_s: tuple[float, ...], shape: tuple[int, ...]
) -> None:
    protocol = read_protocol(header_in(shared_data / "raw-siemens" / f"{name}.h5"))

    assert protocol.echoes.te_s == pytest.approx(te_s)
    assert protocol.encoding.recon_shape == shape
    assert protocol.encoding.recon_fov_mm == (3, 256, 256)
    assert protocol.b0_t == pytest.approx(2.894, abs=2e-3)


@pytest.mark.shared
@pytest.mark.parametrize(("name", "repetitions"), [("a2_w24", 4), ("r2_noisecal", 2)])
def test_the_reference_generators_headers_are_read(
    shared_data: Path, name: str, repetitions: int
) -> None:
    path = shared_data / "raw-ismrmrdtools" / f"ismrmrdtools_sl128_c8_{name}.h5"

    protocol = read_protocol(header_in(path))

    assert protocol.echoes.te_s == ()
    assert len(protocol.echoes) == 1
    assert len(protocol.encoding.repetition) == repetitions
    assert protocol.encoding.encoded_shape == (1, 128, 256)
    assert protocol.b0_t == pytest.approx(1.4914, abs=1e-4)
    assert protocol.phase_sign.origin is SignOrigin.ASSUMED


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("koma_MRF_500.mrd", r"trajectory: found 'other'.*fieldOfView_mm/x: found 0.23 mm"),
        ("koma_signal_11bb.mrd", r"trajectory: found 'other'.*fieldOfView_mm/x: found 0.20"),
        ("mrireco_acqDataBrainSim100.h5", r"missing: encoding/reconSpace; .*found 1 Hz"),
    ],
)
def test_files_that_break_readers_are_refused_by_field(
    shared_data: Path, name: str, told: str
) -> None:
    with pytest.raises(HeaderError, match=told):
        read_protocol(header_in(shared_data / "raw-julia" / name))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.h5").write_bytes(b"no HDF5")

    with pytest.raises(ProtocolError, match=r"no\.h5: not readable as an MRD file"):
        next(read_scan(tmp_path / "no.h5"))

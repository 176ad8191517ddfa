"""MRD files: read and written in bulk, and understood by the reference package and tools."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import h5py
import ismrmrd
import numpy as np
import pytest
from mrd_headers import header_of
from narrowing import as_a, given
from wire_samples import EVERYTHING, META, assert_same, image, lines, waveform

from streamrecon.errors import DataError, ProtocolError
from streamrecon.mrd.files.hdf5_reader import read_images, read_scan
from streamrecon.mrd.files.hdf5_writer import FileWriter
from streamrecon.mrd.wire.layout import ACQUISITION, COMPRESSION_NHLBI
from streamrecon.mrd.wire.messages import Acquisitions, Close, Header, Message, Waveform

GENERATOR = shutil.which("ismrmrd_generate_cartesian_shepp_logan")
RECONSTRUCTION = shutil.which("ismrmrd_recon_cartesian_2d")


def written(path: Path, *messages: Message) -> Path:
    with FileWriter(path) as file:
        for message in messages:
            file.write(message)
    return path


def test_a_scan_comes_back_as_it_was_written(tmp_path: Path) -> None:
    noise, short, long = lines(1, 3, 9), lines(5, 2, 7, 2, seed=1), lines(300, 2, 8, seed=2)
    for run in (noise, short, long):
        run.header["acquisition_time_stamp"] = 5
    path = written(tmp_path / "scan.h5", Header(header_of()), noise, short, long)

    header, *runs = read_scan(path)

    assert header == Header(header_of())
    for found, wanted in zip(runs, (noise, short, long), strict=True):
        assert_same(found, wanted)


def test_waveforms_come_where_their_time_stamps_put_them(tmp_path: Path) -> None:
    run = lines(4)
    run.header["acquisition_time_stamp"] = [10, 20, 20, 30]
    beats = []
    for stamp in (40, 20, 5):
        beats.append(waveform())
        beats[-1].header["time_stamp"] = stamp
    path = written(tmp_path / "scan.h5", Header(header_of()), run, *beats)

    found = list(read_scan(path))[1:]

    order = [
        part.header["acquisition_time_stamp"].tolist()
        if isinstance(part, Acquisitions)
        else int(part.header["time_stamp"])
        for part in found
        if isinstance(part, Acquisitions | Waveform)
    ]
    assert order == [5, [10], 20, [20, 20, 30], 40]
    assert np.array_equal(as_a(Waveform, found[0]).data, beats[0].data)


def test_images_of_every_type_and_shape_come_back(tmp_path: Path) -> None:
    images = [image(kind, (1, 2, 3, 5), META, seed=kind) for kind in range(1, 9)]
    images += [image(1, (2, 1, 4, 4), seed=9), image(1, (1, 2, 3, 5), {}, seed=10)]
    for one in images:
        one.header["image_series_index"] = 3
    path = written(tmp_path / "images.h5", *images)

    found = list(read_images(path))

    assert len(found) == 10
    for wanted in images:
        match = [one for one in found if np.array_equal(one.data, wanted.data)]
        match = [one for one in match if one.data.dtype == wanted.data.dtype]
        assert len(match) == 1
        assert match[0].meta == wanted.meta
        assert match[0].header["position"].tolist() == wanted.header["position"].tolist()


def test_the_reference_package_reads_our_file(tmp_path: Path) -> None:
    run, picture = lines(3, 2, 7, 2), image(7, (1, 1, 3, 5), {"a": ("b",)})
    path = written(tmp_path / "scan.h5", Header(header_of()), run, waveform(), picture)

    with ismrmrd.Dataset(path, "dataset", create_if_needed=False) as dataset:
        assert dataset.read_xml_header() == header_of()
        assert dataset.number_of_acquisitions() == 3
        theirs = dataset.read_acquisition(2)
        beat = dataset.read_waveform(0)
        pixels = dataset.read_image(f"image_{picture.header['image_series_index']}", 0)

    assert np.array_equal(theirs.data, run.data[2])
    assert np.array_equal(theirs.traj, run.trajectory[2])
    assert bytes(theirs.getHead()) == run.header[2].tobytes()
    assert np.array_equal(beat.data, waveform().data)
    assert np.array_equal(pixels.data, picture.data)
    assert pixels.meta["a"] == "b"


def test_we_read_the_reference_packages_file(tmp_path: Path) -> None:
    data = (np.arange(12) * (1 + 1j)).astype(np.complex64).reshape(2, 6)
    picture = ismrmrd.Image.from_array(data.reshape(1, 1, 2, 6), transpose=False)
    picture.attribute_string = ismrmrd.Meta({"a": ["1", "é"]}).serialize()
    with ismrmrd.Dataset(tmp_path / "theirs.h5", "scan") as dataset:
        dataset.write_xml_header(header_of())
        for line in range(3):
            acquisition = ismrmrd.Acquisition.from_array(data * line)
            acquisition.idx.kspace_encode_step_1 = line
            dataset.append_acquisition(acquisition)
        dataset.append_image("pictures", picture)

    header, run = read_scan(tmp_path / "theirs.h5")  # the only group, whatever its name
    (found,) = read_images(tmp_path / "theirs.h5")

    assert header == Header(header_of())
    assert isinstance(run, Acquisitions)
    assert run.header["idx"]["kspace_encode_step_1"].tolist() == [0, 1, 2]
    assert np.array_equal(run.data, np.stack([data * line for line in range(3)]))
    assert np.array_equal(found.data[0, 0], data)
    assert found.meta == {"a": ("1", "é")}


@pytest.mark.skipif(not GENERATOR or not RECONSTRUCTION, reason="ismrmrd-tools is not installed")
def test_the_reference_tools_file_is_read_and_ours_is_reconstructed_by_them(tmp_path: Path) -> None:
    theirs, ours = tmp_path / "theirs.h5", tmp_path / "ours.h5"
    subprocess.run(
        [str(GENERATOR), "-m", "32", "-c", "2", "-r", "1", "-o", str(theirs)],
        check=True, capture_output=True,
    )  # fmt: skip

    written(ours, *read_scan(theirs))
    for path in (theirs, ours):
        subprocess.run([str(RECONSTRUCTION), str(path)], check=True, capture_output=True)

    (a,), (b,) = read_images(theirs), read_images(ours)
    assert a.data.shape == (1, 1, 32, 32)
    assert float(a.data.max()) > 0
    assert np.array_equal(a.data, b.data)


@pytest.mark.shared
def test_the_reference_tools_image_is_read(shared_data: Path) -> None:
    path = shared_data / "raw-ismrmrdtools" / "ismrmrdtools_sl128_c8_r2_noisecal.h5"

    (found,) = read_images(path)

    with h5py.File(path) as file:
        wanted = file["dataset/cpp/data"][0]
    assert found.data.shape == (1, 1, 128, 128)
    assert np.array_equal(found.data, wanted)


@pytest.mark.shared
def test_heads_with_padding_are_read_by_their_fields(shared_data: Path) -> None:
    _, run = read_scan(shared_data / "raw-julia" / "mrireco_acqDataBrainSim100.h5")

    assert isinstance(run, Acquisitions)
    assert run.header["number_of_samples"].tolist() == [256] * 256
    assert run.header["center_sample"].tolist() == [128] * 256
    assert run.header["sample_time_us"][0] == pytest.approx(117.1875)
    assert run.header["slice_dir"][0].tolist() == [0, 0, 1]
    assert run.trajectory.shape == (256, 256, 2)


@pytest.mark.shared
def test_the_noise_line_of_the_generator_is_the_first(shared_data: Path) -> None:
    path = shared_data / "raw-ismrmrdtools" / "ismrmrdtools_sl128_c8_r2_noisecal.h5"

    _, run = read_scan(path)

    assert isinstance(run, Acquisitions)
    assert run.data.shape == (257, 8, 256)
    assert run.header["flags"][0] & (1 << 18)
    assert not (run.header["flags"][1:] & (1 << 18)).any()


def test_a_line_shorter_than_its_head_says_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "scan.h5", Header(header_of()), lines(3, 2, 5))
    with h5py.File(path, "a") as file:
        row = file["dataset/data"][1]
        row["data"] = row["data"][:-1]
        file["dataset/data"][1] = row

    with pytest.raises(ProtocolError, match="line 1: found 19 numbers, needed 20"):
        list(read_scan(path))


def test_heads_that_lack_a_field_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "scan.h5", Header(header_of()))
    less = np.dtype([(n, ACQUISITION[n]) for n in given(ACQUISITION.names) if n != "position"])
    floats = h5py.vlen_dtype(np.float32)
    with h5py.File(path, "a") as file:
        kind = np.dtype([("head", less), ("traj", floats), ("data", floats)])
        file["dataset"].create_dataset("data", (1,), dtype=kind)

    with pytest.raises(ProtocolError, match="the headers lack position"):
        list(read_scan(path))


def test_compressed_lines_do_not_belong_into_a_file(tmp_path: Path) -> None:
    run = lines(1, flags=COMPRESSION_NHLBI)

    with pytest.raises(ProtocolError, match="compressed lines"):
        list(read_scan(written(tmp_path / "scan.h5", Header(header_of()), run)))


def test_a_file_without_the_wanted_group_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "scan.h5", Header(header_of()))

    with pytest.raises(ProtocolError, match=r"found the groups \['dataset'\], needed 'other'"):
        next(read_scan(path, "other"))


def test_what_a_file_cannot_hold_is_refused(tmp_path: Path) -> None:
    with FileWriter(tmp_path / "scan.h5") as file, pytest.raises(DataError, match="found Close"):
        file.write(Close())


def test_everything_a_file_can_hold_is_written_without_a_header(tmp_path: Path) -> None:
    path = written(tmp_path / "images.h5", EVERYTHING["image"])

    assert len(list(read_images(path))) == 1

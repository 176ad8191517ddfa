"""Label maps of a cohort's scans: found by name, pushed to the chain, read into the overview."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from pathlib import Path, PurePath

import nibabel as nib
import numpy as np
import pytest
from drawn_head import drawn_head

from streamrecon.cli import main
from streamrecon.cohort.entities import entities_of
from streamrecon.cohort.job import DONE, Record, Work, checked_inputs
from streamrecon.cohort.overview import write_overview
from streamrecon.cohort.scan_labels import pushed, region_means, with_labels
from streamrecon.cohort.scan_tree import RAW, CohortScan
from streamrecon.errors import ConfigError
from streamrecon.model.geometry import Geometry


def scan(tree: Path, name: str) -> CohortScan:
    path = tree / f"{name}.h5"
    path.write_bytes(name.encode())
    file = PurePath(path.name)
    return CohortScan(entities_of(file), RAW, (file,), (file,))


def test_a_label_map_and_its_names_go_with_the_scan_of_their_name(tmp_path: Path) -> None:
    scans = [scan(tmp_path, "sub-01"), scan(tmp_path, "sub-02")]
    labels = tmp_path / "nuclei"
    labels.mkdir()
    for name in ("sub-02.nii.gz", "sub-02.tsv", "sub-020.nii.gz"):
        (labels / name).write_bytes(b"")

    first, second = with_labels(scans, labels)

    assert first.labels == ()
    assert [path.name for path in second.labels] == ["sub-02.nii.gz", "sub-02.tsv"]
    with pushed(first) as words:
        assert words == ()
    with pushed(second) as (option, storage, *chain):
        assert (option, chain) == ("--storage", ["--set", "MakeReadings.labels=sub-02.nii.gz"])
        names = {path.name for path in (Path(storage) / "labels").iterdir()}
        assert names == {"sub-02.nii.gz", "sub-02.tsv"}
    assert not Path(storage).exists()


def test_a_folder_without_a_scans_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no label map of a scan, needed sub-01\.nii\.gz"):
        with_labels([scan(tmp_path, "sub-01")], tmp_path)


def test_other_labels_are_other_work(tmp_path: Path) -> None:
    bare = scan(tmp_path, "sub-01")
    work = Work((), (), "a", "b")
    keys = [work.key(bare, checked_inputs(bare, tmp_path, None))]
    for content in (b"one", b"another"):
        path = tmp_path / "sub-01.nii.gz"
        path.write_bytes(content)
        one = dataclasses.replace(bare, labels=(path,))
        inputs = checked_inputs(one, tmp_path / ".", None)
        assert list(inputs) == ["sub-01.h5", "labels/sub-01.nii.gz"]
        keys.append(work.key(one, inputs))

    assert len(set(keys)) == 3


def row(subject: str, name: str, number: float | None) -> dict[str, object]:
    return {"subject": subject, "name": name, "number": number, "unit": "ppb"}


def test_each_region_is_told_by_the_best_mean_it_has(tmp_path: Path) -> None:
    values = [
        row("putamen", "robust_mean_chi", 40.6),
        row("pallidum", "robust_mean_chi", 140.2),
        row("pallidum", "whole_mean_chi", 127.8),
        row("pallidum", "whole_mean_chi", 99.0),  # against the other reference
        row("caudate", "robust_mean_chi", None),
        row("putamen", "mean_r2_star", 30.0),
    ]
    rows = [{"kind": "lesions", "values": [row("1", "whole_mean_chi", 1.0)]},
            {"kind": "iron", "values": values}]  # fmt: skip

    told = region_means(rows)

    assert told == "putamen 41, pallidum 128"
    one = scan(tmp_path, "sub-01")
    record = Record(one.name, DONE, "key", {}, facts={"chi_ppb": told})
    page = write_overview([one], {one.name: record}, {}, tmp_path).read_text(encoding="utf-8")
    assert "<th>χ of regions [ppb]</th>" in page
    assert f"<td>{told}</td>" in page
    with (tmp_path / "overview.tsv").open(encoding="utf-8", newline="") as table:
        assert [each["chi_ppb"] for each in csv.DictReader(table, delimiter="\t")] == [told]


@pytest.mark.long
def test_regions_of_a_batch_are_read_and_told(tmp_path: Path) -> None:
    grid = Geometry((38, 50, 42), (5.0, 4.5, 4.5), np.eye(3)[::-1])
    head, te_s = drawn_head(grid), (0.004, 0.010, 0.016)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in grid.shape), indexing="ij")
    random = np.random.default_rng(4)
    tree, labels, output = (tmp_path / name for name in ("tree", "labels", "output"))
    tree.mkdir()
    labels.mkdir()
    affine = np.diag([-4.5, -4.5, 5.0, 1.0])  # the grid's axes are LPS
    for echo, te in enumerate(te_s, start=1):
        noise = random.standard_normal((2, *grid.shape)) * 0.01
        signal = head.magnitude * np.exp((40j * (x + y * z) - 20) * te) + noise[0] + 1j * noise[1]
        for part, values in (("mag", np.abs(signal)), ("phase", np.angle(signal))):
            stem = tree / f"sub-7_echo-{echo}_part-{part}_MEGRE"
            nib.Nifti1Image(values.T.astype(np.float32), affine).to_filename(f"{stem}.nii.gz")
            facts = {"EchoTime": te, "MagneticFieldStrength": 3.0}
            stem.with_name(f"{stem.name}.json").write_text(json.dumps(facts))
    numbers = np.zeros(grid.shape, np.uint8)
    numbers[17:21, 22:28, 14:19] = 3
    nib.Nifti1Image(numbers.T, affine).to_filename(labels / "sub-7.nii.gz")
    (labels / "sub-7.json").write_text(json.dumps({"3": "caudate"}))
    words = [str(tree), "-o", str(output), "--labels", str(labels), "--set", "quality=fast"]

    assert main(["batch", *words, "--set", "MakeReadings.readings=iron"]) == 0

    overview = output / "code" / "streamrecon" / "overview.tsv"
    with overview.open(encoding="utf-8", newline="") as table:
        (only,) = csv.DictReader(table, delimiter="\t")
    assert re.fullmatch(r"caudate -?\d+", only["chi_ppb"]), only

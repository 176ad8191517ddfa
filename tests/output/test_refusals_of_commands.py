"""`streamrecon analyze` says what it lacks: a wrong option leaves no report, a scan its reason."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from map_files import oblique_grid, write_map

from streamrecon.analysis.reading import Outcome, Reading, Value
from streamrecon.cli import main
from streamrecon.commands.study_inputs.fibre_files import FSL, read_directions, read_on_grid
from streamrecon.errors import ConfigError
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.nifti import write_nifti
from streamrecon.output.readings.report import add_reading
from streamrecon.output.readings.report_model import CohortRow, ScanRow

GRID = oblique_grid()
ELSEWHERE = Geometry(GRID.shape, GRID.voxel_mm, GRID.axes_lps, (4.0, -7.5, 13.0))
SCAN = ScanRow(
    name="maps", shape=GRID.shape, voxel_mm=GRID.voxel_mm, b0_axis=(1, 0, 0), b0_t=3.0,
    te_s=(0.005,),
)  # fmt: skip
COHORT = CohortRow(name="table", patients=5, lines=9)
LESION = Value(subject="lesion 1", name="moment", number=3.0, unit="ppm mm3")
TEXTS = {
    "wrong.txt": "no matrix",
    "stretched.txt": "2 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n",
    "broken.nii": "no image",
    "events.tsv": "onset\tduration\n0\t10\n",
    "holed.tsv": "onset\tduration\n0\tn/a\n",
    "endless.tsv": "onset\n0\n",
    "norms.tsv": "region\tquantity\treference\tmean\npallidum\tchi\tCSF\t1\n",
    "head.tsv": "patient\tclass\tx\n",
    "three.tsv": "patient\tclass\tx\na\tbleed\t1\nb\tcalcification\t2\nc\tvessel\t3\n",
    "long.tsv": "patient\tclass\tx\na\tbleed\t1\t2\n",
    "blank.tsv": "patient\tclass\tx\na\t\t1\n",
    "words.tsv": "patient\tclass\tx\na\tbleed\tmuch\nb\tcalcification\t2\n",
    "unread.tsv": (
        "patient\tclass\tlesion\treport\na\tbleed\t1\tbroken.nii\nb\tstone\t2\tbroken.nii\n"
    ),
    "missed.tsv": (
        "patient\tclass\tlesion\treport\n"
        "a\tbleed\t2\tlesions/analysis.json\nb\tstone\t3\tlesions/analysis.json\n"
    ),
    "timeless.tsv": "patient\tyears\treport\na\tn/a\tlesions/analysis.json\n",
    "free.tsv": "patient\tyears\ttreatment\treport\na\t0\tn/a\tlesions/analysis.json\n",
    "course.tsv": "patient\tyears\treport\na\t0\tlesions/analysis.json\n",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of maps whose second echo has no phase, one that is poor, and files to go wrong."""
    place = tmp_path_factory.mktemp("refusals")
    chi = np.random.default_rng(0).normal(0, 0.01, GRID.shape).astype(np.float32)
    facts = {"MagneticFieldStrength": 3.0}
    for folder in ("maps", "poor"):
        write_map(place / folder, "s_Chimap", Quantity.CHI, chi, GRID, **facts)
    for name, quantity, te_s in (
        ("s_mag1", Quantity.MAGNITUDE, 4e-3), ("s_mag2", Quantity.MAGNITUDE, 8e-3),
        ("s_phase1", Quantity.PHASE, 4e-3),
    ):  # fmt: skip
        write_map(place / "maps", name, quantity, np.ones_like(chi), GRID, EchoTime=te_s, **facts)
    other = chi + np.float32(0.1)
    write_map(place / "weak", "s_Chimap", Quantity.CHI, other, GRID, MagneticFieldStrength=1.5)
    write_map(place / "bare", "s_mag1", Quantity.MAGNITUDE, np.ones_like(chi), GRID, **facts)
    write_map(place / "maps", "s_R2starmap", Quantity.R2_STAR, np.full_like(chi, 20), GRID, **facts)
    for name in ("mag1", "mag2"):
        write_map(place / "poor", f"s_{name}", Quantity.MAGNITUDE, np.ones_like(chi), GRID, **facts)
    for name, values, grid in (
        ("ones", np.ones_like(chi), GRID), ("none", np.zeros_like(chi), GRID),
        ("elsewhere", np.ones_like(chi), ELSEWHERE),
    ):  # fmt: skip
        write_nifti(place / f"{name}.nii.gz", values, grid)
    for name, tr_s in (("timeless", 0), ("quick", 1e-3), ("series", 2.0)):
        image = nibabel.Nifti1Image(np.ones((4, 5, 6, 12), np.float32), np.eye(4))
        image.header.set_xyzt_units("mm", "sec" if tr_s else "unknown")
        image.header["pixdim"][4] = tr_s
        image.to_filename(place / f"{name}.nii.gz")
    for name, text in TEXTS.items():
        (place / name).write_text(text, encoding="utf-8")
    (place / "latin.tsv").write_bytes("patient\tcläss\tx\na\tb\t1\n".encode("latin-1"))
    given = Reading(kind="lesions", outcome=Outcome.GIVEN, method="", values=(LESION,))
    add_reading(place / "lesions", given, SCAN, sources={})
    add_reading(place / "study", given, COHORT, sources={})
    study = Reading(kind="iron", outcome=Outcome.GIVEN, method="", values=(LESION,))
    add_reading(place / "study", study, COHORT, sources={})
    return place


CMRO2 = "cmro2 maps --yv 0.6"
STI = "sti maps maps --v1 ones.nii.gz --fa ones.nii.gz"
BOLD = "bold --bold series.nii.gz --vein ones.nii.gz --events events.tsv"
ROC = "lesion-roc {} --group patient --positive bleed --magnitude x --susceptibility x"
WRONG = [
    ("sources maps --r2 -1", "--r2: found -1, needed a file or a rate"),
    ("sources maps --r2 0.07", "--r2: found 0.07, needed a file or a rate in 1/s"),
    ("cmro2 maps --yv 0.6 --cbf-value 0.8", "flow of brain: found 0.8, needed ml/100 g/min"),
    ("sources maps --r2 elsewhere.nii.gz", "lies on another grid than the maps"),
    ("iron maps --labels ones.nii.gz --norms norms.tsv", "norms.tsv: found no column sd"),
    ("iron maps --labels ones.nii.gz --norms ones.nii.gz", "ones.nii.gz: cannot be read"),
    ("qc bare --dicom", "found no images to refer to, needed chi"),
    (f"{STI} --vectors fsl --least-fa 2", "--least-fa: found 2.0, needed between 0 and 1"),
    ("cmro2 maps --yv 1.5 --cbf-value 50", "--yv: found 1.5, needed a fraction of 0 to 1"),
    (f"{CMRO2} --cbf-value 50 --territory-yv pons", "needed NAME=YV or NAME=YV,SD"),
    (f"{CMRO2} --cbf-value 50 --territory-yv pons=1.5", "needed NAME=YV or NAME=YV,SD"),
    (f"{CMRO2} --cbf broken.nii", "broken.nii: cannot be read"),
    (f"{CMRO2} --cbf series.nii.gz", "needed 3 dimensions"),
    (f"{CMRO2} --cbf elsewhere.nii.gz", "elsewhere.nii.gz: lies on another grid than the maps"),
    (f"{CMRO2} --cbf none.nii.gz", "found no blood flow inside the brain"),
    (f"{BOLD} --to-bold wrong.txt --magnitude ones.nii.gz", "found both, needed one"),
    (BOLD.replace("series", "timeless"), "found no time between volumes; give it in s by --tr"),
    (BOLD.replace("series", "quick"), "TR: found 0.001 s"),
    (BOLD.replace("series", "ones"), "found 3 dimensions, needed 4"),
    (f"{BOLD} --to-bold wrong.txt", "wrong.txt: cannot be read as a matrix"),
    (f"{BOLD} --to-bold stretched.txt", "stretched.txt: found no rigid motion"),
    (BOLD.replace("events.tsv", "holed.tsv"), "found an event without onset or duration"),
    (BOLD.replace("events.tsv", "endless.tsv"), "found columns onset, needed duration"),
    (ROC.format("head.tsv"), "head.tsv: found no line below the head"),
    (ROC.format("latin.tsv"), "latin.tsv: found no text, needed a table in UTF-8"),
    (ROC.format("long.tsv"), "line 2: found 4 columns, needed 3"),
    (ROC.format("blank.tsv"), "line 2: found no class"),
    (ROC.format("words.tsv"), "line 2: x: found 'much', needed a number"),
    (ROC.format("three.tsv"), "needed two classes, one of them bleed"),
    (ROC.format("missed.tsv"), "line 2: its report has no lesion 2"),
    ("iron-long timeless.tsv --reference brain", "years: found visits without a time"),
    ("iron-long free.tsv --reference brain", "treatment: found visits without it"),
]
"""Words of the command, and what it says: nothing is written."""

REFUSED = [
    ("qc maps", "found 2 magnitudes and 1 phases, needed both of every echo"),
    ("oximetry maps", "found 2 magnitudes and 1 phases, needed both of every echo"),
    ("oximetry poor", "needed an EchoTime of its own for each"),
    ("sources poor", "found no r2star"),
    ("lesions maps", "found no local_field"),
    ("rims maps --lesions none.nii.gz", "no lesion was found in the mask"),
    ("rims maps --lesions ones.nii.gz --flair elsewhere.nii.gz", "another grid than the lesions"),
    ("change maps --labels ones.nii.gz --baseline lesions/analysis.json", "found no iron reading"),
    ("change maps --labels ones.nii.gz --baseline study/analysis.json", "the report of a study"),
    ("iron maps --labels ones.nii.gz --reference csf", "no region of the reference CSF"),
    (BOLD.replace("ones", "series"), "found 4 dimensions, needed 3"),
    (ROC.format("unread.tsv"), "cannot be read as a report of readings"),
    ("cosmos maps weak", "weak: found 1.50 T, needed 3.00 T"),
    ("iron-long course.tsv --reference brain", "found no iron reading"),
]
"""Words of the command, and the reason in its report."""


def words_in(place: Path, text: str, output: Path) -> list[str]:
    """The command's words, names of files made whole."""
    analysis, *words = text.split()
    words = [str(place / word) if (place / word).exists() else word for word in words]
    return ["analyze", analysis, *words, "-o", str(output)]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[said for _, said in WRONG])
def test_a_wrong_option_or_file_is_an_error_and_leaves_no_report(
    text: str, said: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(words_in(place, text, tmp_path))

    assert status != 0
    assert said in capsys.readouterr().err
    assert not (tmp_path / "analysis.json").exists()


@pytest.mark.parametrize(("text", "said"), REFUSED, ids=[text[:40] for text, _ in REFUSED])
def test_a_scan_that_cannot_be_read_is_a_report_with_its_reason(
    text: str, said: str, place: Path, tmp_path: Path
) -> None:
    status = main(words_in(place, text, tmp_path))

    (reading,) = json.loads((tmp_path / "analysis.json").read_text())["readings"]
    assert (status, reading["outcome"], reading["values"]) == (2, "refused", [])
    assert any(said in reason for reason in reading["reasons"])


def test_directions_are_three_numbers_a_voxel_and_their_fraction_is_one(place: Path) -> None:
    with pytest.raises(ConfigError, match=r"ones.nii.gz: found .*, needed three numbers a voxel"):
        read_directions(place / "ones.nii.gz", FSL, GRID, None)
    with pytest.raises(ConfigError, match=r"series.nii.gz: found 4 dimensions, needed 3"):
        read_on_grid(place / "series.nii.gz", GRID, None)

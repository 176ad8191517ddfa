"""A cohort is reconstructed, ended, and gone on with; the results are a BIDS data set."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

import nibabel as nib
import numpy as np
import pytest
import small_cohort
from distributed import Client
from PIL import Image
from small_cohort import alike, one_worker, results, wait_for_a_scan, words

from streamrecon.cli import main

raw, done = small_cohort.raw, small_cohort.done


def copied(done: Path, tmp_path: Path) -> Path:
    return shutil.copytree(done, tmp_path / "out")


def test_the_results_are_those_of_replay(raw: Path, done: Path, tmp_path: Path) -> None:
    assert (
        main(["replay", str(raw / "sub-02.h5"), "--config", "gre_recon", "-o", str(tmp_path)]) == 0
    )

    for path in tmp_path.rglob("*.nii.gz"):
        ours = done / "sub-02" / "anat" / f"sub-02_{path.name.partition('_')[2]}"
        np.testing.assert_array_equal(nib.load(ours).dataobj, nib.load(path).dataobj)
        np.testing.assert_array_equal(nib.load(ours).affine, nib.load(path).affine)


def test_sidecars_say_what_made_them_without_the_place_of_the_tree(raw: Path, done: Path) -> None:
    text = (done / "sub-01/anat/sub-01_echo-1_part-mag_MEGRE.json").read_text(encoding="utf-8")

    provenance = json.loads(text)["Provenance"]
    assert provenance["Command"][:3] == ["streamrecon", "replay", "sub-01.h5"]
    assert list(provenance["Inputs"]) == ["sub-01.h5"]
    assert str(raw) not in text


def test_what_is_done_is_not_done_again(
    raw: Path, done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = copied(done, tmp_path)
    lost = output / "sub-01/anat/sub-01_echo-1_part-mag_MEGRE.nii.gz"
    lost.unlink()

    assert main(words(raw, output)) == 0

    assert "1 done now, 1 before, 0 failed" in capsys.readouterr().err
    assert alike(results(output), results(done))


def test_a_touched_file_is_known_by_its_contents(
    raw: Path, done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = shutil.copytree(raw, tmp_path / "moved", copy_function=shutil.copyfile)

    assert main(words(tree, copied(done, tmp_path))) == 0

    assert "0 done now, 2 before" in capsys.readouterr().err


def test_results_of_other_files_or_settings_are_kept(
    raw: Path, done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, before = copied(done, tmp_path), results(done)
    tree = shutil.copytree(raw, tmp_path / "swapped")
    (tree / "sub-01.h5").rename(tree / "x")
    (tree / "sub-02.h5").rename(tree / "sub-01.h5")
    (tree / "x").rename(tree / "sub-02.h5")

    assert main(words(tree, output)) == 1
    assert main(words(raw, output, "--set", "magnitude=false")) == 1

    messages = capsys.readouterr().err
    assert messages.count("results of other files are there") == 4  # each when met, and at the end
    assert messages.count("results of other settings") == 4
    assert alike(results(output), before)


def test_files_that_a_stranger_put_there_are_kept(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = tmp_path / "sub-01" / "anat" / "sub-01_Chimap.nii.gz"
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(b"somebody's")

    assert main(words(raw, tmp_path, "--only", "sub-01")) == 1

    assert "without a record" in capsys.readouterr().err
    assert stranger.read_bytes() == b"somebody's"


def test_a_broken_scan_costs_itself_alone(
    raw: Path, done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = shutil.copytree(raw, tmp_path / "raw")
    (tree / "sub-03.h5").write_bytes(b"no scan")
    (tree / "sub-04_part-mag_MEGRE.nii").write_bytes(b"half of a pair")

    assert main(words(tree, copied(done, tmp_path))) == 1

    said = capsys.readouterr().err
    assert "[4/4] sub-03: failed: [protocol] found an unknown" in said
    assert "sub-04: refused: sub-04_MEGRE: found part mag, needed phase and mag" in said
    table = (tmp_path / "out/code/streamrecon/overview.tsv").read_text(encoding="utf-8")
    assert [line.split("\t")[:2] for line in table.splitlines()[1:]] == [
        ["sub-01", "done"], ["sub-02", "done"], ["sub-03", "failed"], ["sub-04", "refused"],
    ]  # fmt: skip
    lights = [line.split("\t")[2] for line in table.splitlines()[1:]]
    assert lights == ["unjudged", "unjudged", "red", "red"]  # nobody read the quality of these maps


def test_a_record_that_cannot_be_read_costs_its_scan(
    raw: Path, done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = copied(done, tmp_path)
    (output / "code/streamrecon/records/sub-01.json").write_text("cut")

    assert main(words(raw, output)) == 1

    message = capsys.readouterr().err
    assert "sub-01: refused: code/streamrecon/records/sub-01.json: is no record" in message
    assert "0 done now, 1 before, 0 failed, 1 refused" in message
    table = (output / "code/streamrecon/overview.tsv").read_text(encoding="utf-8")
    assert [line.split("\t")[:2] for line in table.splitlines()[1:]] == [
        ["sub-01", "refused"], ["sub-02", "done"],
    ]  # fmt: skip


def test_the_overview_shows_a_picture_of_every_scan(done: Path) -> None:
    page = (done / "code/streamrecon/overview.html").read_text(encoding="utf-8")

    for name in ("sub-01", "sub-02"):
        with Image.open(done / f"code/streamrecon/thumbnails/{name}.png") as picture:
            magnitude, swi, chi = (picture.crop((x, 0, x + 64, 64)) for x in (0, 64, 128))
            assert np.asarray(magnitude).max() > 200
            assert swi.getbbox() is None  # gre_recon makes no SWI and no χ
            assert chi.getbbox() is None
        assert f'src="thumbnails/{name}.png"' in page


@pytest.mark.long
def test_one_that_is_killed_is_gone_on_with(raw: Path, done: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streamrecon", *words(raw, tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as batch:
        scratch = wait_for_a_scan(tmp_path)
        batch.send_signal(signal.SIGKILL)

    assert main(words(raw, tmp_path)) == 0
    assert alike(results(tmp_path), results(done))
    assert not scratch.exists()


def test_two_runs_in_one_output_are_refused(
    raw: Path, done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = copied(done, tmp_path)
    with (output / "code/streamrecon/lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert main(words(raw, output)) == 2

    assert "another run works in this output" in capsys.readouterr().err


@pytest.mark.long
def test_a_cluster_gives_what_one_machine_gives(raw: Path, done: Path, tmp_path: Path) -> None:
    """Dask's own scheduler and worker on loopback."""
    with one_worker(processes=False) as cluster:
        assert main(words(raw, tmp_path, "--scheduler", cluster.scheduler_address)) == 0

    assert alike(results(tmp_path), results(done))


@pytest.mark.long
def test_a_worker_that_is_killed_costs_nothing_but_time(
    raw: Path, done: Path, tmp_path: Path
) -> None:
    """Its nanny starts another one, and what the first left half done is not there in the end."""
    killed = []

    def kill(client: Client) -> Path:
        scratch = wait_for_a_scan(tmp_path)
        killed.extend(client.run(os.getpid).values())
        os.kill(killed[0], signal.SIGKILL)
        return scratch

    with (
        patch.dict(os.environ),  # Dask sets variables here, too
        one_worker(processes=True) as cluster,
        Client(cluster, set_as_default=False) as client,  # type: ignore[no-untyped-call]
        ThreadPoolExecutor(1) as other,
    ):
        death = other.submit(kill, client)
        assert main(words(raw, tmp_path, "--scheduler", cluster.scheduler_address)) == 0
        scratch = death.result()

    assert killed != [os.getpid()]
    assert alike(results(tmp_path), results(done))
    assert not scratch.exists()


def test_a_scheduler_that_is_not_there_is_named(
    raw: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(raw, tmp_path, "--scheduler", "tcp://127.0.0.1:1")) == 2

    assert "--scheduler tcp://127.0.0.1:1" in capsys.readouterr().err

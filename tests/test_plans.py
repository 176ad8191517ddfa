"""Plans kept by one process and taken over by the next."""

import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyfftw
import pytest

from streamrecon.commands.worker_setup import keep_plans, recall_plans
from streamrecon.fourier import fft

SCRIPT = """
import sys, numpy, pyfftw
from pathlib import Path
from streamrecon.commands.worker_setup import keep_plans, recall_plans
from streamrecon.fourier import fft
storage, size = Path(sys.argv[1]), int(sys.argv[2])
recall_plans(storage)
fft(numpy.ones((size, size), numpy.complex64), (0, 1))
keep_plans(storage)
"""


def measure(storage: Path, size: int) -> int:
    """Plans kept after a process has transformed a square of that size."""
    subprocess.run([sys.executable, "-c", SCRIPT, str(storage), str(size)], check=True)
    return (storage / "fftw.wisdom").read_text().count("fftwf_codelet")


def test_plans_of_several_processes_add_up_in_a_private_folder(tmp_path: Path) -> None:
    storage = tmp_path / "state"

    first = measure(storage, 30)
    second = measure(storage, 77)
    again = measure(storage, 30)

    assert 0 < first < second
    assert again == second
    assert [file.name for file in storage.iterdir()] == ["fftw.wisdom"]
    assert stat.S_IMODE(storage.stat().st_mode) == 0o700


def test_without_storage_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = pyfftw.export_wisdom()

    recall_plans(None)
    keep_plans(None)

    assert list(tmp_path.iterdir()) == []
    assert pyfftw.export_wisdom() == before


def test_a_damaged_file_is_passed_over_and_replaced_by_a_good_one(tmp_path: Path) -> None:
    file = tmp_path / "fftw.wisdom"
    file.write_bytes(b"no wisdom")
    fft(np.ones((3, 5), np.complex64), (0, 1))
    before = pyfftw.export_wisdom()

    recall_plans(tmp_path)
    after = pyfftw.export_wisdom()
    keep_plans(tmp_path)

    assert after == before
    assert file.read_bytes() == before[1]

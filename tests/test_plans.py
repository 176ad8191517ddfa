"""Plans kept by one process and taken over by the next."""

import stat
import subprocess
import sys
from pathlib import Path

from streamrecon.commands.worker_setup import keep_plans, recall_plans

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


def test_without_storage_nothing_is_kept() -> None:
    recall_plans(None)
    keep_plans(None)


def test_a_damaged_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "fftw.wisdom").write_bytes(b"no wisdom")

    recall_plans(tmp_path)

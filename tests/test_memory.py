"""Memory is that of the smallest group around the process, in both forms the kernel has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import psutil
import pytest

from streamrecon.machine.memory import available_bytes, bytes_of_each, give_back_freed, memory_kills

MIB = 1 << 20


def test_freed_arrays_are_given_back() -> None:
    """Arrays of a size that the C library keeps, each second one freed: holes, no end."""
    np.ones(3 << 21, np.float32)  # glibc keeps what is smaller than the largest that it saw freed
    held = [np.ones(1 << 20, np.float32) for _ in range(16)]
    del held[::2]
    before = psutil.Process().memory_info().rss

    give_back_freed()

    assert psutil.Process().memory_info().rss <= before
    assert all((array == 1).all() for array in held)


def machine(tmp_path: Path, groups: str, files: dict[str, str]) -> tuple[Path, Path]:
    """Memberships and the mounted groups of a machine."""
    memberships, root = tmp_path / "cgroup", tmp_path / "fs"
    memberships.write_text(groups)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return memberships, root


@pytest.mark.parametrize(
    ("groups", "files", "limit_mib"),
    [
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": f"{300 * MIB}\n"}, 300),
        ("0::/not/mounted\n", {"memory.max": f"{200 * MIB}\n"}, 200),
        (
            "5:devices:/\n4:memory:/x\n0::/\n",
            {"memory/x/memory.limit_in_bytes": f"{100 * MIB}", "devices/memory.max": "1"},
            100,
        ),
        (
            "4:cpu,memory:/x\n",
            {
                "memory/x/memory.limit_in_bytes": f"{100 * MIB}",
                "memory/memory.limit_in_bytes": f"{50 * MIB}",
            },
            50,
        ),
    ],
)
def test_the_least_limit_around_the_process_counts(
    tmp_path: Path, groups: str, files: dict[str, str], limit_mib: int
) -> None:
    assert available_bytes(*machine(tmp_path, groups, files)) == int(0.9 * limit_mib * MIB)


def test_without_a_limit_it_is_the_machines(tmp_path: Path) -> None:
    unlimited = {"memory/memory.limit_in_bytes": "9223372036854771712\n"}
    found = available_bytes(*machine(tmp_path, "4:memory:/\n", unlimited))

    assert found == int(0.9 * psutil.virtual_memory().total)


def test_processes_share_evenly() -> None:
    assert bytes_of_each(4) == available_bytes() // 4


def test_kills_are_counted_in_the_groups_and_on_the_machine(tmp_path: Path) -> None:
    files = {"a/memory.events": "low 0\noom 3\noom_kill 2\n"}
    memberships, root = machine(tmp_path, "0::/a\n", files)
    system = tmp_path / "vmstat"
    system.write_text("nr_free_pages 5\noom_kill 7\n")

    assert memory_kills(memberships, root, system) == 9
    assert memory_kills(memberships, root, tmp_path / "none") == 2

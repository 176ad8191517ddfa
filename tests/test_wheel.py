"""What a wheel holds, and that it runs where a folder has modules of the same old names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import time
import venv
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import pytest
from context import raw_label
from fire_dicom import dicom_of
from mrd_clients import fire_client
from narrowing import given
from root_folder import USER, Recipe, RootFolder
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate

ROOT = Path(__file__).parents[1]
PACKAGES = {
    "streamrecon": ROOT / "streamrecon",
    "streamrecon/chains": ROOT / "config",
    "streamrecon_gadgets": ROOT / "gadgets" / "streamrecon_gadgets",
    "streamrecon_simulator": ROOT / "simulator" / "streamrecon_simulator",
}
_DECOY = "raise RuntimeError('a module of the folder was imported')\n"
_PATIENCE_S = 100.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def run(*words: object, cwd: Path, env: dict[str, str] | None = None) -> str:
    """What a command says; it must end well."""
    done = subprocess.run(
        [str(word) for word in words], cwd=cwd, capture_output=True, text=True, check=False,
        timeout=400, env=env,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def _builds_here() -> bool:
    """Whether this environment has what `build-system` in pyproject.toml asks for."""
    try:
        return int(version("setuptools").partition(".")[0]) >= 77
    except PackageNotFoundError:
        return False


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of a clean copy of the sources, so that nothing is left of earlier builds."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    own = ["--no-build-isolation"] if _builds_here() else []
    run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *own, "-w", target, ".",
        cwd=source,
    )  # fmt: skip
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def home(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment that has the wheel, and borrows the dependencies of this one."""
    folder = tmp_path_factory.mktemp("home") / "env"
    venv.create(folder, with_pip=False)
    folder_of = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "lib" / folder_of / "site-packages"
    python = folder / "bin" / "python"
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps",
        "--no-index", wheel, cwd=folder,
    )  # fmt: skip
    # a path entry, not a site folder: an editable install of ours in there stays without effect
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with modules of the names that were ours once."""
    folder = tmp_path_factory.mktemp("decoys")
    (folder / "config.py").write_text(_DECOY)
    for name in ("gadgets", "simulator"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(_DECOY)
        (folder / name / "__main__.py").write_text(_DECOY)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Without settings of this machine; decoys are on the path as a careless user has them."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("STREAMRECON_")}
    return {**kept, "PYTHONPATH": str(folder), "XDG_STATE_HOME": str(folder / "state")}


def test_the_wheel_holds_every_module_chain_file_and_stub_and_nothing_generic(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        held = set(file.namelist())

    wanted = {
        f"{name}/{path.relative_to(folder)}"
        for name, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.suffix in {".py", ".pyi", ".xml"} or path.name == "py.typed"
    }
    assert wanted - held == set()
    assert len(wanted) > 300
    tops = {name.split("/")[0] for name in held}
    assert {re.sub(r"-[^/]*\.dist-info$", ".dist-info", top) for top in tops} == {
        "streamrecon",
        "streamrecon_gadgets",
        "streamrecon_simulator",
        "streamrecon.dist-info",
    }


def test_what_runs_is_the_wheel(home: Path, elsewhere: Path) -> None:
    where = "import streamrecon, streamrecon_gadgets as g; print(streamrecon.__file__, g.__file__)"

    said = run(home / "bin" / "python", "-c", where, cwd=elsewhere, env=environment(elsewhere))

    assert all(path.startswith(str(home)) for path in said.split())


def test_check_simulate_serve_and_send_run_beside_decoys(home: Path, elsewhere: Path) -> None:
    env = environment(elsewhere)
    bin_ = home / "bin"

    assert "EchoImages" in run(bin_ / "streamrecon", "check", "gre_recon", cwd=elsewhere, env=env)
    run(
        bin_ / "streamrecon-simulate", "write", "tiny", "-o", "tiny.h5", cwd=elsewhere, env=env
    )  # fmt: skip
    service = subprocess.Popen(
        [bin_ / "streamrecon", "serve", "--port", "0"], stdout=subprocess.PIPE, text=True,
        cwd=elsewhere, env=env,
    )  # fmt: skip
    try:
        address = re.findall(r"127\.0\.0\.1:\d+", given(service.stdout).readline())[0]
        run(
            bin_ / "streamrecon", "send", "tiny.h5", "--config", "gre_recon", "--to", address,
            "-o", "out", cwd=elsewhere, env=env,
        )  # fmt: skip
    finally:
        service.terminate()
        end = time.monotonic() + _PATIENCE_S
        while service.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        service.kill()
        service.communicate()
    assert service.returncode == 0
    assert len(list((elsewhere / "out").glob("*part-mag_MEGRE.nii.gz"))) == 2


@pytest.mark.privileged
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
def test_a_console_starts_it_in_a_root_folder_and_has_its_images(
    home: Path, tmp_path: Path
) -> None:
    """As an OpenRecon host does: the recipe's command and variables, the label's parameters."""
    root = RootFolder(tmp_path / "root")
    root.make(home)
    recipe = Recipe.read(CONSOLE="openrecon")
    environment = recipe.environment | {
        "STREAMRECON_PORT": "0", "STREAMRECON_HOST": "127.0.0.1", "STREAMRECON_THREADS": "1"
    }  # fmt: skip
    scan = list(simulate(SCENES["tiny"]).messages())
    shown = {each["id"]: each["default"] for each in raw_label()["parameters"]}

    service = root.start(recipe.command, environment, stdout=subprocess.PIPE)
    try:
        port = int(re.findall(r"127\.0\.0\.1:(\d+)", given(service.stdout).readline())[0])
        worker = psutil.Process(service.pid)
        users = {worker.uids().effective, *(c.uids().effective for c in worker.children(True))}
        heard = fire_client(
            ("127.0.0.1", port),
            scan,
            config="openrecon",
            parameters=shown | {"config": "gre_recon"},
        )
    finally:
        service.terminate()
        service.communicate(timeout=_PATIENCE_S)
    files = [dicom_of(image) for image in heard.images]
    assert service.returncode == 0
    assert users == {USER}
    assert len(files) == 2 * 2 * SCENES["tiny"].matrix[0]
    assert None not in files
    assert not [text for text in heard.texts if text.startswith(("ERR", "WRN config"))]
    assert (root.folder / "tmp" / "share" / "streamrecon").stat().st_uid == USER

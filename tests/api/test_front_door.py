"""`import streamrecon as sr`: light, complete, typed."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

import streamrecon as sr

PROMISED = {
    "Geometry", "Quantity", "Server", "Volume", "invert", "local_field", "r2star", "read",
    "reconstruct", "send", "susceptibility", "swi", "total_field", "unwrap", "vein_mask", "write",
}  # fmt: skip
_NOT_FOR_OTHERS = (
    "streamrecon.commands",
    "streamrecon.commands.analyses",
    "streamrecon.commands.image_inputs",
    "streamrecon.commands.run_setup",
    "streamrecon.commands.study_inputs",
    "streamrecon.chains",
    "streamrecon.web.page",
    "streamrecon.mrd.wire.codecs",
)
PACKAGES = [
    module.name
    for module in pkgutil.walk_packages(sr.__path__, "streamrecon.")
    if module.ispkg and module.name not in _NOT_FOR_OTHERS
]
"""Sub-packages with functions for others: commands are run, chains are data, codecs a table."""


def loaded_by(statements: str) -> set[str]:
    """Modules that a new process has after the statements."""
    code = f"import sys; {statements}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_import_loads_nothing_heavy() -> None:
    modules = loaded_by("import streamrecon as sr; dir(sr); sr.__all__")

    ours = {name for name in modules if name.startswith("streamrecon")}
    assert ours == {"streamrecon", "streamrecon.lazy"}
    heavy = {"numpy", "numba", "scipy", "pydicom", "h5py", "nibabel", "rich", "pydantic", "asyncio"}
    assert not heavy & modules


def test_a_name_loads_its_own_room_and_not_the_others() -> None:
    modules = loaded_by("import streamrecon as sr; sr.Geometry; sr.Quantity")

    assert "streamrecon.model.geometry" in modules
    assert not {"numba", "scipy", "pydicom", "streamrecon_gadgets"} & modules


def test_the_product_never_loads_the_simulator() -> None:
    modules = loaded_by("import streamrecon as sr; [getattr(sr, name) for name in sr.__all__]")

    assert "streamrecon_gadgets" in modules
    assert not {name for name in modules if name.startswith("streamrecon_simulator")}


def test_everything_that_is_promised_is_there_and_documented() -> None:
    listed: list[str] = vars(sr)["__all__"]  # made of the stub, which has none
    assert set(listed) >= PROMISED
    for name in listed:
        found = getattr(sr, name)
        assert inspect.getdoc(found), name
        if inspect.isfunction(found):
            hints = inspect.signature(found)
            parameters = hints.parameters.values()
            assert hints.return_annotation is not inspect.Signature.empty, name
            assert all(each.annotation is not each.empty for each in parameters), name


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'streamrecon' has no attribute 'reconstrukt'"):
        _ = sr.reconstrukt  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", PACKAGES)
def test_every_sub_package_lists_its_functions_and_none_hides_behind_a_module(name: str) -> None:
    package = importlib.import_module(name)
    rooms = {module.name for module in pkgutil.iter_modules(package.__path__)}

    assert package.__all__
    assert not rooms & set(package.__all__)
    for each in package.__all__:
        assert not isinstance(getattr(package, each), types.ModuleType), each


def test_a_type_checker_sees_the_types(tmp_path: Path) -> None:
    mypy = pytest.importorskip("mypy.api")
    user = tmp_path / "notebook.py"
    user.write_text(
        "import streamrecon as sr\n"
        "reveal_type(sr.reconstruct('scan.h5'))\n"
        "reveal_type(sr.Geometry((1, 1, 1), (1.0, 1.0, 1.0), sr.read('x')[0].geometry.axes_lps))\n"
        "from streamrecon.qsm import invert_nothing\n"
    )

    said, _, status = mypy.run([str(user), "--cache-dir", str(tmp_path), "--follow-imports=silent"])

    assert status == 1
    assert 'Revealed type is "tuple[streamrecon.model.images.Volume, ...]"' in said.replace(
        "builtins.", ""
    )
    assert 'Revealed type is "streamrecon.model.geometry.Geometry"' in said
    assert 'has no attribute "invert_nothing"' in said

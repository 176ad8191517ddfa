"""Whatever parameter of whatever gadget does not fit, our words say where, what, and what would."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from narrowing import given
from streamrecon_gadgets import REGISTRY

from streamrecon import cli
from streamrecon.errors import ConfigError
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.parse import read_chain
from streamrecon.stream.registry import GadgetClass

WRONG = ("", "x y", "nan", "inf", "-1e9", "1e9", "0.5", "0 0 x", "<b>&", "é" * 500)
SAID = r"found ('.*'|\".*\"), (needed \S.*|which no image is called; (known:|did you mean) .*)"
FOREIGN = re.compile(r"[Ii]nput|valid\b|unable|parse|Tuple|Field required|Value error|\{|\}")
PARAMETERS = [(gadget, name) for gadget in REGISTRY.gadgets for name in gadget.model_fields]
CHAIN = """<configuration><version>2</version><readers/><writers/><stream key="main">
<gadget><name>{}</name>{}</gadget>
</stream></configuration>"""


def refusals(gadget: GadgetClass, name: str, *, by_client: bool = False) -> list[str]:
    """What is said of each text that does not fit."""
    said = []
    for text in WRONG:
        escaped = text.replace("&", "&amp;").replace("<", "&lt;")
        written = "" if by_client else f'<property name="{name}" value="{escaped}"/>'
        spec = read_chain(CHAIN.format(gadget.__name__, written), "site")
        overrides = {f"{gadget.__name__}.{name}": text} if by_client else {}
        try:
            build_chain(spec, REGISTRY, overrides=overrides)
        except ConfigError as e:
            said.append(str(e))
    return said


@pytest.mark.parametrize(("gadget", "name"), PARAMETERS)
def test_a_parameter_that_does_not_fit_is_told_in_our_words(gadget: GadgetClass, name: str) -> None:
    owner = gadget.__name__
    place = {
        False: rf"chain site: line 2: {owner}\.{name}: ",
        True: rf"chain site: parameter '{owner}\.{name}': {owner}\.{name}: ",
    }

    for by_client, where in place.items():
        said = refusals(gadget, name, by_client=by_client)
        # any text is a text, and a path is looked for when the scan is there
        assert said or gadget.model_fields[name].annotation is str
        for each in said:
            assert re.fullmatch(f"{where}{SAID}(; {SAID})*", each)
            assert not FOREIGN.search(re.sub(r"found '.*?',", "", each))
            assert len(each) < 1000


def test_no_parameter_takes_a_number_that_is_none() -> None:
    numbers = [
        (gadget, name)
        for gadget, name in PARAMETERS
        if "float" in str(gadget.model_fields[name].annotation)
    ]

    assert len(numbers) > 20
    for gadget, name in numbers:
        said = "\n".join(refusals(gadget, name))
        assert "found 'nan', needed" in said
        assert "found 'inf', needed" in said


def test_the_example_on_the_console_page_fits() -> None:
    page = resources.files("streamrecon.web.page") / "index.html"
    example = re.search(r'id="parameters"[^>]* placeholder="([^"=]+)=([^"]+)"', page.read_text())
    name, value = given(example).groups()
    chain = CHAIN.format(name.partition(".")[0], "")

    assert build_chain(chain, REGISTRY, overrides={name: value}).notices == ()


def test_check_and_replay_say_it_of_the_file_and_of_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "site.xml"
    wrong = '<property name="slab_mm" value="thick"/>'
    file.write_text(CHAIN.format("ProjectSlabs", wrong))
    right = tmp_path / "right.xml"
    right.write_text(CHAIN.format("ProjectSlabs", ""))
    scan = tmp_path / "scan.h5"
    scan.touch()
    replay = ["replay", str(scan), "-o", str(tmp_path / "out"), "--config", str(right), "--set"]

    assert cli.main(["check", str(file)]) == 2
    of_file = capsys.readouterr().err
    assert cli.main([*replay, "slab_mm=-8"]) == 2
    of_option = capsys.readouterr().err

    said = "ProjectSlabs.slab_mm: found 'thick', needed a number"
    assert f"error: chain {file}: line 2: {said}" in " ".join(of_file.split())
    said = "ProjectSlabs.slab_mm: found '-8', needed more than 0"
    assert f"error: chain {right}: parameter 'slab_mm': {said}" in " ".join(of_option.split())

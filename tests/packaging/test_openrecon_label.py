"""What a console shows of the service is what the service has."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from context import LABEL_NAME, context, images_label, raw_label
from narrowing import given
from openrecon_rules import faults_of
from streamrecon_gadgets import REGISTRY

import streamrecon
from streamrecon.model.notice import Level
from streamrecon.server.sessions.fire_parameters import read_parameters
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.library import find_chain_file

ROOT = Path(__file__).parents[2]
LABELS = [raw_label, images_label]


def defaults(label: dict[str, Any]) -> dict[str, object]:
    return {each["id"]: each["default"] for each in label["parameters"]}


@pytest.mark.parametrize("make", LABELS)
def test_a_label_keeps_to_the_rules_of_the_schema(make: Callable[[], dict[str, Any]]) -> None:
    label = make()

    assert faults_of(label) == []
    assert label["general"]["version"] == streamrecon.__version__
    assert label["reconstruction"]["port"] == 9002


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda label: label["parameters"].extend(deepcopy(label["parameters"])), "parameters"),
        (lambda label: label["parameters"][0].update(id="slab_mm"), "id"),
        (lambda label: label["parameters"][1].update(default="nothing"), "default"),
        (lambda label: label["parameters"][0]["values"][0].update(unit="1"), "members of a value"),
        (lambda label: label["parameters"][0]["values"][0]["name"].clear(), "for a value"),
        (lambda label: label["parameters"][1].update(id="config"), "two parameters"),
        (lambda label: label["general"].update(version="1"), "version"),
        (lambda label: label["reconstruction"].update(emitter="lines"), "emitter"),
    ],
)
def test_the_rules_refuse_what_breaks_them(
    spoil: Callable[[dict[str, Any]], object], word: str
) -> None:
    label = raw_label()

    spoil(label)

    assert any(word in fault for fault in faults_of(label))


@pytest.mark.parametrize("make", LABELS)
def test_every_value_of_every_parameter_is_one_of_the_chains(
    make: Callable[[], dict[str, Any]],
) -> None:
    label = make()
    (config, *others) = label["parameters"]
    chains = [value["id"] for value in config["values"]]
    used = set()
    for chain, parameter in product(chains, others):
        values = [value["id"] for value in parameter.get("values", ())]
        values += [parameter[name] for name in ("minimum", "maximum") if name in parameter]
        for value in [*values, parameter["default"]]:
            sent = defaults(label) | {"config": chain, parameter["id"]: value}
            parameters = given(read_parameters(json.dumps({"parameters": sent})))

            built = build_chain(find_chain_file(chain), REGISTRY, overrides=parameters)

            unknown = [n.text for n in built.notices if n.level is Level.WARNING]
            assert unknown == [], (chain, parameter["id"], value)
            idle = " ".join(n.text for n in built.notices if n.level is Level.INFO)
            used |= {parameter["id"]} - set(re.findall(r"\w+", idle))
    assert used == {parameter["id"] for parameter in others}, "a control without effect"


@pytest.mark.parametrize("make", LABELS)
def test_the_defaults_are_what_the_chains_do_anyway(make: Callable[[], dict[str, Any]]) -> None:
    label = make()
    for value in label["parameters"][0]["values"]:
        sent = defaults(label) | {"config": value["id"]}
        parameters = given(read_parameters(json.dumps({"parameters": sent})))
        document = find_chain_file(value["id"])

        asked = build_chain(document, REGISTRY, overrides=parameters)
        alone = build_chain(document, REGISTRY)

        for one, other in zip(asked.steps, alone.steps, strict=True):
            found, wanted = one.gadget.model_dump(), other.gadget.model_dump()
            # what a console would show anyway; a preview that is fast already is not made twice
            passed_over = {"bits", "preview", "outputs"}
            assert {k: v for k, v in found.items() if k not in passed_over} == {
                k: v for k, v in wanted.items() if k not in passed_over
            }


@pytest.mark.parametrize("kind", ["openrecon", "openrecon-images", "fire"])
def test_the_folder_has_all_that_the_recipe_copies(kind: str, tmp_path: Path) -> None:
    wheel = tmp_path / "streamrecon-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"wheel")

    commands = context(kind, wheel, tmp_path / "made")

    recipe = (tmp_path / "made" / "Containerfile").read_text()
    for pattern in re.findall(r"^COPY (?:--\S+ )?(.*) \S+$", recipe, re.MULTILINE):
        for name in pattern.split():
            assert list((tmp_path / "made").glob(name)), name
    assert commands[0].startswith("podman build")
    if kind == "fire":
        assert "LABEL" not in recipe
        return
    (coded,) = re.findall(rf'^LABEL "{re.escape(LABEL_NAME)}"="(\S+)"$', recipe, re.MULTILINE)
    assert faults_of(json.loads(base64.b64decode(coded))) == []

"""The help of every analysis says which options there must be."""

from __future__ import annotations

import argparse
import re
from importlib import import_module
from pathlib import Path

import pytest

from streamrecon.commands.analyze import ANALYSES


@pytest.mark.parametrize("analysis", ANALYSES)
def test_help_lists_under_needed_what_must_be_given_and_nothing_else(analysis: str) -> None:
    parser = argparse.ArgumentParser(analysis)
    import_module(f"streamrecon.commands.analyses.{analysis}").add(parser)

    needed = parser.format_help().split("needed:\n")[1].split("\n\n")[0]

    listed = set(re.findall(r"^ +(?:-\w \S+, )?(--[\w-]+)", needed, re.MULTILINE))
    optional = set(re.findall(r"\[(--[\w-]+)", parser.format_usage()))
    every = set(re.findall(r"--[\w-]+", parser.format_usage())) | {"--output"}
    assert listed == every - optional
    assert ("--labels" in listed) == (analysis in {"iron", "change"})


def test_iron_without_labels_is_a_wrong_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser("iron")
    import_module("streamrecon.commands.analyses.iron").add(parser)

    with pytest.raises(SystemExit):
        parser.parse_args([str(tmp_path), "-o", "out"])
    assert "--labels" in capsys.readouterr().err

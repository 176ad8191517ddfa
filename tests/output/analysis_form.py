"""What the published form of analysis.json would refuse in a report, as a validator reads it."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from jsonschema import Draft202012Validator


def faults_of_report(path: Path) -> list[str]:
    """Each fault with its place."""
    form = json.loads(
        files("streamrecon.output.readings").joinpath("analysis.schema.json").read_text()
    )
    Draft202012Validator.check_schema(form)
    found = Draft202012Validator(form).iter_errors(json.loads(path.read_text(encoding="utf-8")))
    return [f"{fault.json_path}: {fault.message}" for fault in found]

"""What the validator of BIDS says of a data set."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def errors_in(data_set: Path) -> list[str]:
    """Its errors, each with the file that has it."""
    validator = Path(sys.executable).with_name("bids-validator-deno")
    report = subprocess.run(
        [validator, str(data_set), "--json"], stdout=subprocess.PIPE, check=False
    ).stdout
    issues = json.loads(report)["issues"]["issues"]
    return [
        f"{issue['code']} {issue.get('location', '')}"
        for issue in issues
        if issue.get("severity") == "error"
    ]


def type_of(data_set: Path) -> str:
    """What it says that it is."""
    text = (data_set / "dataset_description.json").read_text(encoding="utf-8")
    return str(json.loads(text)["DatasetType"])

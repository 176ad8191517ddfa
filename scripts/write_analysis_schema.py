"""Writes the JSON Schema of analysis.json from the model that reads and writes it.

    python scripts/write_analysis_schema.py

The file is shipped; a test compares it with the model.
"""

from __future__ import annotations

import json
from pathlib import Path

from streamrecon.output.readings import report_model


def schema() -> str:
    """JSON Schema, draft 2020-12."""
    form = report_model.Report.model_json_schema()
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": report_model.RESEARCH,
    }
    return json.dumps(head | form, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    path = Path(report_model.__file__).with_name("analysis.schema.json")
    path.write_text(schema(), encoding="utf-8")

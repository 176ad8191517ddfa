"""Makes the folder in which a container engine builds the service's image for a console.

    python packaging/context.py openrecon --wheel dist/streamrecon-0.1.0-py3-none-any.whl
    python packaging/context.py openrecon-images --wheel WHEEL --output FOLDER
    python packaging/context.py fire --wheel WHEEL

The wheel is that of ``python -m pip wheel --no-deps .``. Printed is what builds the image and the
package of it; OpenRecon's package is a zip of the image and of a PDF with instructions for use.
"""

from __future__ import annotations

import argparse
import base64
import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LABEL_NAME = "com.siemens-healthineers.magneticresonance.openrecon.metadata:1.1.0"
"""Label of an OpenRecon image: the JSON in base64, of version 1.1.0 of the public schema."""

Label = dict[str, Any]
_OF_RAW = frozenset({"kind", "slabmm"})  # SWI is made of raw data alone


def raw_label() -> Label:
    """What the console shows where the host sends raw data."""
    text = (ROOT / "packaging" / "openrecon" / "OpenReconLabel.json").read_text(encoding="utf-8")
    label: Label = json.loads(text)
    return label


def images_label() -> Label:
    """What it shows where the host sends its own magnitude and phase images."""
    label = copy.deepcopy(raw_label())
    label["general"]["name"]["en"] = label["general"]["id"] = "streamreconimages"
    instructions = "GRE with magnitude and unfiltered phase of every echo, not the phase of SWI."
    label["general"]["regulatory_information"]["special_operating_instructions"] = instructions
    label["reconstruction"]["emitter"] = "image"
    del label["reconstruction"]["require_readout_filter_off"]
    chain, *others = (each for each in label["parameters"] if each["id"] not in _OF_RAW)
    chain["values"] = [{"id": "gre_qsm_images", "name": {"en": "QSM"}}]
    chain["default"] = "gre_qsm_images"
    outputs = others[0]
    outputs["values"] = [each for each in outputs["values"] if each["id"] in {"all", "QSM_ppb"}]
    originals = {
        "id": "originals",
        "label": {"en": "Send originals"},
        "type": "boolean",
        "default": True,
        "information": {"en": "Send the scanner's own images back as they came."},
    }
    correction = {
        "id": "correction",
        "label": {"en": "Correction"},
        "type": "choice",
        "values": [
            {"id": "without", "name": {"en": "Images without (ND)"}},
            {"id": "with", "name": {"en": "Images with (DIS, NORM)"}},
        ],
        "default": "without",
        "information": {"en": "Which are taken of images that come with and without a correction."},
    }
    label["parameters"] = [chain, originals, correction, *others]
    return label


LABELS: dict[str, Callable[[], Label] | None] = {
    "openrecon": raw_label,
    "openrecon-images": images_label,
    "fire": None,
}


def context(kind: str, wheel: Path, folder: Path) -> list[str]:
    """Fill the folder; the commands that build an image and its package."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(wheel, folder)
    shutil.copy(ROOT / "constraints.txt", folder)
    recipe = (ROOT / "packaging" / "Containerfile").read_text(encoding="utf-8")
    make_label = LABELS[kind]
    if make_label is None:
        shutil.copy(ROOT / "packaging" / "fire" / "start-streamrecon.sh", folder)
        recipe += "COPY --chmod=755 start-streamrecon.sh /opt/streamrecon/\n"
        (folder / "Containerfile").write_text(recipe, encoding="utf-8")
        build = f"podman build --build-arg CONSOLE=fire -t streamrecon-fire {folder}"
        return [build, "podman save streamrecon-fire -o streamrecon-fire.tar"]
    label = make_label()
    text = json.dumps(label, indent=2)
    (folder / "OpenReconLabel.json").write_text(text, encoding="utf-8")
    coded = base64.b64encode(text.encode()).decode()
    (folder / "Containerfile").write_text(f'{recipe}LABEL "{LABEL_NAME}"="{coded}"\n')
    return _package(label["general"], folder)


def _package(general: Label, folder: Path) -> list[str]:
    vendor, name, version = general["vendor"], general["name"]["en"], general["version"]
    tag = f"OpenRecon_{vendor}_{name}:V{version}".lower()
    base = f"OpenRecon_{vendor}_{name}_V{version}"
    return [
        f"podman build --platform linux/amd64 --format docker -t {tag} {folder}",
        f"podman save --format docker-archive {tag} -o {base}.tar",
        f"zip {base}.zip {base}.tar {base}.pdf",
    ]


def main() -> None:
    """Make the folder, print the commands."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("kind", choices=LABELS)
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path("out/container"))
    options = parser.parse_args()
    print("\n".join(context(options.kind, options.wheel, options.output)))


if __name__ == "__main__":
    main()

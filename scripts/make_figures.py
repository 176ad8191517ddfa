"""The pictures in the documentation: scans through the chain, drawn as their contact sheets.

The simulated head is always drawn; the real phantom only where the real scans lie beside the
repository, so that without them its picture stays as it is. Run it after a change of what images
or sheets look like, and look at the pictures before they are committed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from streamrecon_gadgets import REGISTRY
from streamrecon_simulator.write import demo_scan

from streamrecon.console import Watch
from streamrecon.output.preview.caption import caption_of
from streamrecon.output.preview.cuts import cuts_of
from streamrecon.output.preview.scan_sheet import contact_sheet
from streamrecon.output.preview.shown import shown_stack
from streamrecon.replay import replay
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.chainfile.library import find_chain_file

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
SHARED = Path(os.environ.get("STREAMRECON_SHARED", ROOT.parent / "shared" / "data"))
PHANTOM = SHARED / "raw-siemens" / "phantom3T_gre3echo_bipolar_1ch.h5"  # CC0
_COLOURS, _WIDEST = 256, 1050  # a third of a MB


def main() -> int:
    """Draw all pictures that can be drawn here."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        head = Path(scratch) / "head.h5"
        demo_scan(head)
        _draw(head, "gre_full", IMAGES / "demo_sheet.png")
    if PHANTOM.is_file():
        _draw(PHANTOM, "gre_recon", IMAGES / "phantom_sheet.png")
    else:
        print(f"{PHANTOM.name} is not here: its picture stays as it is")
    return 0


def _draw(scan: Path, config: str, picture: Path) -> None:
    harvest = replay(scan, build_chain(find_chain_file(config), REGISTRY), Watch(scan.name))
    caption = caption_of(harvest.stacks, harvest.protocol, harvest.name)
    sheet = contact_sheet(cuts_of(map(shown_stack, harvest.stacks)), caption)
    sheet.thumbnail((_WIDEST, _WIDEST))
    sheet.quantize(_COLOURS, kmeans=1).save(picture, optimize=True)
    print(picture.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(main())

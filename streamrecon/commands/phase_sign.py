"""`streamrecon phase-sign`: finds a scanner's phase sign by a phantom of known susceptibility."""

from __future__ import annotations

import argparse
from pathlib import Path

from streamrecon_gadgets.acquisition.combine import CombineCoils
from streamrecon_gadgets.acquisition.header import ReadHeader
from streamrecon_gadgets.acquisition.kspace import AssembleKSpace
from streamrecon_gadgets.acquisition.lines import WhitenNoise

from streamrecon.commands.run_setup.existing import there
from streamrecon.errors import ReconError
from streamrecon.maps.phase_sign_check import contrast_of_ball, lopsidedness
from streamrecon.model.images import Echoes
from streamrecon.mrd.files.open_scan import open_scan
from streamrecon.qsm.pipeline import Quality, susceptibility
from streamrecon.qsm.susceptibility_map import Susceptibility
from streamrecon.stream.run.chain import Chain
from streamrecon.stream.run.serial import Serial, Step

_DESCRIPTION = """\
Reconstruct the scan of a phantom whose objects are known to be paramagnetic, as vials of contrast
agent in water, and say which sign of the phase shows them so. A site does this once for each
scanner and each version of its software."""
_EPILOG = """\
Exit status: 0 the scan's own sign is right; 1 it is wrong; 2 the scan cannot tell.

examples:
  streamrecon phase-sign vials.h5
  streamrecon phase-sign vials.h5 --at -35 0 0 --radius 8
  streamrecon phase-sign glass-ball.h5 --at 10 0 5 --radius 10 --diamagnetic"""
_DECIDED = 0.3  # of all weight on one side
_DECIDED_SPREADS = 3.0


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", type=there, metavar="FILE", help="MRD file or stream of the scan")
    parser.add_argument(
        "--at", type=float, nargs=3, metavar=("L", "P", "S"),
        help="middle of one object in the scanner's coordinates, mm; without it all of them count",
    )  # fmt: skip
    parser.add_argument(
        "--radius", type=float, default=5.0, metavar="MM", help="its radius, mm (%(default)g)"
    )
    parser.add_argument(
        "--diamagnetic", action="store_true", help="the known objects are diamagnetic"
    )
    parser.add_argument("--group", metavar="NAME", help="group of the scan in the file (dataset)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Reconstruct, look, and say."""
    echoes = _echoes(options.file, options.group)
    own = echoes.scan.phase_sign
    seen, found = _side(_map(echoes), echoes, options)
    print(f"with phase sign {own}: {seen}")
    if found == 0:
        print("the scan cannot tell: name an object by --at and --radius, or make it stronger")
        return 2
    wanted = -1 if options.diamagnetic else 1
    kind = "diamagnetic" if options.diamagnetic else "paramagnetic"
    if found == wanted:
        print(f"phase sign {own.value:+d} shows it {kind}: the sign of this scan is right")
        return 0
    print(
        f"phase sign {-own.value:+d} would show it {kind}: the sign of this scan is WRONG\n"
        f"set phase_sign of AssembleKSpace, or the header's PhaseSign, to {-own.value:+d}"
    )
    return 1


def _echoes(path: Path, group: str | None) -> Echoes:
    """The combined echoes of the first volume."""
    made: list[object] = []
    gadgets = (ReadHeader(), WhitenNoise(), AssembleKSpace(), CombineCoils())
    chain = Chain(Serial(tuple(Step(type(gadget).__name__, gadget) for gadget in gadgets)))
    chain.run(open_scan(path, group), made.append)
    for item in made:
        if isinstance(item, Echoes):
            return item
    raise ReconError(f"{path.name}: found no volume to look at")


def _map(echoes: Echoes) -> Susceptibility:
    scan = echoes.scan
    return susceptibility(
        echoes.data,
        scan.echoes.times_s(),
        scan.b0_t,
        scan.geometry,
        quality=Quality.FAST,
        readout_polarity=scan.echoes.readout_polarity,
    )


def _side(found: Susceptibility, echoes: Echoes, options: argparse.Namespace) -> tuple[str, int]:
    """What is seen, and its sign; 0 where that is not sure."""
    chi, mask = found.map.chi_ppm, found.mask
    if options.at is None:
        lean = lopsidedness(chi, mask)
        seen = f"strong objects lean to {lean:+.2f} on a scale from -1 to +1"
        return seen, _sign(lean, _DECIDED)
    contrast, spread = contrast_of_ball(
        chi, mask, echoes.scan.geometry, centre_lps_mm=options.at, radius_mm=options.radius
    )
    seen = f"the object has {contrast:+.3f} ppm above its surroundings (their spread {spread:.3f})"
    return seen, _sign(contrast, _DECIDED_SPREADS * spread)


def _sign(value: float, least: float) -> int:
    if abs(value) < least:
        return 0
    return 1 if value > 0 else -1

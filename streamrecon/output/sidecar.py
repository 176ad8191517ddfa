"""Builds the BIDS JSON beside a NIfTI file, for what the file cannot hold."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

from streamrecon import __version__
from streamrecon.errors import DataError
from streamrecon.model.scan import ScanProtocol
from streamrecon.mrd.images import meta_keys as names
from streamrecon.mrd.images.meta import first_value
from streamrecon.mrd.images.volumes_from_images import LABELS, Stack
from streamrecon.storage.atomic_file import whole

Fact = str | int | float | list[str]

_SIGN = re.compile(r"([+-]1) \((.+)\)")


def sidecar(stack: Stack, protocol: ScanProtocol | None, *, chain: str = "") -> dict[str, Fact]:
    """BIDS facts of a volume: times in s, field in T, angles in degrees, frequency in MHz.

    Parameters
    ----------
    stack
        The volume as the server sent it; what it says of itself wins.
    protocol
        What the scan's header says, ``None`` where that could not be read. What is known to
        neither is left out.
    chain
        Hash of the chain that made it, where it is known.

    References
    ----------
    Brain Imaging Data Structure 1.10, "Magnetic Resonance Imaging". doi:10.1038/sdata.2016.44
    """
    facts: dict[str, Fact | None] = {
        "EchoNumber": stack.echo + 1 if is_of_one_echo(stack) else None,
        "EchoTime": _echo_time_s(stack, protocol),
        "SliceThickness": round(stack.thickness_mm, 6),
        "Quantity": stack.label,
        "Units": stack.unit or "arbitrary",
        **_of_protocol(protocol),
        **_of_sign(stack, protocol),
        "ImageComments": list(stack.comments) or None,
        "ReconstructionChain": chain or None,
        "ReconstructionSoftwareVersion": first_value(stack.meta, names.VERSION) or None,
        "ConversionSoftware": "streamrecon",
        "ConversionSoftwareVersion": __version__,
    }
    return {name: fact for name, fact in facts.items() if fact is not None}


def write_sidecar(path: Path, facts: dict[str, Fact]) -> None:
    """Write as JSON with one fact a line."""
    with whole(path) as scratch:
        scratch.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def is_of_one_echo(stack: Stack) -> bool:
    """Whether it is one echo's image, and not a map made of all."""
    return stack.te_s is not None or stack.label in LABELS.values()


def _echo_time_s(stack: Stack, protocol: ScanProtocol | None) -> float | None:
    if stack.te_s is not None or protocol is None or not is_of_one_echo(stack):
        return stack.te_s
    times_s = protocol.echoes.te_s
    return times_s[stack.echo] if stack.echo < len(times_s) else None


def _of_protocol(protocol: ScanProtocol | None) -> dict[str, Fact | None]:
    if protocol is None:
        return {}
    echoes = protocol.echoes
    return {
        "RepetitionTime": echoes.tr_s,
        "FlipAngle": None if echoes.flip_rad is None else round(math.degrees(echoes.flip_rad), 6),
        "MagneticFieldStrength": round(protocol.b0_t, 6),
        "ImagingFrequency": protocol.f0_hz / 1e6,
        "Manufacturer": protocol.vendor or None,
        "ManufacturersModelName": protocol.model or None,
    }


def _of_sign(stack: Stack, protocol: ScanProtocol | None) -> dict[str, Fact | None]:
    """Which way the scanner's phase turned; a server that removes the sign says so."""
    text = first_value(stack.meta, names.PHASE_SIGN)
    found = _SIGN.fullmatch(text)
    if found:
        value, origin = int(found[1]), found[2]
        convention = "positive where the field is above B0"
    elif protocol is not None:
        value, origin = protocol.phase_sign.value, protocol.phase_sign.origin.value
        convention = "as the server sent it"
    else:
        return {}
    return {"PhaseSign": value, "PhaseSignOrigin": origin, "PhaseConvention": convention}


def json_facts(path: Path) -> dict[str, object]:
    """What a file of JSON says; empty where there is none, or no object in it.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    if not path.is_file():
        return {}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as e:
        raise DataError(f"{path.name}: not readable as JSON: {e}") from e
    return facts if isinstance(facts, dict) else {}

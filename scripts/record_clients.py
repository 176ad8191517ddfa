"""Records what real clients send of a scan of one line: tests/clients/recorded.

    python scripts/record_clients.py FOLDER

FOLDER is a checkout of python-ismrmrd-server, whose `client.py` is run as it is. The package
`ismrmrd` writes the same scan as a stream. Bytes are kept, nothing of the programs.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import ismrmrd
from ismrmrd.serialization import ConfigFile, ConfigText, ProtocolSerializer

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "clients"))

from recording import (
    CHAIN,
    CONFIG,
    PARAMETERS,
    RECORDED,
    Address,
    heard_from,
    recorded_image,
    recorded_lines,
)

from streamrecon.mrd.files.hdf5_writer import FileWriter

OPTIONS = {
    "fire-name": ["lines.h5", "-c", CONFIG],
    "fire-parameters": ["lines.h5", "-c", f"{CONFIG}_with", "-w"],
    "fire-chain": ["lines.h5", "-C", "chain.xml"],
    "fire-image": ["image.h5", "-c", CONFIG],
}


def main() -> None:
    """Write a file for each way of asking."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    client = parser.parse_args().folder.resolve() / "client.py"
    RECORDED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for scan, messages in (("lines", recorded_lines()), ("image", recorded_image())):
            with FileWriter(work / f"{scan}.h5") as file:
                for message in messages:
                    file.write(message)
        parameters = {"version": "1.1.0", "parameters": PARAMETERS}
        (work / f"{CONFIG}_with.json").write_text(json.dumps(parameters), encoding="utf-8")
        (work / "chain.xml").write_text(CHAIN, encoding="utf-8")
        for kind, words in OPTIONS.items():
            keep(kind, heard_from(partial(run, [str(client), *words], work)))
        for kind, config in (("name", ConfigFile(CONFIG)), ("chain", ConfigText(CHAIN))):
            keep(f"ismrmrd-{kind}", stream_of(config, work / "lines.h5"))


def run(words: list[str], work: Path, address: Address) -> None:
    """A client as a process of its own."""
    ends = ["-a", address[0], "-p", str(address[1]), "-o", "images.h5", "-G", "images"]
    subprocess.run([sys.executable, *words, *ends], cwd=work, check=True)


def stream_of(config: ConfigFile | ConfigText, scan: Path) -> bytes:
    """What the reference package writes."""
    out = io.BytesIO()
    with ismrmrd.Dataset(scan, "dataset", create_if_needed=False) as file:
        header = ismrmrd.xsd.CreateFromDocument(file.read_xml_header())
        with ProtocolSerializer(out) as writer:
            for item in (config, header, file.read_waveform(0), file.read_acquisition(0)):
                writer.serialize(item)
    return out.getvalue()


def keep(kind: str, data: bytes) -> None:
    """Keep what was sent."""
    (RECORDED / f"{kind}.bin").write_bytes(data)
    print(f"{kind}: {len(data)} bytes")


if __name__ == "__main__":
    main()

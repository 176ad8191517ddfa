"""Takes the picture of the console page for the documents, in Chromium, of a scan that was sent.

    python scripts/make_console_page.py SCAN.h5 docs/images/console_page.png

`streamrecon-simulate demo -o SCAN.h5` makes a scan that shows something.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "web"))
from browser import Tab, chromium
from narrowing import given

CONFIG = "gre_qsm"
LIMIT_S = 540.0
STREAMRECON = [sys.executable, "-m", "streamrecon"]


def main() -> int:
    """Serve, send, look."""
    scan, picture = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as name:
        folder, port, web = Path(name), free_port(), free_port()
        settings = {
            "STREAMRECON_PORT": str(port),
            "STREAMRECON_HOST": "127.0.0.1",
            "STREAMRECON_STORAGE": str(folder / "state"),
            "STREAMRECON_RAW_FOLDER": str(folder / "raw"),
            "STREAMRECON_WEB": f"127.0.0.1:{web}",
        }
        serving = [*STREAMRECON, "serve"]
        with subprocess.Popen(
            serving, env=os.environ | settings, stdout=subprocess.PIPE
        ) as service:
            try:
                given(service.stdout).readline()
                with chromium(folder / "profile", width=1500, height=1180, webgl=True) as tab:
                    take(tab, scan, picture, folder=folder, port=port, web=web)
            finally:
                service.send_signal(signal.SIGTERM)
                service.wait(60)
    return 0


def take(tab: Tab, scan: Path, picture: Path, *, folder: Path, port: int, web: int) -> None:
    """Look at the last map of a scan; its picture is kept in 256 colours."""
    token = folder / "state" / "web-token"
    while not token.exists():
        time.sleep(0.1)
    time.sleep(2.0)
    words = ["send", str(scan), "--to", f"127.0.0.1:{port}", "--config", CONFIG]
    subprocess.run(
        [*STREAMRECON, *words, "-o", str(folder / "out"), "--format", "mrd"],
        check=True,
        timeout=LIMIT_S,
        stdout=subprocess.DEVNULL,
    )
    tab.go(f"http://127.0.0.1:{web}/#token={token.read_text().strip()}")
    tab.wait("document.querySelector('#scans tr button')")
    tab.click("#scans tr button")
    tab.wait("document.querySelector('#planes [data-plane=all]')")
    tab.click("#planes [data-plane=all]")
    tab.wait("document.getElementById('slice-canvas').getAttribute('aria-label').includes('all')")
    time.sleep(1.0)
    tab.picture(picture)
    Image.open(picture).convert("RGB").quantize(256).save(picture, optimize=True)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())

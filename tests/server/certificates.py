"""An authority of a test's own, and certificates of it, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Authority:
    """Signs certificates in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.file = folder / "ca.pem"
        self._key = folder / "ca.key"
        words = ["-x509", "-days", "2", "-subj", "/CN=test authority", "-nodes"]
        extension = ["-addext", "basicConstraints=critical,CA:TRUE"]
        _openssl("req", *words, *_NEW_KEY, *extension, "-keyout", self._key, "-out", self.file)

    def certificate(self, name: str, *, address: str = "127.0.0.1") -> tuple[Path, Path]:
        """Certificate and key of somebody at an address."""
        key, request, signed, extension = (
            self._folder / f"{name}.{end}" for end in ("key", "csr", "pem", "ext")
        )
        extension.write_text(f"subjectAltName=IP:{address}\n")
        _openssl(
            "req", *_NEW_KEY, "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request
        )
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self._key),
            *("-days", "2", "-CAcreateserial", "-extfile", extension, "-out", signed),
        )
        return signed, key


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)

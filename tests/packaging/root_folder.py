"""A root file system in a folder: what the container's recipe makes, without a container engine.

The system and the interpreter are mounted read-only from this machine, the product is the wheel in
an environment of its own, and its dependencies are borrowed from this environment. Mounts live in
a namespace of the command that is started, and end with it.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
USER = 10001
_SYSTEM = ("/usr", "/etc/ld.so.cache", "/dev/null", "/dev/urandom")
_LINKS = ("bin", "lib", "lib64", "sbin")


@dataclass(frozen=True)
class Recipe:
    """What packaging/Containerfile says of the running container."""

    environment: dict[str, str]
    command: list[str]

    @classmethod
    def read(cls, **arguments: str) -> Recipe:
        """With build arguments."""
        text = (ROOT / "packaging" / "Containerfile").read_text()
        values = dict(re.findall(r"^ARG (\w+)=(.*)$", text, re.MULTILINE)) | arguments
        environment = {
            name: re.sub(r"\$(\w+)", lambda found: values[found[1]], value)
            for name, value in re.findall(r"^ENV (\w+)=(.*)$", text, re.MULTILINE)
        }
        (command,) = re.findall(r"^CMD \[(.*)\]$", text, re.MULTILINE)
        return cls(environment, re.findall(r'"([^"]*)"', command))


@dataclass(frozen=True)
class RootFolder:
    """The folder; ``/opt/streamrecon/env`` in it is the environment with the wheel."""

    folder: Path

    def make(self, environment: Path) -> None:
        """Folders, links, a place to write; a copy of ``environment``."""
        for name in ("tmp", "tmp/share", "opt/streamrecon/kernels", "proc"):
            (self.folder / name).mkdir(parents=True)
            (self.folder / name).chmod(0o1777)
        copied = self.folder / "opt" / "streamrecon" / "env"
        shutil.copytree(environment, copied, symlinks=True)
        for name in _LINKS:
            link = Path("/") / name
            if link.is_symlink():
                (self.folder / name).symlink_to(link.readlink())
        for path in self._mounts():
            inside = self.folder / path.lstrip("/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            if Path(path).is_dir():
                inside.mkdir(exist_ok=True)
            else:
                inside.touch()

    def start(
        self, command: list[str], environment: dict[str, str], **options: Any
    ) -> subprocess.Popen[str]:
        """A command in the folder as nobody in particular, with no right of root."""
        mounts = [
            f"mount --bind {shlex.quote(path)} {shlex.quote(str(self.folder) + path)}"
            for path in self._mounts()
        ]
        mounts.append(f"mount -t proc proc {shlex.quote(str(self.folder / 'proc'))}")
        inside = ["chroot", f"--userspec={USER}:{USER}", str(self.folder), *command]
        script = " && ".join([*mounts, f"exec {shlex.join(inside)}"])
        path = "/opt/streamrecon/env/bin:/usr/bin:/bin:/usr/sbin:/sbin"
        started: subprocess.Popen[str] = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script],
            env={"PATH": path, **environment},
            text=True,
            **options,
        )
        return started

    @staticmethod
    def _mounts() -> list[str]:
        own = [sys.base_prefix, sysconfig.get_path("purelib")]
        return [path for path in (*_SYSTEM, *own) if Path(path).exists()]

"""The code blocks of a Markdown page, and how each kind of them is run."""

from __future__ import annotations

import doctest
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from narrowing import given
from streamrecon_gadgets import REGISTRY

from streamrecon.dicom.delivery.destinations import read_destinations
from streamrecon.server.settings import load_settings
from streamrecon.stream.chainfile.build import build_chain
from streamrecon.stream.gadget import Context

LIMIT_S = 100.0
PORT = "9002"
_BLOCK = re.compile(
    r"^(?: *<!-- not run: ([^\n]+) -->\n)?( *)```(\S*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL
)
_LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """One block: its language, its text, where it stands, and why it is not run, if it is not."""

    language: str
    text: str
    line: int
    not_run: str = ""


def blocks(page: str) -> Iterator[Block]:
    r"""Every block between fences, in order.

    >>> list(blocks("a\n<!-- not run: no PACS -->\n```console\n$ x\n```\n"))
    [Block(language='console', text='$ x\n', line=3, not_run='no PACS')]
    """
    for found in _BLOCK.finditer(page):
        reason, indent, language, text = found.groups("")
        line = 1 + page.count("\n", 0, found.start(3))
        yield Block(language, re.sub(f"^{indent}", "", text, flags=re.MULTILINE), line, reason)


def commands(text: str) -> Iterator[tuple[str, str]]:
    r"""Commands of a console block, each with the output that is shown; empty where none is.

    >>> list(commands("$ a \\\n  b\n1\n2\n$ c  # why\n"))
    [('a \\\n  b', '1\n2\n'), ('c', '')]
    """
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        end = next(i for i, line in enumerate(lines) if not line.endswith("\\")) + 1
        command = re.sub(r"\s+# .*$", "", "\n".join(lines[:end]))
        yield command, "".join(line + "\n" for line in lines[end:])


@dataclass
class Page:
    """A reader who does what a page says, in one folder, from the first block to the last."""

    folder: Path
    port: str
    names: dict[str, object] = field(default_factory=dict)
    services: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, block: Block) -> None:
        """Do what the block says; its output must be what is shown."""
        match block.language:
            case "console":
                for command, shown in commands(block.text):
                    self._command(command.replace(PORT, self.port), shown)
            case "python":
                self._python(block)
            case "xml":
                build_chain(block.text.encode(), REGISTRY, Context(storage=self.folder))
            case "toml":
                self._toml(block.text)
            case "json":
                json.loads(block.text)
            case "yaml":  # of dask-jobqueue; tests/cohort/test_slurm_jobs.py asks whether it is
                yaml.safe_load(block.text)

    def close(self) -> None:
        """End the services as Ctrl-C does; each must end well."""
        for service in self.services:
            service.send_signal(signal.SIGTERM)
            service.communicate(timeout=LIMIT_S)
        assert [service.returncode for service in self.services] == [0] * len(self.services)

    def _command(self, command: str, shown: str) -> None:
        stays = command.endswith(" &")
        process = subprocess.Popen(
            ["bash", "-ec", f"exec {command[:-2]}" if stays else command],
            cwd=self.folder,
            env=self._environment(),
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if stays else subprocess.STDOUT,
        )
        if stays:
            self.services.append(process)
            output = given(process.stdout).readline()
        else:
            output, _ = process.communicate(timeout=LIMIT_S)
            assert process.returncode == 0, f"$ {command}\n{output}"
        wanted = shown.replace(PORT, self.port)
        checker = doctest.OutputChecker()
        assert not wanted or checker.check_output(wanted, output, _LOOSE), f"$ {command}\n{output}"

    def _environment(self) -> dict[str, str]:
        ours = {n: v for n, v in os.environ.items() if not n.startswith("STREAMRECON_")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return ours | {"PATH": path, "XDG_STATE_HOME": str(self.folder / "state")}

    def _python(self, block: Block) -> None:
        if ">>>" not in block.text:
            exec(compile(block.text, f"line {block.line}", "exec"), self.names)
            return
        example = doctest.DocTestParser().get_doctest(
            block.text, self.names, f"line {block.line}", None, block.line
        )
        example.globs = self.names  # what one block names the next one knows
        report: list[str] = []
        result = doctest.DocTestRunner(optionflags=_LOOSE).run(
            example, out=report.append, clear_globs=False
        )
        assert result.failed == 0, "".join(report)

    def _toml(self, text: str) -> None:
        tables = tomllib.loads(text)
        file = self.folder / "block.toml"
        file.write_text(text, encoding="utf-8")
        if "server" in tables:
            load_settings({}, {}, file)
        if "destination" in tables:
            read_destinations(file)

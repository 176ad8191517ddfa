"""Drives Debian's Chromium by its DevTools protocol, as a person would: look, click, type."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import httpx
import websocket

PROGRAM = shutil.which("chromium")
_PATIENCE_S = 30.0
_WORDS = (
    "--headless=new",
    "--no-sandbox",  # tests run as root
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)
_WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")  # on the processor
_NO_WEBGL = ("--disable-gpu", "--disable-3d-apis")


class Tab:
    """One page of the browser."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=_PATIENCE_S)
        self._numbers = count(1)
        self.faults: list[str] = []
        self.call("Page.enable")
        self.call("Runtime.enable")
        self.call("Log.enable")

    def close(self) -> None:
        self._socket.close()

    def call(self, method: str, **parameters: object) -> dict[str, object]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv())
            self._note(answer)
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def _note(self, answer: dict[str, object]) -> None:
        """Keep what the page's scripts failed at, and what its policy refused."""
        if answer.get("method") == "Runtime.exceptionThrown":
            self.faults.append(json.dumps(answer["params"]))
        entry = answer.get("params", {}).get("entry", {})
        if entry.get("source") == "security":
            self.faults.append(json.dumps(entry))

    def go(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def value(self, script: str) -> object:
        """What a script of the test's own gives."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True)["result"]
        if found.get("subtype") == "error":
            raise AssertionError(found["description"])
        return found.get("value")

    def text(self, selector: str) -> str:
        return str(self.value(f"(document.querySelector({json.dumps(selector)})||{{}}).innerText"))

    def wait(self, script: str) -> float:
        """Seconds until a script gives something true; a page that loads may lack what it names."""
        began = time.monotonic()
        while not self.value(
            f"(() => {{ try {{ return !!({script}) }} catch {{ return false }} }})()"
        ):
            assert time.monotonic() - began < _PATIENCE_S, (script, self.faults)
            time.sleep(0.02)
        return time.monotonic() - began

    def click(self, selector: str) -> None:
        self.value(f"document.querySelector({json.dumps(selector)}).click()")

    def press(self, key: str) -> None:
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def hover(self, x: float, y: float, *, pressed: bool = False) -> None:
        """Move the pointer to a place of the window."""
        held = {"button": "left", "buttons": 1} if pressed else {}
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, **held)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Press at one place of the window, release at another."""
        for kind, (x, y) in (("mousePressed", start), ("mouseReleased", end)):
            if kind == "mouseReleased":
                self.hover(x, y, pressed=True)
            self.call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1,
                clickCount=1,
            )  # fmt: skip

    def picture(self, path: Path) -> None:
        """A screenshot of what a person sees."""
        shot = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(str(shot["data"])))


@contextmanager
def chromium(
    profile: Path, *, width: int = 1400, height: int = 1000, webgl: bool = False
) -> Iterator[Tab]:
    """A browser with one empty page, gone afterwards."""
    words = list(_WEBGL if webgl else _NO_WEBGL)
    words += [f"--user-data-dir={profile}", f"--window-size={width},{height}", "about:blank"]
    process = subprocess.Popen(
        [str(PROGRAM), *_WORDS, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        port = _port(profile / "DevToolsActivePort")
        pages = httpx.get(f"http://127.0.0.1:{port}/json/list").json()
        address = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
        tab = Tab(address)
        try:
            yield tab
        finally:
            tab.close()
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)


def _port(file: Path) -> int:
    ends = time.monotonic() + _PATIENCE_S
    while not file.exists() or not file.read_text().strip():
        assert time.monotonic() < ends, "chromium does not start"
        time.sleep(0.05)
    return int(file.read_text().splitlines()[0])

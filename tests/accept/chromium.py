"""Debian's Chromium, driven over its debugging pipe: real pages, real scripts, real layout."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_SECONDS = 30.0


class NotDone(AssertionError):
    """Chromium refused a command."""


@dataclass
class Page:
    """One tab; `said` gathers what its console, its scripts and its network complained about."""

    commands: int
    answers: int
    session: str = ""
    said: list[str] = field(default_factory=list)
    _last: int = 0
    _rest: bytes = b""

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Return the answer to a command of the debugging protocol."""
        self._last += 1
        message: dict[str, object] = {"id": self._last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + _SECONDS
        while True:
            found = self._read(end)
            if found.get("id") == self._last:
                if "error" in found:
                    raise NotDone(f"{method}: {found['error']}")
                result: dict[str, Any] = found["result"]
                return result
            self._hear(found)

    def open(self, url: str, *, width: int = 1440, height: int = 900, dark: bool = False) -> None:
        """Load `url` in a window of that size and return once it is complete."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=width < 600)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.run("window.left = true")
        self.call("Page.navigate", url=url)
        self.wait("!window.left && document.readyState === 'complete'")

    def run(self, script: str) -> object:
        """Return the value of a JavaScript expression."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        value: object = answer["result"].get("value")
        return value

    def wait(self, script: str, seconds: float = 15) -> None:
        """Return once the expression is true."""
        end = time.monotonic() + seconds
        while not self._holds(script):
            assert time.monotonic() < end, f"in vain: {script}; the page said {self.said}"
            time.sleep(0.05)

    def press(self, key: str) -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def click(self, selector: str) -> None:
        """Click the middle of the first element that `selector` finds."""
        x, y = self._middle(selector)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = "none" if kind == "mouseMoved" else "left"
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1)

    def hover(self, selector: str) -> None:
        """Move the pointer over the first element that `selector` finds."""
        x, y = self._middle(selector)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def tap(self, selector: str) -> None:
        """Tap the first element that `selector` finds."""
        x, y = self._middle(selector)
        self.call("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write a PNG of the window, or of the whole page."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _holds(self, script: str) -> bool:
        try:
            return bool(self.run(script))
        except NotDone:  # the page that was asked has just been left
            return False

    def _middle(self, selector: str) -> tuple[float, float]:
        quoted = json.dumps(selector)
        self.run(f"document.querySelector({quoted}).scrollIntoView({{block: 'center'}})")
        box = self.run(f"document.querySelector({quoted}).getBoundingClientRect().toJSON()")
        assert isinstance(box, dict)
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def _read(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self.answers], [], [], max(0.0, end - time.monotonic()))
            assert ready, "Chromium does not answer"
            part = os.read(self.answers, 1 << 16)
            assert part, "Chromium is gone"
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found

    def _hear(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Log.entryAdded":
                self.said.append(params["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.said.append(params["exceptionDetails"]["text"])
            case "Runtime.consoleAPICalled" if params["type"] in {"error", "warning"}:
                self.said.append(str([value.get("value") for value in params["args"]]))


@contextmanager
def browsing(folder: Path) -> Iterator[Page]:
    """Yield a tab of a Chromium of its own, with its profile in `folder`."""
    assert CHROMIUM, "chromium is not installed"
    command_read, command_write = os.pipe()
    answer_read, answer_write = os.pipe()

    def wire() -> None:
        """Chromium reads commands from descriptor 3 and writes answers to 4."""
        first, second = os.dup(command_read), os.dup(answer_write)
        os.dup2(first, 3)
        os.dup2(second, 4)

    process = subprocess.Popen(
        [CHROMIUM, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
        preexec_fn=wire,
        close_fds=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(command_read)
    os.close(answer_write)
    page = Page(command_write, answer_read)
    try:
        target = page.call("Target.createTarget", url="about:blank")["targetId"]
        attached = page.call("Target.attachToTarget", targetId=target, flatten=True)
        page.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            page.call(f"{domain}.enable")
        yield page
    finally:
        process.kill()
        process.wait(10)
        os.close(command_write)
        os.close(answer_read)

"""A browser without a window, driven through the DevTools protocol over a pair of pipes.

Messages are JSON, each ended by a zero byte: https://chromedevtools.github.io/devtools-protocol/.
Nothing listens on a port. No library is needed.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

from pathlib import Path
from types import TracebackType
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE = 60.0  # for any answer [s]
KEYS = {
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9, "Enter": 13,
    "Escape": 27, " ": 32, ",": 188, ".": 190,
}  # fmt: skip


def find_browser() -> str | None:
    """The path of a browser of the Chromium family, if there is one."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def _high(end: int) -> int:
    """The same end of a pipe under a number above 9, out of the way of others."""
    found = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(end)
    return found


class Browser:
    """A process of the browser.

    Arguments:
        program: Its path.
    """

    def __init__(self, program: str) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="browser")
        pipes = [*os.pipe(), *os.pipe()]
        theirs_in, self._out, self._in, theirs_out = (_high(end) for end in pipes)
        # Without a sandbox: it opens files of our own, and runs in containers as root.
        options = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--no-first-run", "--disable-background-networking", "--disable-extensions",
            "--force-color-profile=srgb", "--hide-scrollbars", "--remote-debugging-pipe",
            f"--user-data-dir={self._home.name}",
        ]  # fmt: skip

        def lay_pipes() -> None:  # it reads from 3 and writes to 4
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        self._process = subprocess.Popen(
            [program, *options, "about:blank"], preexec_fn=lay_pipes, pass_fds=(3, 4),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._rest, self._count = b"", 0
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._process.terminate()
        self._process.wait(PATIENCE)
        os.close(self._out)
        os.close(self._in)
        shutil.rmtree(self._home.name, ignore_errors=True)

    def ask(self, method: str, session: str | None = None, **parameters: object) -> dict[str, Any]:
        """Sends a message and waits for its answer.

        Raises:
            RuntimeError: If the browser refuses.
            TimeoutError: If it does not answer.
        """
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        message |= {"sessionId": session} if session else {}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while True:
            said = self._next(deadline)
            if said.get("id") == self._count:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']}")
                return said["result"]
            self.events.append(said)

    def _next(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._in], [], [], left)[0]:
                raise TimeoutError(f"no answer of the browser within {PATIENCE:g} s")
            more = os.read(self._in, 1 << 20)
            if not more:
                raise RuntimeError("the browser is gone")
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def open(
        self, path: Path, *, width: int = 1200, height: int = 900, dark: bool = False,
        calm: bool = False,
    ) -> "Tab":  # fmt: skip
        """Opens a file in a tab of its own, and waits until it is loaded.

        Arguments:
            path: The file.
            width: Of the screen [px].
            height: Of the screen [px].
            dark: Whether the reader likes dark pages.
            calm: Whether the reader asked for less motion.
        """
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        answer = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        tab = Tab(self, target, answer["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.ask(f"{domain}.enable")
        tab.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        features = {
            "prefers-color-scheme": "dark" if dark else "light",
            "prefers-reduced-motion": "reduce" if calm else "no-preference",
        }
        tab.ask(
            "Emulation.setEmulatedMedia",
            features=[{"name": name, "value": value} for name, value in features.items()],
        )
        self.events.clear()
        tab.ask("Page.navigate", url=path.resolve().as_uri())
        tab.wait("document.readyState === 'complete' && location.protocol === 'file:'")
        return tab


class Tab:
    """A page in the browser.

    Arguments:
        browser: The browser.
        target: Its name of the tab.
        session: Its name of the conversation with the tab.
    """

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser, self._target, self._session = browser, target, session

    def ask(self, method: str, **parameters: object) -> dict[str, Any]:
        """Sends a message to the tab and waits for its answer."""
        return self._browser.ask(method, self._session, **parameters)

    def evaluate(self, script: str) -> Any:
        """The value of an expression, awaited where it is promised.

        Raises:
            RuntimeError: If it throws.
        """
        answer = self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Waits until an expression is true.

        Raises:
            TimeoutError: If it never is.
        """
        deadline = time.monotonic() + PATIENCE
        while not self.evaluate(condition):
            if time.monotonic() > deadline:
                raise TimeoutError(condition)
            time.sleep(0.02)

    def press(self, key: str, *, shift: bool = False) -> None:
        """Presses and releases a key."""
        about = {"key": key, "windowsVirtualKeyCode": KEYS[key], "modifiers": 8 * shift}
        text = {"text": {"Enter": "\r"}.get(key, key)} if len(key) == 1 or key == "Enter" else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **about, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **about)

    def click(self, x: float, y: float) -> None:
        """Clicks a point of the screen."""
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, *, whole: bool = True) -> bytes:
        """The page as a PNG file."""
        answer = self.ask("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])

    def close(self) -> None:
        """Closes the tab."""
        self._browser.ask("Target.closeTarget", targetId=self._target)

    def complaints(self) -> list[str]:
        """Errors and warnings of the page since it was opened."""
        found = []
        for event in self._own():
            about = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                found.append(json.dumps(about["exceptionDetails"]))
            if event["method"] == "Runtime.consoleAPICalled" and about["type"] in (
                "error", "warning", "assert",
            ):  # fmt: skip
                found.append(json.dumps(about["args"]))
            if event["method"] == "Log.entryAdded":
                found.append(about["entry"]["text"])
        return found

    def requests(self) -> list[str]:
        """Addresses that the page asked for, besides itself and what it holds."""
        asked = [
            event["params"]["request"]["url"]
            for event in self._own()
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in asked[1:] if not url.startswith(("data:", "blob:"))]

    def _own(self) -> list[dict[str, Any]]:
        return [e for e in self._browser.events if e.get("sessionId") == self._session]

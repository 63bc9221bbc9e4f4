"""A headless browser at the other end of two pipes (the DevTools protocol): pages go in, PDFs and answers come out. It is asked to call nobody."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from fpmg_bench.errors import StoreError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic")
LIMIT = 300.0  # seconds a page
LEAVING = 10.0  # seconds to end after it was told to
# the browser reads its orders on descriptor 3 and answers on 4; a shell that is no bash cannot move others there
MOVED = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
FREE = 10  # the first descriptor that is none of those


def browser(asked: str = "--pdf") -> str:
    """The first browser on PATH that prints. asked: the option that needs it. Raises StoreError."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise StoreError(
            f"{asked}: no browser that prints is on PATH ({', '.join(BROWSERS)})",
            "install chromium, or open the page and print it",
        )
    return found


class Browser:
    """One page of it, as a context. Raises StoreError where none is on PATH, it does not start, or it does not answer within LIMIT."""

    def __init__(self, asked: str = "--pdf") -> None:
        self.program = browser(asked)
        self._left = contextlib.ExitStack()
        self._said, self._count, self._session = b"", 0, ""

    def __enter__(self) -> Browser:
        with contextlib.ExitStack() as opening:
            self._start(opening)
            target = self._ask("Target.createTarget", url="about:blank")["targetId"]
            self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            self._ask("Page.enable")
            self._left = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._left.close()

    def open(self, page: Path) -> None:
        """Show a file, until it is loaded. Raises StoreError."""
        found = self._ask("Page.navigate", url=page.resolve().as_uri())
        if found.get("errorText"):
            raise self._trouble(str(found["errorText"]))
        self._until(lambda message: message.get("method") == "Page.loadEventFired")

    def pdf(self, **how: Any) -> bytes:
        """The page on paper, as its styles say; how: parameters of Page.printToPDF (inches). Raises StoreError."""
        asked = {"printBackground": True, "preferCSSPageSize": True, **how}
        return base64.b64decode(self._ask("Page.printToPDF", **asked)["data"])

    def evaluate(self, script: str) -> Any:
        """What an expression (or a promise) comes to in the page, as JSON would have it. Raises StoreError with its error."""
        found = self._ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise self._trouble(str(found["exceptionDetails"].get("exception", {}).get("description", "a script failed")))
        return found["result"].get("value")

    def _start(self, opened: contextlib.ExitStack) -> None:
        user = opened.enter_context(tempfile.TemporaryDirectory(prefix="fpmg-browser-", ignore_cleanup_errors=True))
        theirs, ours = zip(_pipe(), reversed(_pipe()), strict=True)  # what it reads and writes, what we write and read
        # browsers refuse their sandbox to root; a report's own policy forbids every request and all scripts but its own
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        words = [self.program, "--headless", "--disable-gpu", *root, *QUIET, f"--user-data-dir={user}", "--remote-debugging-pipe"]
        start = [sys.executable, "-I", "-S", "-c", MOVED, *map(str, theirs), *words]
        try:
            process = subprocess.Popen(start, pass_fds=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        finally:
            for end in theirs:
                os.close(end)
            for end in ours:
                opened.callback(os.close, end)
        self._orders, self._answers = ours
        opened.callback(_ended, process)
        opened.callback(self._close)

    def _close(self) -> None:
        with contextlib.suppress(StoreError):  # it has ended by itself
            self._session = ""
            self._send("Browser.close")

    def _ask(self, method: str, **words: Any) -> Mapping[str, Any]:
        number = self._send(method, **words)
        answer = self._until(lambda message: message.get("id") == number)
        if "error" in answer:
            raise self._trouble(str(answer["error"].get("message")))
        found: Mapping[str, Any] = answer["result"]
        return found

    def _send(self, method: str, **words: Any) -> int:
        self._count += 1
        message = {"id": self._count, "method": method, "params": words}
        left = json.dumps(message | ({"sessionId": self._session} if self._session else {})).encode() + b"\0"
        try:
            while left:
                left = left[os.write(self._orders, left) :]
        except BrokenPipeError as error:
            raise self._trouble("it ended") from error
        return self._count

    def _until(self, wanted: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
        """The next message that is wanted; others are passed over."""
        last = time.monotonic() + LIMIT
        with selectors.DefaultSelector() as ready:
            ready.register(self._answers, selectors.EVENT_READ)
            while True:
                message, end, rest = self._said.partition(b"\0")
                if end:
                    self._said = rest
                    found = json.loads(message)
                    if wanted(found):
                        return dict(found)
                    continue
                if not ready.select(max(last - time.monotonic(), 0)):
                    raise self._trouble(f"no answer within {LIMIT:g} s")
                more = os.read(self._answers, 1 << 20)
                if not more:
                    raise self._trouble("it ended")
                self._said += more

    def _trouble(self, what: str) -> StoreError:
        return StoreError(f"{self.program}: {what}", "open the page and print it")


def _pipe() -> tuple[int, int]:
    """(read, write), above the descriptors that the browser expects its own at."""
    import fcntl

    found = []
    for end in os.pipe():
        found.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, FREE))
        os.close(end)
    return found[0], found[1]


def _ended(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(LEAVING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

"""One file over http: resumed where an earlier attempt ended, moved into place only when its hash is right."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import DatasetError

if TYPE_CHECKING:
    import requests

CHUNK = 2**15  # bytes; where a line breaks, less than this is lost
TOLD = 50 * 10**6  # bytes after which the progress is told
ATTEMPTS = 3  # of one file in one call; a later call goes on with what came
PAUSE = 1.0  # seconds before the second attempt, doubled each time
TIMEOUT = (20.0, 60.0)  # seconds to connect, and between two pieces
Note = Callable[[str], None]


def require_pooch() -> Any:
    """The pooch module. Raises DatasetError, with the pip command, where it is not installed."""
    try:
        import pooch
    except ImportError as error:
        raise DatasetError("downloads need pooch", "python -m pip install 'fpmg-bench[fetch]'") from error
    pooch.get_logger().setLevel(logging.WARNING)
    return pooch


def download(url: str, target: Path, known: str, note: Note) -> None:
    """Get `url` as `target`, unless it is there already and right. known: "sha256:...", "md5:..." or "".

    A partial file is kept as `<target>.part` until it is complete. Raises DatasetError where the address does not answer, the
    file stays incomplete, or its hash is another one than `known`; the wrong file is deleted.
    """
    pooch = require_pooch()
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_file() and not known:
        return
    try:
        pooch.retrieve(url, known or None, fname=target.name, path=target.parent, downloader=_Resuming(target, note))
    except ValueError as error:  # what pooch raises where the hash differs
        raise DatasetError(
            f"{url}: not the file that was expected: {_first_line(error)}",
            f"the published file changed, or the download was tampered with; nothing of it was kept (expected {known})",
        ) from error


class _Resuming:
    """A downloader as pooch takes them: writes to `<target>.part`, continues it by a Range request, hands it over complete."""

    def __init__(self, target: Path, note: Note) -> None:
        self.part = target.with_name(target.name + ".part")
        self.tag = target.with_name(target.name + ".part.tag")
        self.note = note

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        import requests

        for attempt in range(ATTEMPTS):
            try:
                self._once(url)
                break
            except requests.RequestException as error:
                answer = error.response
                if answer is not None and answer.status_code < 500:
                    raise DatasetError(f"{url}: {error}", "is the address still right? --from takes files at hand") from error
                if attempt == ATTEMPTS - 1:
                    have = self.part.stat().st_size if self.part.exists() else 0
                    raise DatasetError(
                        f"{url}: broke off after {have} bytes: {type(error).__name__}", "the same command goes on from there"
                    ) from error
                time.sleep(PAUSE * 2**attempt)
        self.part.replace(output_file)
        self.tag.unlink(missing_ok=True)

    def _once(self, url: str) -> None:
        import requests

        have = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"}
        if have:
            # If-Range: a file that has changed at its home is sent whole instead of being glued to the old half.
            tag = self.tag.read_text() if self.tag.exists() else ""
            headers |= {"Range": f"bytes={have}-"} | ({"If-Range": tag} if tag else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == 416:  # nothing is left to send, or the file became shorter
                if _total(answer) == have:
                    return
                self.part.unlink()
                return self._once(url)
            answer.raise_for_status()
            resumed = have > 0 and answer.status_code == 206
            self.note(f"{url}" + (f" (going on after {have} bytes)" if resumed else ""))
            self.tag.write_text(answer.headers.get("ETag") or answer.headers.get("Last-Modified") or "")
            with self.part.open("ab" if resumed else "wb") as stream:
                for piece in answer.iter_content(CHUNK):
                    stream.write(piece)
                    if stream.tell() // TOLD > (stream.tell() - len(piece)) // TOLD:
                        self.note(f"  {stream.tell() / 1e6:.0f} MB")
            self._whole(answer, have if resumed else 0)
        return None

    def _whole(self, answer: requests.Response, before: int) -> None:
        """Servers may close early without an error."""
        import requests

        length = answer.headers.get("Content-Length")
        if length and self.part.stat().st_size != before + int(length):
            raise requests.ConnectionError("incomplete")


def _total(answer: requests.Response) -> int:
    """Size in "Content-Range: bytes */1234", -1 where it is not told."""
    reported = answer.headers.get("Content-Range", "").rpartition("/")[2]
    return int(reported) if reported.isdigit() else -1


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]

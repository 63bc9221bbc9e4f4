"""A folder and a process of its own for a command from elsewhere; both are gone afterwards, also where who asked was killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fpmg_bench.errors import TrialError

KEEPER = Path(__file__).with_name("keeper.py")
TRAIN, OUT, WORK = "train", "out", "work"
LAST = 4000  # characters of what a failed command printed that go to the trial's log
GIVEN = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
ALONE = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"),
    "LOKY_MAX_CPU_COUNT": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1",
    "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
}  # fmt: skip


@dataclass(slots=True)
class Sandbox:
    """folder/train: what the command reads; folder/out: where it writes; folder/work: where it runs, its HOME and TMPDIR."""

    folder: Path
    keeper: subprocess.Popen[bytes]
    printed: IO[bytes]

    @property
    def train(self) -> Path:
        return self.folder / TRAIN

    @property
    def out(self) -> Path:
        return self.folder / OUT

    def run(self, words: Sequence[str], env: Mapping[str, str], limit: float) -> None:
        """Run the command with these variables and a few of this process. limit: seconds by the clock.

        Raises TrialError where it fails, is late, or left anything outside of `out`; the end of what it printed, which may hold
        rows of patients, goes to stderr (the trial's log), never into the reason.
        """
        self.out.mkdir(exist_ok=True)
        (self.folder / WORK).mkdir(exist_ok=True)
        own = {"HOME": str(self.folder / WORK), "TMPDIR": str(self.folder / WORK)}
        order = {
            "command": list(words),
            "env": {name: os.environ[name] for name in GIVEN if name in os.environ} | ALONE | own | dict(env),
            "cwd": str(self.folder / WORK),
            "limit": limit,
        }
        assert self.keeper.stdin is not None and self.keeper.stdout is not None
        self.keeper.stdin.write(json.dumps(order).encode() + b"\n")
        self.keeper.stdin.flush()
        answer = self.keeper.stdout.readline()
        if why := _wrong(json.loads(answer) if answer else {}, limit):
            sys.stderr.write(f"the last of what the command printed:\n{self._last()}\n")
            raise TrialError(*why)
        if beside := sorted(each.name for each in self.folder.iterdir() if each.name not in (TRAIN, OUT, WORK)):
            raise TrialError(f"the command wrote outside of {{out}}: {len(beside)} beside it", "write below {out} alone")

    def told(self, text: str) -> str:
        """A message without the folder's name, which is gone."""
        real = str(self.folder.resolve())
        return text.replace(f"{real}/{OUT}", "{out}").replace(f"{self.folder}/{OUT}", "{out}").replace(str(self.folder), "...")

    def _last(self) -> str:
        self.printed.seek(max(0, self.printed.seek(0, os.SEEK_END) - LAST))
        return self.printed.read().decode(errors="replace")


def _wrong(answer: Mapping[str, object], limit: float) -> tuple[str, str] | None:
    """Why the command failed, and the way out; None where it did not."""
    log = "the end of what it printed is in the trial's log.txt"
    if not answer:
        return "the process that keeps the command was killed", "the same command tries again"
    if answer["late"]:
        return f"the command was not done after {limit:g} s and was ended", f"a larger external.limit; {log}"
    code = answer["code"]
    if code is None:
        return f"the command did not start: {answer.get('why', 'it was ended')}", "name a program that is installed"
    if code:
        assert isinstance(code, int)
        return (f"the command was killed by signal {-code}" if code < 0 else f"the command ended with exit code {code}"), log
    return None


@contextmanager
def sandbox() -> Iterator[Sandbox]:
    """A new one, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="fpmg-external-")).resolve()
    with tempfile.TemporaryFile() as printed:
        keeper = subprocess.Popen(
            [sys.executable, "-I", str(KEEPER), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
            start_new_session=True,
        )
        try:
            yield Sandbox(folder, keeper, printed)
        finally:
            assert keeper.stdin is not None and keeper.stdout is not None
            keeper.stdin.close()
            keeper.wait()
            keeper.stdout.close()

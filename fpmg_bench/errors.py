"""One exception tree. Each error carries a hint (the way out) and the exit code of the program."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from enum import IntEnum


class ExitCode(IntEnum):
    """What the program returns to the shell."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    INTERNAL = 3
    PLUGIN = 4
    NOTHING_MEASURED = 5
    REGRESSION = 6
    INTERRUPTED = 130


HINT = "the same command tries again; --on-dead close-ring goes on without a dead silo"


class FpmgError(Exception):
    """Anything a user can mend. `message` names the place and the thing, `hint` the way out."""

    exit_code = ExitCode.INTERNAL

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class SuiteError(FpmgError):
    """The suite file, or a parameter in it, is wrong. Nothing ran."""

    exit_code = ExitCode.USAGE


class IncompatibleTrial(SuiteError):
    """A combination of components that is undefined; refused while planning."""


class PluginError(FpmgError):
    """A plug-in is missing, broken, or breaks its contract."""

    exit_code = ExitCode.PLUGIN


class UnknownComponent(PluginError):
    """No plug-in offers this name."""


class NameCollision(PluginError):
    """Two distributions offer the same bare name."""


class DatasetError(FpmgError):
    """A cohort cannot be read; the message names file, row and column. In a trial it is that trial's failure; elsewhere nothing ran."""

    exit_code = ExitCode.USAGE


class PrivacyError(FpmgError):
    """A step that is not accounted, would overspend, or cannot be made private."""

    exit_code = ExitCode.SOME_FAILED


class PlumbingError(FpmgError):
    """Weights did not travel as the topology's plan says."""

    exit_code = ExitCode.SOME_FAILED


class TrialError(FpmgError):
    """A trial cannot go on (a diverged model, a learner that returns nonsense)."""

    exit_code = ExitCode.SOME_FAILED


class SiloLost(TrialError):
    """A rank died, was late, or ended with an error (dead False): the first that anybody saw, never one that went down with it."""

    def __init__(
        self,
        node: int | None,
        why: str,
        dead: bool = True,
        place: str | None = None,
        name: str | None = None,
        rank: int | None = None,
        pid: int | None = None,
    ) -> None:
        self.node, self.why, self.dead, self.place = node, why, dead, place
        who = "a rank" if node is None else f"silo {name or node}" if node >= 0 else f"the {name or node}"
        known = ", ".join(f"{what} {value}" for what, value in (("rank", rank), ("pid", pid)) if value is not None)
        at = f" in {place}" if place else ""
        what = "died" if dead else "failed"
        super().__init__(f"{who}{f' ({known})' if known else ''} {what}{at}: {why}", HINT if dead else "")


class StoreError(FpmgError):
    """A run directory is unreadable or belongs to something else."""

    exit_code = ExitCode.USAGE


ON_DISK = "free some space (or raise `ulimit -f`), then the same command goes on"
WAYS_OUT = {
    errno.ENOSPC: ON_DISK, errno.EDQUOT: ON_DISK, errno.EFBIG: ON_DISK,
    errno.EROFS: "write elsewhere (--out)", errno.EACCES: "write elsewhere (--out), or ask for the right to",
    errno.EPERM: "write elsewhere (--out), or ask for the right to", errno.ENAMETOOLONG: "give a shorter name or folder",
    errno.EMFILE: "raise `ulimit -n`, or fewer --jobs", errno.ENFILE: "close other programs, or fewer --jobs",
    errno.ENOMEM: "fewer --jobs, or a machine with more memory", errno.EAGAIN: "raise `ulimit -u`, or fewer --jobs",
    errno.EPIPE: "whatever read it has ended; send the output to a file",
}  # fmt: skip
UNNAMED = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)  # of a file, the store would have said which


class MachineError(FpmgError):
    """The machine would not go on: a full disk, no rights, no memory, no reader. ran: whether there are results already."""

    def __init__(self, error: OSError | MemoryError, *, ran: bool) -> None:
        number = error.errno if isinstance(error, OSError) else errno.ENOMEM
        where = getattr(error, "filename", None) or ("standard output" if number in UNNAMED else "")
        what = os.strerror(number) if number else str(error)
        super().__init__(
            f"{where}: {what}" if where else what, WAYS_OUT.get(number or 0, "mend it, then the same command goes on")
        )
        self.exit_code = ExitCode.SOME_FAILED if ran else ExitCode.USAGE


@contextlib.contextmanager
def on_this_machine(ran: Callable[[], bool]) -> Iterator[None]:
    """What the system refuses within is the operator's to mend, not a fault of ours. An OSError without a number is none of its.

    ran: asked then, whether there are results already.
    """
    try:
        yield
    except (OSError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno is None:
            raise
        raise MachineError(error, ran=ran()) from error


class NotApplicable(Exception):
    """A metric or a check has no meaning here. Control flow, recorded with its reason; never a failure."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

"""One exception tree. Each error carries a hint (the way out) and the exit code of the program."""

from __future__ import annotations

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
    """A cohort cannot be read; the message names file, row and column."""

    exit_code = ExitCode.SOME_FAILED


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


class NotApplicable(Exception):
    """A metric or a check has no meaning here. Control flow, recorded with its reason; never a failure."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

"""What stands beside every epsilon: whose noise it is, what it protects against, and what it takes for granted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpmg_bench.spec import Privacy

SIMULATED, SECURE = "simulated", "secure"
SAID = {
    SIMULATED: "not for release: the noise follows from the suite's seed, which the run directory tells",
    SECURE: "noise and samples of the system's generator, not repeatable",
}
ADD_REMOVE = "add/remove"
ZERO_OUT = "zero-out, sizes and labels public"
DRAFTED = "schema not confirmed"


def claim(privacy: Privacy, drafted: bool, trusted: Sequence[str] = ()) -> dict[str, Any]:
    """noise, adjacency and schema of a trial's epsilon. drafted: its cohort's schema was read from patients, and nobody confirmed it.

    trusted: plug-ins of others that meet training patients, by name: epsilon holds if they are honest.
    """
    return {
        "noise": privacy.noise,
        "adjacency": ZERO_OUT if privacy.public_sizes else ADD_REMOVE,
        "schema": DRAFTED if drafted else "confirmed",
        **({"trusts": list(trusted)} if trusted else {}),
    }


def words(trial: Mapping[str, Any]) -> str:
    """What is said beside the epsilon of a trial.json: "simulated", "secure; zero-out, sizes and labels public"; "" without privacy."""
    asked = trial["spec"].get("privacy")
    return told(asked, trial.get("privacy") or {}) if asked else ""


def told(asked: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    """The same of a suite's privacy and a `claim`, of which an older trial said nothing: then its sizes were public."""
    noise = said.get("noise") or (SECURE if asked.get("secure") else SIMULATED)
    adjacency = said.get("adjacency") or (ZERO_OUT if asked.get("public_sizes", True) else ADD_REMOVE)
    adjacent = [adjacency] if adjacency != ADD_REMOVE else []
    drafted = [DRAFTED] if said.get("schema") == DRAFTED else []
    return "; ".join([noise, *adjacent, *drafted, *_if_honest(said.get("trusts") or ())])


def _if_honest(names: Sequence[str]) -> list[str]:
    """Of who is trusted; nothing where only the core's own meet patients."""
    return [f"holds if {' and '.join(names)} {'is' if len(names) == 1 else 'are'} honest"] if names else []

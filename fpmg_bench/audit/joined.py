"""Several audited runs of one claim as one audit: more canaries, so a larger epsilon can be refuted.

Every canary is in one run only, and what a run releases depends on no other run's coins. So all releases together are
(epsilon, delta)-private for each coin, and theorem 5.2 of Steinke et al. holds for all canaries, all guesses and all that were right,
added up. A seed counts once: its coins are the same wherever it was run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fpmg_bench.audit.bound import CONFIDENCE, JOINED, ceiling, lower_bound, needed
from fpmg_bench.audit.finding import Bounds

Trial = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined(Bounds):
    """What the audits of one method on one cohort say together, added up over `runs`; formal: the largest of theirs.

    needed: canaries that could refute it if every guess was right; None: no number of them could.
    """

    dataset: str
    method: str
    runs: int
    needed: int | None

    @property
    def out_of_reach(self) -> str:
        """With what it would take."""
        return f"not falsifiable by these: {takes(self.needed)}"


def takes(canaries: int | None) -> str:
    """What an audit would need, in words."""
    return "at this delta no number of canaries could" if canaries is None else f"it takes {canaries:,} canaries"


def claims(trials: Sequence[Trial]) -> list[list[Trial]]:
    """Audited trials by what they claim: all of their spec but the seed. Of trials with the same seed the first."""
    found: dict[str, dict[int, Trial]] = {}
    for trial in trials:
        if trial.get("audit"):
            spec = {name: value for name, value in trial["spec"].items() if name != "seed"}
            found.setdefault(json.dumps(spec, sort_keys=True, default=str), {}).setdefault(trial["spec"]["seed"], trial)
    return [list(seeds.values()) for seeds in found.values()]


def joined(trials: Sequence[Trial]) -> Joined | None:
    """The audits of one claim together; None of one alone, and where older ones do not tell what each scorer guessed."""
    spec, audits = trials[0]["spec"], [trial["audit"] for trial in trials]
    told = [dict(_scorers(audit)) for audit in audits]
    common = [name for name in told[0] if all(name in each for each in told)]
    if len(trials) < 2 or not common:
        return None
    formal, delta = max(float(audit["formal"]) for audit in audits), max(float(audit["delta"]) for audit in audits)
    canaries, confidence = sum(audit["canaries"] for audit in audits), 1 - (1 - CONFIDENCE) * JOINED / len(common)
    found = []
    for scorer in common:
        guesses, right = (sum(each[scorer][count] for each in told) for count in ("guesses", "correct"))
        bounds = lower_bound(canaries, guesses, right, delta, confidence), ceiling(canaries, guesses, delta, confidence)
        more = None if formal == float("inf") else needed(formal, delta, guesses / canaries, confidence)
        about = {"dataset": spec["dataset_name"], "method": spec["method"], "runs": len(trials), "needed": more}
        found.append(Joined(canaries, guesses, right, *bounds, formal, delta, scorer, **about))
    return max(found, key=lambda each: each.epsilon_lower)


def _scorers(audit: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, int]]]:
    """What each scorer guessed; an audit from before says it of the worst alone, which is all where no other was tried."""
    if audit.get("scorers"):
        yield from audit["scorers"].items()
    elif audit.get("tried", 1) == 1:
        yield audit["scorer"], {"guesses": audit["guesses"], "correct": audit["correct"]}

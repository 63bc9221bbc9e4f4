"""Passed, demoted or not calibrated: the verdicts of the reference run, kept in verdicts.json beside this file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from fpmg_bench.calibration.bars import EXACT, Outcome, Stays, judge
from fpmg_bench.calibration.observations import ENCODED
from fpmg_bench.calibration.response import Response, smallest_n
from fpmg_bench.hookspecs import CORE

Word = Literal["passed", "demoted", "not calibrated", "exact"]
FILE = "verdicts.json"
SIZED = re.compile(r"phantom-\d+")  # cohorts made to find the smallest n: they give sizes, no verdicts
SIGNS: Mapping[Word, str] = {"passed": "", "demoted": " ✗", "not calibrated": " °", "exact": ""}


@dataclass(frozen=True, slots=True)
class Failure:
    """A bar that was missed."""

    control: str
    cohort: str
    score: str
    expected: str
    found: str

    @property
    def text(self) -> str:
        """In one line."""
        return f"{self.control} on {self.cohort}: {self.score} {self.found}, expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one score: bars met of those measured, what failed, and the smallest n by control.

    smallest_n: control -> patients of the smallest phantom that suffices, None where no measured size does.
    """

    score: str
    word: Word
    met: int = 0
    measured: int = 0
    failures: tuple[Failure, ...] = ()
    smallest_n: Mapping[str, int | None] | None = None
    note: str = ""

    @property
    def text(self) -> str:
        """One line for a tooltip or a terminal."""
        if self.word == "passed":
            return f"passed {self.met} control bars"
        if self.word == "demoted":
            return f"demoted, {len(self.failures)} of {self.measured} control bars missed: " + "; ".join(
                f.text for f in self.failures[:3]
            )
        return f"{self.word}: {self.note}" if self.note else self.word

    @property
    def sign(self) -> str:
        """What follows the score's name in a table head: " ✗" demoted, " °" not calibrated, else nothing."""
        return SIGNS[self.word]

    @property
    def counts(self) -> bool:
        """Whether the score may lead, rank or decide: all but the demoted ones."""
        return self.word != "demoted"


def verdicts(responses: Iterable[Response]) -> dict[str, Verdict]:
    """score -> verdict, by modality taken together as "key@*"; only of scores that a bar was measured on."""
    found = list(responses)
    by_score: dict[str, list[Outcome]] = {}
    for outcome in judge(found):
        if outcome.met is not None:
            by_score.setdefault(_pooled(outcome.response.score), []).append(outcome)
    sizes = smallest(found)
    return {score: _verdict(score, outcomes, sizes.get(score, {})) for score, outcomes in sorted(by_score.items())}


def by_size(responses: Iterable[Response]) -> dict[tuple[str, str], list[Response]]:
    """(score, control) -> its responses by rising n, on cohorts named alike but for a size ("phantom-300"), where a bar asks for power."""
    series: dict[tuple[str, str], dict[str, Response]] = {}
    for outcome in judge(responses):
        r = outcome.response
        if r.power is not None and r.false_alarm is not None and SIZED.fullmatch(r.cohort) and _asks_power(outcome):
            series.setdefault((r.score, r.control), {})[r.cohort] = r
    return {key: sorted(mine.values(), key=lambda r: r.n) for key, mine in series.items()}


def smallest(responses: Iterable[Response]) -> dict[str, dict[str, int | None]]:
    """score -> control -> smallest n; of several modalities the largest, None where one has none."""
    found: dict[str, dict[str, int | None]] = {}
    for (score, control), mine in by_size(responses).items():
        own, n = found.setdefault(_pooled(score), {}), smallest_n(mine)
        before = own.get(control, n)
        own[control] = None if n is None or before is None else max(n, before)
    return found


def shown(responses: Iterable[Response]) -> dict[str, list[Response]]:
    """cohort -> responses that are listed one by one: the cohorts of several sizes only where there are no others."""
    found: dict[str, list[Response]] = {}
    for r in responses:
        found.setdefault(r.cohort, []).append(r)
    full = {cohort: mine for cohort, mine in found.items() if not SIZED.fullmatch(cohort)}
    return full or found


def _asks_power(outcome: Outcome) -> bool:
    return outcome.response.control.removeprefix(ENCODED) != "oracle" and not isinstance(outcome.bar.expected, Stays)


def _pooled(score: str) -> str:
    return f"{score.partition('@')[0]}@*" if "@" in score else score


def _verdict(score: str, outcomes: Sequence[Outcome], sizes: Mapping[str, int | None]) -> Verdict:
    judged = [o for o in outcomes if not SIZED.fullmatch(o.response.cohort)]
    missed = tuple(
        Failure(o.response.control, o.response.cohort, o.response.score, o.bar.expected.text, o.found)
        for o in judged
        if not o.met
    )
    word: Word = "not calibrated" if not judged else "demoted" if missed else "passed"
    return Verdict(score, word, sum(bool(o.met) for o in judged), len(judged), missed, dict(sizes))


def mark(key: str, modality: str | None = None, origin: str = CORE) -> Verdict:
    """The reference run's verdict on a score (all modalities, or by modality). `amp.*` inherits that of the score it is made of.

    origin: the distribution of the metric; the verdicts are about what ships, whatever name another one takes.
    """
    if origin != CORE:
        return Verdict(key, "not calibrated", note=f"a metric of {origin}, on which no reference run was made")
    kept = reference()["verdicts"]
    base = score_of(key)
    exact = next((why for glob, why in EXACT.items() if fnmatchcase(base, glob)), "")
    if exact:
        return Verdict(key, "exact", note=exact)
    score = f"{base}@*" if modality else base
    found = kept.get(score)
    return from_json(found) if found else Verdict(key, "not calibrated", note="no control bar was measured for it")


def score_of(key: str) -> str:
    """The score that `amp.*` is made of; any other score itself."""
    return key.split(".", 2)[2] if key.startswith(("amp.gap.", "amp.recovered.")) else key


def summary(metric: str, origin: str = CORE) -> str:
    """How many scores of a metric passed or were demoted in the reference run, in words. origin: see `mark`."""
    if origin != CORE:
        return "not calibrated"
    words = [v["word"] for score, v in reference()["verdicts"].items() if score.partition("@")[0].partition(".")[0] == metric]
    said = [f"{words.count(word)} {word}" for word in ("passed", "demoted") if word in words]
    return ", ".join(said) or "not calibrated"


@lru_cache(maxsize=1)
def reference() -> Mapping[str, Any]:
    """verdicts.json: {"made": command, commit, versions, runs; "verdicts": score -> verdict}."""
    file = files("fpmg_bench.calibration") / FILE
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {"made": {}, "verdicts": {}}
    return found


def to_json(found: Mapping[str, Verdict], made: Mapping[str, Any]) -> str:
    """The text of verdicts.json; the same verdicts give the same text."""
    whole = {"made": dict(made), "verdicts": {score: asdict(verdict) for score, verdict in found.items()}}
    return json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def from_json(entry: Mapping[str, Any]) -> Verdict:
    """A verdict as verdicts.json has it."""
    return Verdict(**{**entry, "failures": tuple(Failure(**f) for f in entry["failures"])})

"""What every panel is given: the cohorts of the runs, their methods and trials, the scores and the drawing styles."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fpmg_bench.calibration import score_of
from fpmg_bench.hookspecs import CORE
from fpmg_bench.report.drawing.palette import Style, styles
from fpmg_bench.report.read import RunFiles, TrialFiles
from fpmg_bench.report.scores import Scores, Summary
from fpmg_bench.report.wording import slug


@dataclass(frozen=True, slots=True)
class Method:
    """One method on one cohort: its trials, one a seed."""

    name: str
    role: str
    trials: Sequence[TrialFiles]

    @property
    def spec(self) -> Mapping[str, Any]:
        return self.trials[0].spec

    @property
    def done(self) -> list[TrialFiles]:
        return [trial for trial in self.trials if trial.status == "ok"]

    @property
    def pooled(self) -> bool:
        """Centralized training: one silo holds everything."""
        partition = self.spec.get("partition") or {}
        return partition == "pooled" or (isinstance(partition, Mapping) and partition.get("kind") == "pooled")

    @property
    def private(self) -> bool:
        return bool(self.spec.get("privacy"))

    @property
    def audited(self) -> bool:
        """Do canaries, made-up patients, train with the others?"""
        return bool(self.spec.get("audit"))

    def uses(self, kind: str, name: str) -> bool:
        """Is the component of this kind the one called `name`?"""
        choice = self.spec.get(kind)
        return bool(choice) and (choice == name or (isinstance(choice, Mapping) and choice.get("name") == name))

    @property
    def verdict(self) -> tuple[str, str]:
        """Status and reason that explain a missing number: of the first trial that is not ok."""
        bad = [trial for trial in self.trials if trial.status != "ok"]
        return (bad[0].status, bad[0].reason) if bad else ("ok", "")


@dataclass(frozen=True, slots=True)
class Group:
    """One cohort of one run."""

    run: RunFiles
    dataset: str
    title: str
    id: str
    methods: Sequence[Method]

    @property
    def cohort(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = (self.run.plan.get("cohorts") or {}).get(self.dataset) or {}
        return found

    @property
    def trained(self) -> list[Method]:
        """All but controls."""
        return [method for method in self.methods if method.role != "control"]

    @property
    def ranked(self) -> list[Method]:
        """Methods that compete: no controls, no decoded patients, and no trials with canaries, which change the patients and so the utility."""
        beside = self.decoded
        return [method for method in self.trained if not method.audited and method not in beside]

    @property
    def decoded(self) -> list[Method]:
        """Encoders alone beside methods with a generator: the training patients, encoded and decoded."""
        found = [method for method in self.trained if method.role == "decoded"]
        return found if len(found) < len(self.trained) else []

    @property
    def controls(self) -> list[Method]:
        return [method for method in self.methods if method.role == "control"]

    @property
    def seeds(self) -> list[int]:
        return sorted({trial.seed for method in self.methods for trial in method.trials})


@dataclass(frozen=True, slots=True)
class View:
    """The whole report's input."""

    runs: Sequence[RunFiles]
    groups: Sequence[Group]
    scores: Scores
    styles: Mapping[str, Style]

    def summary(
        self,
        group: Group,
        method: Method,
        metric: str,
        modality: str | None = None,
        scope: str = "all",
        seeds: Collection[int] | None = None,
    ) -> Summary:
        """A metric over seeds, or those named; where there is no row of it, the trial's own status and reason, or those of the whole metric."""
        found = self.scores.summary(
            group.run.suite,
            group.dataset,
            method.name,
            metric,
            modality=modality,
            scope=scope,
            of=len(method.trials),
            seeds=seeds,
        )
        if found.status != "absent":
            return found
        status, reason = method.verdict
        parent = self.scores.summary(group.run.suite, group.dataset, method.name, metric.partition(".")[0])
        if status == "ok" and parent.mean is None:
            status, reason = parent.status, parent.reason
        return Summary(None, None, None, 0, found.of, "absent" if status == "ok" else status, reason)

    def origin(self, group: Group, score: str) -> str:
        """The distribution whose metric gave the score; of `amp.*` that of the score it is made of."""
        key = score_of(score)
        for component in group.run.plan.get("components") or ():
            name = component.get("name")
            if component.get("kind") == "metric" and (key == name or key.startswith(f"{name}.")):
                return str(component.get("distribution") or CORE)
        return CORE

    def floor(self, group: Group, metric: str, scope: str = "all") -> float | None:
        """What real patients score in the place of a release, mean over the methods: each has the same real patients."""
        floors = [f for m in group.methods if (f := self.summary(group, m, metric, scope=scope).floor) is not None]
        return sum(floors) / len(floors) if floors else None

    def values(self, group: Group, method: Method, metric: str) -> dict[int, float]:
        """Seed -> value."""
        return self.scores.values(group.run.suite, group.dataset, method.name, metric)

    def has(self, group: Group, metric: str) -> bool:
        return self.scores.has(group.run.suite, group.dataset, metric)

    def measured(self, group: Group, metric: str) -> bool:
        """Does any method of this cohort have a value of it, over all silos?"""
        return any(self.values(group, method, metric) for method in group.methods)

    def trials(self) -> Iterator[TrialFiles]:
        for run in self.runs:
            yield from run.trials


def view(runs: Sequence[RunFiles]) -> View:
    """Groups the trials by cohort; with several runs a cohort's title carries the suite's name."""
    groups = [group for run in runs for group in _groups(run, many=len(runs) > 1)]
    names = [method.name for group in groups for method in group.methods]
    return View(runs, groups, Scores(row for run in runs for row in run.results), styles(names))


def _groups(run: RunFiles, *, many: bool) -> Iterator[Group]:
    for dataset in dict.fromkeys(trial.dataset for trial in run.trials):
        mine = [trial for trial in run.trials if trial.dataset == dataset]
        title = f"{dataset} · {run.suite}" if many else dataset
        yield Group(run, dataset, title, slug(run.suite, dataset) if many else slug(dataset), _methods(mine))


def _methods(trials: Sequence[TrialFiles]) -> list[Method]:
    found: dict[str, list[TrialFiles]] = {}
    for trial in trials:
        found.setdefault(trial.method, []).append(trial)
    return [Method(name, mine[0].role, tuple(sorted(mine, key=lambda t: t.seed))) for name, mine in found.items()]

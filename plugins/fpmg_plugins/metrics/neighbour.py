"""The ring neighbour's view: what a silo, a colluding pair or a server learns of a silo's patients from the frames it received."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import SERVER, Scale, Score
from fpmg_plugins.metrics import neighbour_views
from fpmg_plugins.metrics.neighbour_attacks import ATTACKS, Target, by_round
from fpmg_plugins.metrics.neighbour_people import People, people
from fpmg_plugins.metrics.neighbour_worst import Answer, Answers, Attack, Told, chosen
from fpmg_plugins.metrics.resampling import fresh_seed

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Rng
    from fpmg_plugins.metrics.neighbour_views import Sights

HEADLINE = "neighbour.membership"
JOINT = "joint"
FARTHEST = 15  # hops that have a key
WORST = "AUROC of the worst attack, chosen on half of the patients and scored on the other"
BY = {
    "loss": "minus the loss at the received weights, LOGAN, Hayes et al. 2019",
    "drop": "loss before less loss after the round's local training",
    "gradient": "slope of the loss along the received change over its size, Li et al. 2023",
}


def _area(source: str) -> Scale:
    return Scale(0.5, False, low=0.0, high=1.0, unit="AUROC", source=source)


class Neighbour:
    """TODO"""

    family: ClassVar[str] = "PG"
    scales: ClassVar[Mapping[str, Scale]] = {
        "neighbour.membership": _area(WORST),
        **{f"neighbour.hop_{k}": _area(f"{WORST}; by the silo {k} hops behind") for k in range(1, FARTHEST + 1)},
        "neighbour.pair": _area(f"{WORST}; by the two silos beside"),
        "neighbour.server": _area(f"{WORST}; by the star's server"),
        "neighbour.client": _area(f"{WORST}; by a silo that sees merged models only"),
        "neighbour.stage1": _area(f"{WORST}; from encoders"),
        "neighbour.stage2": _area(f"{WORST}; from the generator's stage"),
        **{f"neighbour.{name}": _area(f"{WORST}; {how}") for name, how in BY.items()},
    }

    def __init__(
        self, rounds: Annotated[int, Ge(1)] = 6, patients: Annotated[int, Ge(20)] = 200, resamples: Annotated[int, Ge(20)] = 200
    ) -> None:
        self.rounds = rounds
        self.patients = patients
        self.resamples = resamples

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        seed = fresh_seed(rng)
        seen = neighbour_views.views(evidence, self.rounds)
        if not seen:
            raise NotApplicable(_why_unseen(evidence))
        answers = self._asked(evidence, seen, seed)
        if not answers:
            raise NotApplicable("no learner of this method says what it minimises, so nothing can be asked of its weights")
        return self._membership(evidence, answers, seed)

    def _asked(self, evidence: Evidence, seen: neighbour_views.Views, seed: int) -> Answers:
        """Every attack's answers, one a silo; sights of the same tensors are asked once."""
        found: dict[Attack, dict[int, Answer]] = {}
        for silo in sorted({victim for _, victim in seen}):
            try:
                asked = people(evidence, silo, self.patients, np.random.default_rng((seed, silo)))
            except NotApplicable as error:
                evidence.not_applicable(HEADLINE, error.reason, f"silo:{evidence.silo_names[silo]}")
                continue
            kept: dict[Any, dict[str, Any]] = {}
            for adversary, stages in ((name, of) for (name, victim), of in seen.items() if victim == silo):
                for stage, sights in stages.items():
                    key = (stage, tuple(sight.key for sight in sights))
                    if key not in kept:
                        kept[key] = dict(_answers(evidence, asked, stage, sights, seed))
                    for (module, score), answer in kept[key].items():
                        attack = Attack(adversary, stage, module, _modality(evidence, stage, module), score)
                        found.setdefault(attack, {})[silo] = answer
        return found

    def _membership(self, evidence: Evidence, answers: Answers, seed: int) -> list[Score]:
        told = Told(answers, evidence.silo_names, self.resamples, seed)
        scores = []
        for key, modality, among in _questions(answers):
            choice = chosen(answers, among)
            if choice is None:
                continue
            scores += told.scores(key, choice, modality)
            if key == HEADLINE and modality:
                rounds = sorted({r for attack in choice.values() for a in answers[attack].values() for r in a.rounds})
                scores += [score for r in rounds for score in told.scores(key, choice, modality, r)]
        return scores


def _questions(answers: Answers) -> Iterator[tuple[str, str | None, list[Attack]]]:
    """(key, modality, attacks to choose among)."""
    every = list(answers)
    modalities = list(dict.fromkeys(a.modality for a in every))
    yield HEADLINE, None, every
    for m in modalities:
        yield HEADLINE, m, [a for a in every if a.modality == m]
    for adversary in dict.fromkeys(a.adversary for a in every):
        mine = [a for a in every if a.adversary == adversary]
        yield f"neighbour.{adversary}", None, mine
        for m in modalities:
            if of := [a for a in mine if a.modality == m]:
                yield f"neighbour.{adversary}", m, of
    for stage in ("stage1", "stage2"):
        yield f"neighbour.{stage}", None, [a for a in every if a.stage.partition(":")[0] == stage]
    for name in ATTACKS:
        yield f"neighbour.{name}", None, [a for a in every if a.score == name]


def _answers(
    evidence: Evidence, asked: People, stage: str, sights: Sights, seed: int
) -> Iterator[tuple[tuple[str, str], Answer]]:
    """(module, attack) -> the answer, of every module of a stage that says what it minimises."""
    objectives = evidence.objectives(stage, sights[0].state)
    sent = {module for sight in sights for module in sight.modules}
    rows = [evidence.rows(stage, cohort, asked.silo) for cohort in asked.cohorts]
    if not all(len(at) for _, at in rows):
        return
    records = np.concatenate([cohort.patient[at] for cohort, (_, at) in zip(asked.cohorts, rows, strict=True)])
    for module in sorted(sent & set(objectives)):
        target = Target.of(module, objectives[module], [part for part, _ in rows])
        rounds, scores = by_round(target, sights, seed)
        of = asked.of_patients(scores, records)
        for i, name in enumerate(ATTACKS):
            answer = Answer(asked, rounds, of[:, i])
            if answer.enough:
                yield (module, name), answer


def _modality(evidence: Evidence, stage: str, module: str) -> str:
    """Whose records a module tells of: its stage's, or the one in its name; else all of them together."""
    named = stage.partition(":")[2] or module.partition(".")[2]
    return named if named in evidence.train.schemas else JOINT


def _why_unseen(evidence: Evidence) -> str:
    if any(evidence.frames(at) for at in [SERVER, *evidence.released]):
        return "every frame was masked (secure aggregation): nobody saw a silo's weights"
    if len(evidence.released) < 2:
        return "one silo: nobody receives its weights"
    return "no frames: nothing travelled, or they were not kept; write `frames: true` in the suite"

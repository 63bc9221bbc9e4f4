"""The ring neighbour's view: what a silo, a colluding pair or a server learns of a silo's patients from the frames it received."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import SERVER, Scale, Score
from fpmg_plugins.metrics.privacy.neighbour import rebuilding, received, sums
from fpmg_plugins.metrics.privacy.neighbour import views as neighbour_views
from fpmg_plugins.metrics.privacy.neighbour.attacks import ATTACKS
from fpmg_plugins.metrics.privacy.neighbour.membership import answers, asking
from fpmg_plugins.metrics.privacy.neighbour.worst import Answers, Attack, Told
from fpmg_plugins.metrics.resampling import fresh_seed

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Rng

HEADLINE = "neighbour.membership"
BASIC = ("hop_1", neighbour_views.AT_SERVER, neighbour_views.CLIENT)  # told by modality too
ROWS = 8  # rebuilt from one change of the weights
WORST = "AUROC of the worst attack, chosen on half of the patients and scored on the other"
BY = {
    "loss": "minus the loss at the received weights, LOGAN, Hayes et al. 2019",
    "drop": "loss before less loss after the round's local training",
    "gradient": "slope of the loss along the received change over its size, Li et al. 2023",
    "trace": "tracing by 20,000 draws of the received model, Dwork et al. 2015",
    "sums": "tracing by the sums exchanged before round 0, Dwork et al. 2015",
    "total": "tracing by the total of those sums less the adversary's own part",
}


def _area(source: str) -> Scale:
    return Scale(0.5, False, low=0.0, high=1.0, unit="AUROC", source=source)


class Neighbour:
    """The ring neighbour's view: what passive adversaries infer of one silo's patients from exactly the messages they received.

    Members: the silo's training patients; non-members: as many held-out patients of the same site and classes. From each model
    seen, with the weights it was trained from, three scores: `neighbour.loss` (minus the loss), `neighbour.drop` (what local
    training lowered), `neighbour.gradient` (slope of the patient's loss along the change of the weights, over its size along random
    changes), means over rounds. `neighbour.trace` needs no objective: `membership.trace` with 20,000 draws of the received generator in the
    place of the released one's, a mean over the first and the last round that was looked at. From the sums exchanged before round
    0 `neighbour.sums`: a patient's share in the silo's mean, by ridge regression on all training and held-out patients (1,000 at most), who are
    treated alike (on a ring all silos get the sums; told under `neighbour.hop_1`). Under
    masks the same is tried on what arrives, which is to give nobody away, and `neighbour.total` on the total less the adversary's own
    part, which masks do not hide, and on numbers in it that are one silo's alone (`sites: true`). Values are AUROC, range
    [0, 1], ideal .5; 1: every member is recognised. Each key is the worst attack of its kind, the mean over silos, chosen (most
    surely above .5) on half of the patients and scored on the other, in both
    directions; scope silo:NAME: that attack on that silo's patients. Interval: bootstrap over patients. Floor: R1 as members, R2 as non-members.
    `neighbour.membership`: the worst adversary; by modality ("joint": the discriminator of all), and by round of its stage.
    `neighbour.hop_K`, `neighbour.farthest`: the silo K hops behind on the ring; a relay hands every silo's weights to all,
    gossip only to neighbours, others then attack what they got. `neighbour.pair`: both neighbours together; on gossip they know the
    victim's merge, so what it trained from. `neighbour.server`: the star's server. `neighbour.client`: a silo that gets merged
    models only. `neighbour.stage1`, `neighbour.stage2`: encoders, generator.
    `neighbour.inversion`: rows are optimised until their gradient points along the received change, from the neighbour's own
    patients as a first guess, for tables, pictures and joint vectors of the `invert_silos` smallest silos in their first
    `invert_rounds` rounds (`invert` iterations, 0: not at all); AUROC of candidates by nearness to a rebuilt row.
    `neighbour.rebuilt`: mean error of a member's best match over that of the mean row; ideal 1; floor: of non-members.
    Needs `frames: true`, learners with an objective (but `trace`, `sums`, `total`) and 20 patients a side.
    Pitfalls: passive attacks, so .5 is no proof of privacy; they know the candidate's whole record, tracing all candidates' at
    once, as an auditor does; stage 2 is asked through the
    silo's released encoders; at most `rounds` rounds of a stage are looked at, spread evenly. Standard error of one silo's AUC
    at n and n patients: 25 .08, 100 .04.
    """

    family: ClassVar[str] = "PG"
    scales: ClassVar[Mapping[str, Scale]] = {
        "neighbour.membership": _area(WORST),
        **{f"neighbour.hop_{k}": _area(f"{WORST}; by the silo {k} hops behind") for k in range(1, neighbour_views.HOPS + 1)},
        "neighbour.farthest": _area(f"{WORST}; by the silo farthest behind"),
        "neighbour.pair": _area(f"{WORST}; by the two silos beside"),
        "neighbour.server": _area(f"{WORST}; by the star's server"),
        "neighbour.client": _area(f"{WORST}; by a silo that sees merged models only"),
        "neighbour.stage1": _area(f"{WORST}; from encoders"),
        "neighbour.stage2": _area(f"{WORST}; from the generator's stage"),
        **{f"neighbour.{name}": _area(f"{WORST}; {how}") for name, how in BY.items()},
        "neighbour.inversion": _area("AUROC of nearness to rows rebuilt by gradient inversion, Geiping et al. 2020"),
        "neighbour.rebuilt": Scale(
            1.0, True, low=0.0, unit="ratio", source="error of the best rebuilt row over that of the mean row"
        ),
    }

    def __init__(
        self,
        rounds: Annotated[int, Ge(1)] = 4,
        patients: Annotated[int, Ge(20)] = 200,
        resamples: Annotated[int, Ge(20)] = 200,
        invert: Annotated[int, Ge(0)] = 60,
        invert_silos: Annotated[int, Ge(1)] = 2,
        invert_rounds: Annotated[int, Ge(1)] = 1,
    ) -> None:
        self.rounds = rounds
        self.patients = patients
        self.resamples = resamples
        self.invert = invert
        self.invert_silos = invert_silos
        self.invert_rounds = invert_rounds

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        seed = fresh_seed(rng)
        seen = neighbour_views.views(evidence, self.rounds)
        summed = {silo for held in sums.seen(evidence)[1].values() for silo in held if silo in evidence.released}
        if not seen and not summed:
            raise NotApplicable(_why_unseen(evidence))
        _say_masked(evidence)
        silos = asking(evidence, {victim for _, victim in seen} | summed, self.patients, seed, HEADLINE)
        requested = {**answers(seen, silos), **received.answers(evidence, seen, silos), **sums.answers(evidence, silos)}
        if not requested:
            raise NotApplicable(
                "of what was sent nothing says what it minimises: discriminators stay at home, or learners have no objective"
            )
        if not any(attack.stage == "stage2" for attack in requested) and any("stage2" in stages for stages in seen.values()):
            evidence.not_applicable("neighbour.stage2", "of the generator's stage nothing was sent that says what it minimises")
        effort = rebuilding.Effort(self.invert_silos, self.invert_rounds, ROWS, self.invert)
        found = rebuilding.rebuilt(seen, silos, effort, seed)
        return [
            *self._membership(evidence, requested, seed),
            *rebuilding.scores(found, evidence.silo_names, self.resamples, seed),
        ]

    def _membership(self, evidence: Evidence, requested: Answers, seed: int) -> list[Score]:
        reported = Told(requested, evidence.silo_names, self.resamples, seed)
        scores = []
        for key, modality, among in _questions(requested):
            choice = reported.chosen(among)
            if choice is None:
                continue
            scores += reported.scores(key, choice, modality)
            if key == HEADLINE and modality:
                rounds = sorted({r for attack in choice.values() for a in requested[attack].values() for r in a.rounds if r >= 0})
                scores += [score for r in rounds for score in reported.scores(key, choice, modality, r)]
        return scores


def _questions(requested: Answers) -> Iterator[tuple[str, str | None, list[Attack]]]:
    """(key, modality, attacks to choose among)."""
    every = list(requested)
    modalities = list(dict.fromkeys(a.modality for a in every))
    yield HEADLINE, None, every
    for m in modalities:
        yield HEADLINE, m, [a for a in every if a.modality == m]
    for adversary in dict.fromkeys(a.adversary for a in every):
        mine = [a for a in every if a.adversary == adversary]
        yield f"neighbour.{adversary}", None, mine
        for m in modalities if adversary in BASIC else ():
            if of := [a for a in mine if a.modality == m]:
                yield f"neighbour.{adversary}", m, of
    for stage in ("stage1", "stage2"):
        yield f"neighbour.{stage}", None, [a for a in every if a.stage.partition(":")[0] == stage]
    for name in (*ATTACKS, received.TRACE, sums.SUMS, sums.TOTAL):
        yield f"neighbour.{name}", None, [a for a in every if a.score == name]


def _say_masked(evidence: Evidence) -> None:
    frames = evidence.frames(SERVER)
    if frames and all(frame["masked"] and sums.SUMS not in frame for frame in frames):
        evidence.not_applicable("neighbour.server", "secure aggregation: the server sees sums of masked weights")


def _why_unseen(evidence: Evidence) -> str:
    if any(evidence.frames(at) for at in [SERVER, *evidence.released]):
        return "every frame was masked (secure aggregation): nobody saw a silo's weights"
    if len(evidence.released) < 2:
        return "one silo: nobody receives its weights"
    return "no frames: nothing travelled, or they were not kept; write `frames: true` in the suite"

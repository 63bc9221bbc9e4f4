"""What stages 1 and 3 lose: held-out patients after encoding and decoding, against themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_bench.types import Scale, Score
from fpmg_plugins import findings
from fpmg_plugins.metrics import table_fidelity
from fpmg_plugins.metrics.resampling import fresh_seed
from fpmg_plugins.metrics.round_trip import label_kept, pixel_fidelity, recognised, series_fidelity

if TYPE_CHECKING:
    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort, Rng

    Measure = Callable[[Evidence, str, Cohort, int], list[Score]]

WANG = "Wang et al. 2004, scikit-image"
ESTEBAN = "classifier trained on real patients"
HILPRECHT = "reconstruction attack, Hilprecht et al. 2019"
CHAPMAN = "Chapman et al. 2001 (NegEx)"
LEAST = 10  # held-out records of a modality


class Reconstruction:
    """Round trip of held-out patients through each silo's own encoder and decoder, modality by modality; best and range in brackets.

    `auroc`: a classifier trained on the real training patients (phi; logistic and trees), tested on the decoded patients, floor
    on the real ones [1; 0..1]; `label_kept` = (auroc - .5) / (floor - .5), only where the floor's 95 % interval is above .55 [1].
    Image and video, at 64 px, a mean over frames: `ssim` [1; -1..1], `sharpness` = variance of the Laplacian over the real one's
    [1], `ssim_pca`: principal components fitted on the real training pixels, as many as the vector has numbers.
    Series: `rmse` over seen values, each channel in standard deviations of the training patients [0]; `rmse_locf`: the last seen
    value carried forward; `rmse_pca`: principal components of mean-imputed training series, as many as the vector has numbers;
    `gaps`: share of cells whose being seen is decoded rightly [1].
    Table: `shapes` = sdmetrics column shapes [1; 0..1], `invalid`: cells outside the declared categories or range [0].
    Text: `finding_f1` of finding words with their negation [1; 0..1]; `finding_f1_commonest`: of the text that says what most
    training texts say; `well_formed`: share of texts [1; 0..1].
    All: `membership` = AUROC of telling training patients from held-out ones by how near a patient's best record comes back (squared
    error of pictures and seen values, wrong cells, 1 - F1 of words) [.5; 0..1]; needs 20 patients a side; interval: bootstrap.
    Needs 10 held-out records of a modality. Pitfalls: a decoder that draws the mean patient has a good error and no label left;
    a sharp picture may be sharply wrong: read ssim and sharpness together.
    """

    family: ClassVar[str] = "reconstruction"
    cheap: ClassVar[bool] = False
    scales: ClassVar[Mapping[str, Scale]] = {
        "reconstruction.auroc": Scale(1.0, True, low=0.0, high=1.0, unit="AUROC", source=ESTEBAN),
        "reconstruction.label_kept": Scale(1.0, True, unit="share", source=ESTEBAN),
        "reconstruction.ssim": Scale(1.0, True, low=-1.0, high=1.0, unit="SSIM", source=WANG),
        "reconstruction.ssim_pca": Scale(1.0, None, low=-1.0, high=1.0, unit="SSIM", source=WANG),
        "reconstruction.sharpness": Scale(1.0, None, low=0.0, unit="ratio", source="variance of the Laplacian"),
        "reconstruction.rmse": Scale(0.0, False, low=0.0, unit="standard deviations", source="masked root mean square"),
        "reconstruction.rmse_locf": Scale(0.0, None, low=0.0, unit="standard deviations", source="last value carried forward"),
        "reconstruction.rmse_pca": Scale(0.0, None, low=0.0, unit="standard deviations", source="scikit-learn PCA"),
        "reconstruction.gaps": Scale(1.0, True, low=0.0, high=1.0, unit="share", source="agreement of masks"),
        "reconstruction.shapes": Scale(1.0, True, low=0.0, high=1.0, unit="similarity", source="sdmetrics"),
        "reconstruction.invalid": Scale(0.0, False, low=0.0, unit="cells", source="the declared schema"),
        "reconstruction.finding_f1": Scale(1.0, True, low=0.0, high=1.0, unit="F1", source=CHAPMAN),
        "reconstruction.finding_f1_commonest": Scale(1.0, None, low=0.0, high=1.0, unit="F1", source=CHAPMAN),
        "reconstruction.membership": Scale(0.5, False, low=0.0, high=1.0, unit="AUROC", source=HILPRECHT),
        "reconstruction.well_formed": Scale(1.0, True, low=0.0, high=1.0, unit="share", source="see the metric card"),
    }

    def __init__(self) -> None:
        pass

    def __call__(self, evidence: Evidence, rng: Rng) -> Sequence[Score]:
        """Every modality that the encoders serve, silo by silo."""
        trips, seed = evidence.round_trips(), fresh_seed(rng)
        scores: list[Score] = []
        for name in evidence.widths:
            for measure in (BY_KIND[evidence.train.schemas[name].kind], label_kept.scores):
                scored = partial(_scored, measure, evidence, name, seed)
                try:
                    scores += evidence.each_release(scored, trips, modality=name)
                except NotApplicable as missing:
                    evidence.not_applicable("*", missing.reason, modality=name)
            scores += _remembered(evidence, name, trips, seed)
        if not scores:
            raise NotApplicable("no modality has enough held-out records")
        return scores


def _remembered(evidence: Evidence, name: str, trips: Mapping[int, Cohort], seed: int) -> list[Score]:
    """`membership`, of the training patients that a silo's encoders may have seen: all, or where nothing travels its own."""
    try:
        back = evidence.round_trips(members=True)
        silo_of = {id(trip): silo for silo, trip in trips.items()}
        alone = evidence.bytes.get("messages") == 0

        def scored(trip: Cohort) -> list[Score]:
            silo = silo_of[id(trip)]
            own = np.flatnonzero((evidence.train.silo == silo) | (not alone))
            members = evidence.train.take(own), back[silo].take(own)
            return [recognised.score(evidence, name, members, (evidence.held_out, trip), seed)]

        return evidence.each_release(scored, trips, "reconstruction.membership", modality=name)
    except NotApplicable as missing:
        evidence.not_applicable("reconstruction.membership", missing.reason, modality=name)
        return []


def _scored(measure: Measure, evidence: Evidence, name: str, seed: int, trip: Cohort) -> list[Score]:
    have = int((trip.present[name] & evidence.held_out.present[name]).sum())
    if have < LEAST:
        raise NotApplicable(f"{have} held-out records have the modality {name!r} and an encoder; {LEAST} are needed")
    return measure(evidence, name, trip, seed)


def _pixels(evidence: Evidence, name: str, trip: Cohort, seed: int) -> list[Score]:
    real, made = _both(evidence, name, trip)
    found = pixel_fidelity.compare(real, made)
    training = evidence.train.data[name].take(evidence.train.present[name])
    key = ("pca pixels", name, evidence.widths[name])
    pca = evidence.once(key, lambda: pixel_fidelity.principal(training, real, evidence.widths[name]))
    scores = {"ssim": found.ssim, "ssim_pca": pca, "sharpness": found.sharpness}
    return [Score(f"reconstruction.{key}", value, n=len(real)) for key, value in scores.items()]


def _series(evidence: Evidence, name: str, trip: Cohort, seed: int) -> list[Score]:
    real, made = _both(evidence, name, trip)
    training = evidence.train.data[name].take(evidence.train.present[name])
    units = evidence.once(("series units", name), lambda: series_fidelity.units(training))
    rivals = evidence.once(
        ("series rivals", name, evidence.widths[name]),
        lambda: series_fidelity.rivals(training, real, units, evidence.widths[name]),
    )
    scores = {"rmse": series_fidelity.rmse(real, made, units), "gaps": float((real.seen == made.seen).mean()), **rivals}
    return [Score(f"reconstruction.{key}", value, n=len(real)) for key, value in scores.items()]


def _table(evidence: Evidence, name: str, trip: Cohort, seed: int) -> list[Score]:
    real, made = _both(evidence, name, trip)
    columns = evidence.train.schemas[name].columns
    scores = {
        "shapes": table_fidelity.shapes(columns, real.frame, made.frame),
        "invalid": table_fidelity.invalid(columns, made.frame),
    }
    return [Score(f"reconstruction.{key}", value, n=len(real)) for key, value in scores.items()]


def _text(evidence: Evidence, name: str, trip: Cohort, seed: int) -> list[Score]:
    real, made = (part.strings for part in _both(evidence, name, trip))
    training = evidence.train.data[name].take(evidence.train.present[name]).strings
    same = evidence.once(("commonest text", name), lambda: findings.f1(real, [findings.commonest(training)] * len(real)))
    scores = {
        "finding_f1": findings.f1(real, made),
        "finding_f1_commonest": same,
        "well_formed": findings.well_formed(made),
    }
    return [Score(f"reconstruction.{key}", value, n=len(real)) for key, value in scores.items()]


def _both(evidence: Evidence, name: str, trip: Cohort) -> tuple[Any, Any]:
    """The same records, real and decoded."""
    rows = np.flatnonzero(trip.present[name] & evidence.held_out.present[name])
    return evidence.held_out.data[name].take(rows), trip.data[name].take(rows)


BY_KIND: Mapping[str, Measure] = {"image": _pixels, "video": _pixels, "series": _series, "table": _table, "text": _text}

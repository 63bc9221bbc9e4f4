"""Shadow models of a trial's method, what each says of every patient, and what that says of the real model's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics.distances import placed
from fpmg_plugins.metrics.privacy.attacks.loss_scores import loss
from fpmg_plugins.metrics.privacy.attacks.trace_scores import masked
from fpmg_plugins.metrics.privacy.attacks.tracing import class_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort

    Floats = NDArray[np.floating[Any]]
    Name = tuple[str, str | None]
    Statistics = dict[str, Floats]  # what is looked at -> of every record [n]

DRAWS = 5_000
HAIR = 1e-2  # of the mean variance, added to each: vectors of some encoders hardly vary along some axes


@dataclass(frozen=True, slots=True)
class Shadows:
    """pool: all real patients at hand; inside [models, n]: whose record each model saw; of the models, one after the other,

    what they say of the records [models, n] by statistic, and the moments of what they release [models, w].
    """

    pool: tuple[Cohort, ...]
    inside: NDArray[np.bool_]
    said: dict[str, Floats]
    moments: Floats

    @property
    def patient(self) -> NDArray[np.int64]:
        """[n], one a record of the pool."""
        return np.concatenate([part.patient for part in self.pool])


def trained(evidence: Evidence, models: int, seed: int) -> Shadows:
    """Pairs of shadows, each on a random half of the patients. Raises NotApplicable where the method cannot be trained again."""
    rng = np.random.default_rng(seed)
    pool = _pool(evidence, rng)
    people, inverse = np.unique(np.concatenate([part.patient for part in pool]), return_inverse=True)
    ends = np.cumsum([len(part) for part in pool])[:-1]
    inside, said, moments = [], [], []
    for pair in range(models // 2):
        half = rng.permutation(len(people)) % 2
        for side in (0, 1):
            mine = half[inverse] == side
            shadow = evidence.again(
                [part.take(rows) for part, rows in zip(pool, np.split(mine, ends), strict=True)], 2 * pair + side
            )
            silo = next(iter(shadow.released))
            inside.append(mine)
            said.append(dict(_statistics(shadow, pool, silo)))
            moments.append(_moments(shadow, shadow.released[silo], evidence))
    kept = [name for name in said[0] if all(name in each for each in said)]
    return Shadows(pool, np.stack(inside), {name: np.stack([each[name] for each in said]) for name in kept}, np.stack(moments))


def scores(evidence: Evidence, shadows: Shadows, silo: int) -> dict[Name, Floats]:
    """(attack/statistic, None) -> score [n] of the pool's records; larger: rather a member."""
    found: dict[Name, Floats] = {}
    for name, real in _statistics(evidence, shadows.pool, silo):
        if name in shadows.said:
            found[f"lira/{name}", None] = lira(real, shadows.said[name], shadows.inside)
            found[f"rmia/{name}", None] = rmia(real, shadows.said[name], shadows.inside)
    real = _moments(evidence, evidence.released[silo], evidence)
    found["groundhog", None] = groundhog(real, shadows.moments, shadows.inside)
    return found


def _pool(evidence: Evidence, rng: np.random.Generator) -> tuple[Cohort, ...]:
    """Training, held-out and third patients in the trial's silos: others in that of their site, or in any by its share of patients."""
    train, parts = evidence.train, [evidence.train]
    for part in (evidence.held_out, evidence.third):
        if part is not None:
            at = {name: k for k, name in enumerate(evidence.silo_names)}
            site = np.array([at.get(part.silo_names[k], -1) if part.silo_names else -1 for k in part.silo])
            people, inverse = np.unique(part.patient, return_inverse=True)
            drawn = rng.choice(train.silo, len(people))[inverse]
            parts.append(replace(part, silo=np.where(site < 0, drawn, site), silo_names=tuple(evidence.silo_names)))
    return tuple(parts)


def _statistics(seen: Evidence, pool: Sequence[Cohort], silo: int) -> Iterator[tuple[str, Floats]]:
    """(name, of every record [n]) of one model."""
    yield "likelihood", _likelihood(seen, pool, silo)
    for modality in (None, *seen.widths):
        try:
            yield f"loss {modality or 'discriminator'}", np.concatenate([loss(seen, silo, modality, part) for part in pool])
        except NotApplicable:  # membership.discriminator and membership.encoder say so
            continue


def _likelihood(seen: Evidence, pool: Sequence[Cohort], silo: int) -> Floats:
    """log likelihood [n] of each record's vector under the class means and the covariance of draws; absent blocks are at the mean."""
    made, label = seen.drawn(silo, DRAWS).astype(np.float64), np.resize(seen.released[silo].label, DRAWS)
    means = class_means(made, label, np.ones(DRAWS), len(pool[0].classes))
    own = np.nan_to_num(made - means[label])
    covariance = own.T @ own / DRAWS
    covariance += HAIR * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    away = np.concatenate([np.nan_to_num(masked(seen, seen.latent(part, silo), part) - means[part.label]) for part in pool])
    root = np.linalg.cholesky(covariance)
    found: Floats = -0.5 * (np.linalg.solve(root, away.T) ** 2).sum(0) - np.log(np.diag(root)).sum()
    return found


def _moments(seen: Evidence, release: Cohort, evidence: Evidence) -> Floats:
    """Means and log variances of the released records in phi_8, and their class means [w]."""
    at = placed(seen, release, principal=True)
    label = release.label[at.rows]
    means = class_means(at.x.astype(np.float64), label, np.ones(len(at.x)), len(evidence.train.classes))
    return np.concatenate([at.x.mean(0), np.log(at.x.var(0) + 1e-9), means.ravel()])


def lira(real: Floats, said: Floats, inside: NDArray[np.bool_]) -> Floats:
    """log ratio [n] of normal densities; real [n]: the model's statistic; said [models, n]: the shadows'; one variance for all."""
    with_, without = _mean(said, inside), _mean(said, ~inside)
    spread = np.where(inside, said - with_, said - without)
    variance = max(float(np.nanmean(spread**2)), 1e-12) * len(said) / max(1, len(said) - 2)
    found: Floats = ((real - without) ** 2 - (real - with_) ** 2) / (2 * variance)
    return found


def rmia(real: Floats, said: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Up to a constant that all records share, which moves no rank: the ratio to other people's is that of ranks."""
    out = np.where(inside, -np.inf, said)
    top = out.max(0)
    usual = top + np.log(np.exp(out - top).sum(0) / (~inside).sum(0))
    found: Floats = real - usual
    return found


def groundhog(real: Floats, moments: Floats, inside: NDArray[np.bool_]) -> Floats:
    """[n]; each moment weighs by what the patient changes in it over its variance among shadows."""
    weight = inside / inside.sum(0) - ~inside / (~inside).sum(0)
    change = weight.T @ moments
    with_, without = (side.T @ moments / side.sum(0)[:, None] for side in (inside.astype(float), (~inside).astype(float)))
    found: Floats = ((real - (with_ + without) / 2) * change / (moments.var(0) + 1e-12)).sum(1)
    return found


def _mean(said: Floats, rows: NDArray[np.bool_]) -> Floats:
    found: Floats = np.where(rows, said, 0).sum(0) / np.maximum(rows.sum(0), 1)
    return found

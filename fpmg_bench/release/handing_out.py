"""`fpmg-bench release`: choose a trial, ask whether it may, draw, write, describe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fpmg_bench.devices import CPU
from fpmg_bench.document import did_you_mean, plural
from fpmg_bench.errors import DatasetError, StoreError
from fpmg_bench.release import drawing, refusals, wishes
from fpmg_bench.release.cards import write_cards
from fpmg_bench.release.cards.facts import Facts
from fpmg_bench.release.chosen import Chosen, chosen
from fpmg_bench.release.written import write
from fpmg_bench.store.atomic import whole_folder
from fpmg_bench.trial.cost import denormals_flushed

if TYPE_CHECKING:
    from fpmg_bench.datasets import Form
    from fpmg_bench.registry import Registry
    from fpmg_bench.trial.release import Recipe
    from fpmg_bench.types import Cohort

NATURAL = "natural"


@dataclass(frozen=True, slots=True)
class Released:
    """What was written. told: what is not as in the source; overruled: reasons against it that `anyway` overruled."""

    folder: Path
    trial: str
    patients: int
    told: tuple[str, ...]
    overruled: tuple[str, ...]


def release(
    run: Path,
    method: str,
    to: Path,
    registry: Registry,
    *,
    dataset: str | None = None,
    seed: int | None = None,
    silo: str | None = None,
    patients: int | None = None,
    where: str = "",
    balanced: bool = False,
    complete: bool = False,
    form: Form = "source",
    anyway: str = "",
) -> Released:
    """Draw patients anew and write them into the new folder `to`. No real patient is read.

    Raises StoreError where there is nothing to draw from, Refused where it must not be, SuiteError for a wish that means nothing.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise DatasetError(f"{to}: not an empty folder", "give a new one: --to")
    found = chosen(run, method, dataset, seed)
    refusals.must_generate(found.trial.spec)
    states, recipe = found.stored()
    overruled = refusals.check(found, recipe, anyway)
    wish = wishes.Wishes(wishes.terms(where, recipe.form), balanced, complete)
    source = _source(found, states, recipe, _silos(recipe, silo), registry)
    n = source.number if patients is None else patients
    with denormals_flushed():
        made, tried = drawing.drawn(source, n, wish)
    if found.trial.spec.partition.get("kind") != NATURAL:
        made = replace(made, silo_names=())  # silos of a simulation, or all in one: none that a source would name
    if to.exists():
        to.rmdir()
    with whole_folder(to, flushed=False) as beside:
        told = [*write(made, beside, form, found.cohort, registry, found.trial.spec), *_empty(made), *_kept(tried, n)]
        facts = Facts(
            found, recipe, made, told=tuple(told), overruled=tuple(overruled), anyway=anyway, where=where, wishes=wish, form=form
        )
        write_cards(facts, beside)
    return Released(to, found.trial.id, len(made), tuple(told), tuple(overruled))


def _empty(made: Cohort) -> list[str]:
    """Records of which nothing but conditions was drawn."""
    import numpy as np

    n = int((~np.logical_or.reduce(list(made.present.values()))).sum())
    return (
        [
            f"{plural(n, 'record')} of {len(made):,} {'has' if n == 1 else 'have'} no modality at all: `--complete` draws whole ones"
        ]
        if n
        else []
    )


def _kept(tried: int, n: int) -> list[str]:
    """What a wish cost: those that are left are no sample of what the model draws."""
    if tried <= n:
        return []
    return [
        f"{tried:,} were drawn, of which these {n:,} are as asked for: how often something occurs here is not how often it occurs"
    ]


def _source(found: Chosen, states: object, recipe: Recipe, silos: Sequence[int], registry: Registry) -> drawing.Source:
    import torch

    from fpmg_bench.runner.one import build

    torch.set_num_threads(1)
    spec = replace(found.trial.spec, metrics=(), device=CPU)
    secure = spec.privacy is not None and spec.privacy.secure
    return drawing.Source.of(drawing.states(states), build(spec, registry), recipe, silos, None if secure else spec.seed)  # type: ignore[arg-type]


def _silos(recipe: Recipe, name: str | None) -> list[int]:
    """Those that release, or the one that is named."""
    named = {name: index for index, name in recipe.silos.items()}
    if name is None:
        return sorted(named.values())
    if name not in named:
        raise StoreError(f"no silo '{name}' releases.{did_you_mean(name, named)}", f"one of {', '.join(named)}")
    return [named[name]]

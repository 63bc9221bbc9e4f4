"""`fpmg-bench reader-study make`: choose cases, draw all of them by one hand, write the sheet and, apart from it, the key."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from fpmg_bench.document import did_you_mean, plural
from fpmg_bench.errors import DatasetError, StoreError
from fpmg_bench.reader_study.choice import candidates, shares, taken, told, wanted
from fpmg_bench.reader_study.key import DECODED, REAL, SYNTHETIC, Case, Key
from fpmg_bench.release.chosen import ANEW, chosen
from fpmg_bench.spec import Choice

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.registry import Registry
    from fpmg_bench.release.chosen import Chosen
    from fpmg_bench.report.blocks import Specimen
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.types import Cohort

    There = Callable[[Cohort], NDArray[np.bool_]]

SHEET, KEY = "sheet.html", "key.json"
HELD_OUT = "held-out"
SIDE = 512  # pixels of a picture's longer side; larger ones are shrunk
Against = Literal["real", "decoded"]


@dataclass(frozen=True, slots=True)
class Made:
    """What was written. notes: what is not as asked for."""

    sheet: Path
    key: Path
    cases: Key
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Picked:
    """A case without its number: see `Case`; record: a cohort of one."""

    kind: str
    label: str
    source: str
    row: int
    record: Cohort


@dataclass(frozen=True, slots=True)
class Stock:
    """Patients who may become cases. source, row: of every record, where it comes from."""

    records: Cohort
    source: Sequence[str]
    row: Sequence[int]


def make(
    run: Path,
    method: str,
    to: Path,
    registry: Registry,
    *,
    dataset: str | None = None,
    seed: int | None = None,
    modalities: Sequence[str] = (),
    cases: int = 40,
    share: float = 0.5,
    against: Against = "real",
    allow_real: bool = False,
    draw: int | None = None,
) -> Made:
    """Write `to`/sheet.html and `to`/key.json. share: of synthetic cases; against decoded: half of the others are decoded patients.

    modalities: only these, and only records that have them; none: all. draw: of choice and order, by default a secret: whoever
    knows the number of cases could compute the order from a seed of the suite. Raises StoreError, DatasetError.
    """
    from fpmg_bench.reader_study.sheet import render
    from fpmg_bench.store import write_bytes

    _must_be_new(to, run)
    numbers = wanted(cases, share, against == "decoded")
    found = chosen(run, method, dataset, seed, judged=True)
    spec = found.trial.spec
    _must_be_a_release(spec, against)
    real = _held_out(found, registry, allow_real)
    made = _released(found, registry)
    shown = _shown(modalities, real.records)
    draw = secrets.randbits(62) if draw is None else draw
    picked, notes = _pick(real, made, _there(shown, bool(modalities)), numbers, draw)
    if numbers[2]:
        picked = _decoded(picked, found, registry)
    label = real.records.conditions[0]
    names = _answers(real.records)
    key = Key(
        secrets.token_hex(8), spec.id, draw, shown, label.name, names if len(names) > 1 else (), sorted(real.records.leaks & set(shown)),
        [Case(at, each.kind, each.label, each.source, each.row) for at, each in enumerate(picked, 1)],
    )  # fmt: skip
    page = render(key, _drawn([each.record for each in picked], shown))
    to.mkdir(parents=True, exist_ok=True)
    write_bytes(to / SHEET, page.encode())
    key.write(to / KEY)
    return Made(to / SHEET, to / KEY, key, notes)


def _must_be_new(to: Path, run: Path) -> None:
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise StoreError(f"{to}: not an empty folder", "give a new one: --to")
    if to.resolve().is_relative_to(run.resolve()):
        raise StoreError(f"{to}: a page with real patients must lie outside the run directory", "give another folder: --to")


def _must_be_a_release(spec: TrialSpec, against: Against) -> None:
    if spec.control is not None or (spec.generator is None and spec.external is None):
        raise StoreError(
            f"{spec.id}: {spec.role}: what it gives are real patients, changed",
            "name a method that generates; --against decoded adds decoded patients",
        )
    if spec.audit is not None:
        raise StoreError(
            f"{spec.id}: an audit's trial: made-up patients are among those it trained on", "name the method without `audit`"
        )
    if against == "decoded" and not spec.encoders:
        raise StoreError(f"{spec.id}: {spec.role}: there are no encoders through which patients could pass", "--against real")


def _held_out(found: Chosen, registry: Registry, allow_real: bool) -> Stock:
    """The patients whom the trial held out, and nobody else. Raises DatasetError where they may not be shown, or the cohort has changed."""
    from fpmg_bench.trial.prepared import Loaded

    spec = found.trial.spec
    dataset = registry.build("dataset", spec.dataset)
    if not dataset.publishable and not allow_real:
        raise DatasetError(
            f"{spec.dataset_name} holds real patients and is not publishable ({dataset.licence})",
            "--allow-real shows them all the same, to readers who may see them; the files are yours to protect",
        )
    if dataset.fingerprint() != found.cohort["fingerprint"]:
        raise DatasetError(
            f"{spec.dataset_name}: the cohort has changed since {spec.id} ran: who was held out cannot be told", ANEW
        )
    records = Loaded.of(spec, dataset).only(spec).parted.held_out
    return Stock(records, [HELD_OUT] * len(records), range(len(records)))


def _released(found: Chosen, registry: Registry) -> Stock:
    """All that the trial released, silo after silo."""
    from fpmg_bench.controls.join import concatenate
    from fpmg_bench.results import releases

    folders = releases(found.run.trial(found.trial.key))
    if not folders:
        raise StoreError(f"{found.trial.id}: no synthetic patients are stored", ANEW)
    parts = [registry.build("dataset", Choice("folder", {"root": str(folder)})).load() for folder in folders]
    source = [folder.name for folder, part in zip(folders, parts, strict=True) for _ in range(len(part))]
    return Stock(concatenate(parts) if len(parts) > 1 else parts[0], source, [row for part in parts for row in range(len(part))])


def _shown(names: Sequence[str], records: Cohort) -> tuple[str, ...]:
    for name in names:
        if name not in records.schemas:
            known = list(records.schemas)
            raise StoreError(
                f"--modality {name}: the method has no such modality.{did_you_mean(name, known)}", f"one of {', '.join(known)}"
            )
    return tuple(name for name in records.schemas if not names or name in names)


def _pick(real: Stock, made: Stock, there: There, numbers: tuple[int, int, int], draw: int) -> tuple[list[Picked], list[str]]:
    """As many real, synthetic, decoded cases, in random order, and what is not as asked for. No lot is drawn elsewhere."""
    import numpy as np

    rng = np.random.default_rng(draw)
    classes = _answers(real.records)
    nobody = np.arange(len(made.records))  # records of a release are nobody's: each counts as a patient
    rows = {
        REAL: candidates(real.records.patient, there(real.records), rng),
        SYNTHETIC: candidates(nobody, there(made.records), rng),
    }
    stocks = {
        REAL: np.bincount(real.records.label[rows[REAL]], minlength=len(classes)),
        SYNTHETIC: np.bincount(made.records.label[rows[SYNTHETIC]], minlength=len(classes)),
    }
    share = shares([(stocks[REAL], numbers[0] + numbers[2]), (stocks[SYNTHETIC], numbers[1])])
    found: list[Picked] = []
    for kind, n in zip((REAL, SYNTHETIC, DECODED), numbers, strict=True):
        of, stock = (SYNTHETIC, made) if kind == SYNTHETIC else (REAL, real)
        mine = taken(rows[of], stock.records.label, share, n)
        rows[of] = rows[of][~np.isin(rows[of], mine)]  # nobody is shown twice, as real and as decoded
        found += [_picked(kind, stock, row) for row in mine]
    return [found[at] for at in rng.permutation(len(found))], told(classes, share, stocks)


def _picked(kind: str, stock: Stock, row: int) -> Picked:
    import numpy as np

    record = stock.records.take(np.asarray([row]))
    return Picked(kind, _answers(record)[int(record.label[0])], stock.source[row], stock.row[row], record)


def _answers(records: Cohort) -> tuple[str, ...]:
    """The label's classes in a reader's words."""
    return ("no", "yes") if records.conditions[0].type == "flag" else records.classes


def _there(shown: Sequence[str], complete: bool) -> There:
    """Which records may be shown: those with all of the modalities, or with any."""

    def there(records: Cohort) -> NDArray[np.bool_]:
        import numpy as np

        masks = [records.present[name] for name in shown]
        found: NDArray[np.bool_] = (np.logical_and if complete else np.logical_or).reduce(masks)
        return found

    return there


def _decoded(picked: Sequence[Picked], found: Chosen, registry: Registry) -> list[Picked]:
    """The same, the decoded ones after the first silo's encoders and decoders. Raises StoreError where the trial left no states."""
    import numpy as np
    import torch

    from fpmg_bench.controls.join import concatenate
    from fpmg_bench.devices import CPU
    from fpmg_bench.release.drawing import states
    from fpmg_bench.runner.one import build
    from fpmg_bench.trial.cost import denormals_flushed
    from fpmg_bench.trial.vectors import round_trips

    torch.set_num_threads(1)
    models = states(found.stored()[0])
    first = min(models)
    parts = build(replace(found.trial.spec, metrics=(), device=CPU), registry)
    places = [at for at, each in enumerate(picked) if each.kind == DECODED]
    real = concatenate([picked[at].record for at in places])
    with denormals_flushed():
        made = round_trips(parts, real, real, {first: models[first]})[first]
    after = list(picked)
    for row, at in enumerate(places):
        after[at] = replace(picked[at], record=made.take(np.asarray([row])))
    return after


def _drawn(records: Sequence[Cohort], shown: Sequence[str]) -> list[dict[str, Specimen]]:
    """Every case as it looks, in order. All pass one cohort, one writer and one hand that draws, whatever they are; none knows a label."""
    import numpy as np

    from fpmg_bench.cohorts.folder import write
    from fpmg_bench.controls.join import concatenate
    from fpmg_bench.report.patients.specimens import one_by_one
    from fpmg_bench.strata import no_label

    n = len(records)
    bare = [replace(each.only(tuple(shown)), condition=np.zeros((1, 1))) for each in records]
    joined = replace(
        concatenate(bare),
        conditions=(no_label(),), patient=np.arange(n), silo=np.zeros(n, np.int64), silo_names=(), leaks=frozenset(),
    )  # fmt: skip
    with TemporaryDirectory() as place:
        write(joined, Path(place) / "cases")
        return one_by_one(Path(place) / "cases", SIDE)


def summary(made: Made) -> list[str]:
    """What to tell who made it."""
    counts = {kind: sum(case.kind == kind for case in made.cases.cases) for kind in (REAL, SYNTHETIC, DECODED)}
    told = ", ".join(f"{n} {kind}" for kind, n in counts.items() if n)
    return [
        f"{made.sheet}: {plural(len(made.cases.cases), 'case')} of {made.cases.trial} ({told}); shown: {', '.join(made.cases.modalities)}",
        f"{made.key}: what each case is; readers must not see it: give them {SHEET} alone",
        *made.notes,
    ]

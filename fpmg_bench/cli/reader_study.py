"""`fpmg-bench reader-study`: can a radiologist tell a run's patients from real ones?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from fpmg_bench.reader_study import Scores
    from fpmg_bench.reader_study.scoring import Rate

EPILOG = """\b
Examples:
  fpmg-bench reader-study make runs/mine --method fpmg --to study
  fpmg-bench reader-study score study/key.json answers-*.json
"""
app = typer.Typer(
    help="Have people tell a run's synthetic patients from real ones, and score what they answer.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

MAKE = """\b
Examples:
  fpmg-bench reader-study make runs/smoke --method fpmg --to study
  fpmg-bench reader-study make runs/mine --method fpmg --modality image --cases 60 --to films
  fpmg-bench reader-study make runs/mine --method fpmg --against decoded --to study
"""
SCORE = """\b
Examples:
  fpmg-bench reader-study score study/key.json answers-AB.json
  fpmg-bench reader-study score study/key.json answers-AB.json answers-CD.json --json
"""


@app.command("make", epilog=MAKE)
def make(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", show_default=False)],
    method: Annotated[str, typer.Option("--method", help="Whose release is judged.", show_default=False)],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="A new folder, outside the run.", show_default=False)],
    dataset: Annotated[str | None, typer.Option("--dataset", help="Of several cohorts this one.", show_default=False)] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", help="Of several seeds the trial of this one. [default: the first]", show_default=False),
    ] = None,
    modality: Annotated[
        list[str] | None,
        typer.Option("--modality", help="Show only this one, of records that have it; may be repeated. [default: all]"),
    ] = None,
    cases: Annotated[int, typer.Option("--cases", min=4, help="How many.")] = 40,
    share: Annotated[float, typer.Option("--share", min=0.0, max=1.0, help="Of the cases that are synthetic.")] = 0.5,
    against: Annotated[
        Literal["real", "decoded"],
        typer.Option("--against", help="The others: all real patients; or half of them real ones after the run's encoders."),
    ] = "real",
    allow_real: Annotated[bool, typer.Option("--allow-real", help="Also cohorts whose patients may not be shown.")] = False,
) -> None:
    """Write DIR/sheet.html, blinded cases to judge offline, and DIR/key.json, what each case is.

    Real cases are patients whom the trial held out, one record of each. All kinds have the same labels as often, and pass the same writer
    in random order. Readers get sheet.html alone; `Save answers` in it writes the file that `score` reads.
    """
    from fpmg_bench.reader_study import make as made
    from fpmg_bench.reader_study.making import summary
    from fpmg_bench.registry import Registry

    study = made(
        run, method, to, Registry.discover(), dataset=dataset, seed=seed, modalities=modality or (), cases=cases, share=share,
        against=against, allow_real=allow_real,
    )  # fmt: skip
    for line in summary(study):
        typer.echo(line)


@app.command("score", epilog=SCORE)
def score(
    key: Annotated[Path, typer.Argument(metavar="KEY", help="The study's key.json.", show_default=False)],
    answers: Annotated[list[Path], typer.Argument(metavar="ANSWERS...", help="A file a reader.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print how well readers tell synthetic from real cases, see the label, and agree.

    Sensitivity: of synthetic cases called synthetic; specificity: of real ones called real; with exact 95 % intervals (Clopper-Pearson).
    AUROC of verdict and confidence, its interval by bootstrap over cases. p: Fisher's exact test; of all readers together a
    permutation of the cases. Chance is .5 for the AUROC, and 0 for kappa.
    """
    from dataclasses import asdict

    from fpmg_bench.cli import console
    from fpmg_bench.reader_study import read_answers, read_key
    from fpmg_bench.reader_study import score as scored

    known = read_key(key)
    found = scored(known, read_answers(answers, known))
    if json:
        return console.emit(asdict(found))
    _print(found)
    return None


def _print(found: Scores) -> None:
    from fpmg_bench.cli import console

    told = ", ".join(f"{n} {kind}" for kind, n in found.cases.items())
    typer.echo(f"study {found.study} of {found.trial}: {told}")
    columns = ("reader", "telling", "sensitivity", "specificity", "AUROC", "p")
    rows = [
        (t.reader, f"{t.found} from {t.among}", _rate(t.sensitivity), _rate(t.specificity), _rate(t.auroc), f"{t.p:.2g}")
        for t in found.telling
    ]
    console.table("told apart", columns, rows, right=columns[2:])
    for t in found.telling:
        typer.echo(f"{t.reader}: {t.sentence}")
    if found.labels:
        console.table(
            "the label was seen", ("reader", "of cases", "accuracy"), [(s.reader, s.kind, _rate(s.right)) for s in found.labels],
            right=("accuracy",),
        )  # fmt: skip
    if found.agreement:
        console.table(
            "readers agree (kappa; 0 is chance)", ("on", "kappa of", "value"), [(a.about, a.kind, _rate(a.kappa)) for a in found.agreement],
            right=("value",),
        )  # fmt: skip
    for line in _open(found):
        typer.echo(line)
    for note in found.notes:
        typer.echo(note)


def _rate(rate: Rate) -> str:
    from fpmg_bench.cli import console

    return f"{console.mean_of(rate.value, rate.low, rate.high)} (n {rate.n})" if rate.n else "-"


def _open(found: Scores) -> Iterator[str]:
    """What was left open, and therefore counts nowhere."""
    for each in found.missing:
        counts: dict[str, Any] = {"verdict": each.verdict, "confidence": each.confidence, "label": each.label}
        if left := ", ".join(f"{n} without a {name}" for name, n in counts.items() if n):
            yield f"{each.reader}: of {sum(found.cases.values())} cases {left}: not counted there"

"""Panel "What neighbours see": leakage by silo, hop and adversary, by modality and by round; ring beside star."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fpmg_bench.report.blocks import Cell, Figure, Head, Heading, Key, Plot, Prose, Row, Section, Table
from fpmg_bench.report.drawing import figures
from fpmg_bench.report.measures import epsilon, formal, holds
from fpmg_bench.report.privacy.attacks import attacked, distinguishable
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import listing, number, slug

PREFIX = "neighbour"
HEADLINE = f"{PREFIX}.membership"
ADVERSARIES = (
    ("hop_1", "1 hop", "The next silo on the ring"),
    ("hop_2", "2 hops", "The silo two hops behind"),
    ("hop_3", "3 hops", "The silo three hops behind"),
    ("farthest", "farthest", "The silo farthest behind"),
    ("pair", "pair", "Both neighbours together"),
    ("server", "server", "The star's server, which sees every silo's weights"),
    ("client", "client", "A silo that sees merged models only"),
)
ATTACKS = (
    ("loss", "loss", "Minus the loss at the received weights"),
    ("drop", "drop", "What local training lowered"),
    ("gradient", "gradient", "Slope of the loss along the change of the weights"),
    ("trace", "trace", "Draws of the received model: how much of a patient explains their averages"),
    ("sums", "sums", "Sums exchanged before round 0: how much of a record explains where the silo's mean lies"),
    ("total", "total", "The same of the total of all silos, less the adversary's own part"),
)
LEAD = (
    "What passive adversaries infer from exactly the messages they received: AUROC of telling a silo's training patients from as many held-out "
    "ones; 0.5 is guessing, 1 recognises everybody. The worst attack is chosen on half of the patients and scored on the other; "
    "the second line is the interval. An attack that fails proves nothing."
)
SIGNS = "Red: above guessing beyond the interval over patients and, from three seeds on, the one over seeds. A dash: the topology has no such adversary."


def panel(view: View) -> Section | None:
    """A leakage map, a table by modality and attack, a figure by round; nothing where no suite asked for it."""
    blocks = [block for group in view.groups for block in _group(view, group)]
    return Section("neighbour", "What neighbours see", LEAD, blocks) if blocks else None


def _group(view: View, group: Group) -> Iterator[Heading | Prose | Table | Figure]:
    if not view.has(group, HEADLINE) and not view.has(group, PREFIX):
        return
    yield Heading(f"neighbour-{group.id}", group.title)
    shown = [method for method in group.trained if view.summary(group, method, HEADLINE).mean is not None]
    yield Prose([sentence(view, group, shown)])
    if not shown:
        return
    yield from _maps(view, group, shown)
    yield _modalities(view, group, shown)
    yield from _rounds(view, group, shown)


def sentence(view: View, group: Group, shown: Sequence[Method]) -> str:
    """Whose patients are recognised beyond the interval, or why nothing can be said."""
    if not shown:
        found = [view.summary(group, method, PREFIX) for method in group.trained]
        reason = next((summary.reason for summary in found if summary.reason), "it was not measured")
        return f"Nothing can be said of neighbours here: {reason}."
    return told_of([m.name for m in shown if distinguishable(view.summary(group, m, HEADLINE))])


def told_of(caught: Sequence[str]) -> str:
    """Whose messages give training patients away."""
    if not caught:
        return "No method's messages are shown to tell who was trained on."
    return f"Who was trained on can be told, beyond the intervals, from the messages of {listing(caught)}."


def _maps(view: View, group: Group, shown: Sequence[Method]) -> Iterator[Table]:
    """Rows: methods, then methods and silos; columns: adversaries."""
    columns = [c for c in ADVERSARIES if any(_known(view, group, m, f"{PREFIX}.{c[0]}") for m in shown)]
    heads = [Head("Method", numeric=False), Head("worst", "→ 0.5", "AUC"), *_heads(columns)]
    keys = [HEADLINE, *(f"{PREFIX}.{c[0]}" for c in columns)]
    rows = [Row([_name(view, m), *(attacked(view.summary(group, m, key)) for key in keys)]) for m in shown]
    yield Table(f"neighbour-map-{group.id}", f"{group.title}: leakage by adversary", heads, rows, [SIGNS])
    by_silo = [
        Row([_name(view, m), Cell(silo), *(attacked(view.summary(group, m, key, scope=f"silo:{silo}")) for key in keys)])
        for m in shown
        for silo in _silos(view, group)
        if view.summary(group, m, HEADLINE, scope=f"silo:{silo}").mean is not None
    ]
    if by_silo:
        first, *others = heads
        title = f"{group.title}: leakage by silo and adversary"
        yield Table(
            f"neighbour-silos-{group.id}",
            title,
            [first, Head("Silo", numeric=False), *others],
            by_silo,
            fold="Leakage by silo and adversary",
        )


def _modalities(view: View, group: Group, shown: Sequence[Method]) -> Table:
    """Rows: methods; columns: whose records the worst attack tells of, each attack, and what was rebuilt."""
    names = list(view.scores.modalities.get((group.run.suite, group.dataset, HEADLINE), {}))
    rebuilt = list(view.scores.modalities.get((group.run.suite, group.dataset, f"{PREFIX}.inversion"), {}))
    heads = [Head("Method", numeric=False), *(Head(name, "→ 0.5", "AUC") for name in names), *_heads(ATTACKS)]
    heads += [Head("inversion", "→ 0.5", name, "AUC of nearness to rows rebuilt from the weights") for name in rebuilt]
    rows = []
    for method in shown:
        cells = [attacked(view.summary(group, method, HEADLINE, modality=name)) for name in names]
        cells += [attacked(view.summary(group, method, f"{PREFIX}.{key}")) for key, _, _ in ATTACKS]
        cells += [attacked(view.summary(group, method, f"{PREFIX}.inversion", modality=name)) for name in rebuilt]
        rows.append(Row([_name(view, method), *cells]))
    return Table(f"neighbour-modality-{group.id}", f"{group.title}: leakage by modality and attack", heads, rows)


def _rounds(view: View, group: Group, shown: Sequence[Method]) -> Iterator[Figure]:
    """One plot a modality: the chosen attack on the frames of one round alone, one line a method."""
    found = _by_round(group)
    plots, rows = [], []
    for modality in dict.fromkeys(modality for _, modality in found):
        mine = [(m, found[m.name, modality]) for m in shown if (m.name, modality) in found]
        lines = [figures.line(m.name, list(at), list(at.values()), view.styles[m.name]) for m, at in mine]
        x = figures.axis("round", **figures.whole([r for _, at in mine for r in at]))
        layout = figures.layout(x, figures.axis("AUC", range=[0.3, 1.02]), height=220, shapes=[figures.rule(y=0.5)])
        plots.append(Plot(f"neighbour-{slug(modality)}-{group.id}", modality, lines, layout))
        rows += [
            Row([Cell(m.name), Cell(modality), Cell(str(r)), Cell(number(v), sort=v)]) for m, at in mine for r, v in at.items()
        ]
    if plots:
        heads = [Head("Method", numeric=False), Head("Modality", numeric=False), Head("round"), Head("AUC", "→ 0.5")]
        yield Figure(
            f"neighbour-rounds-{group.id}",
            "Leakage by round",
            "AUROC of the chosen attack from one round's messages alone, one plot a modality, one line a method.",
            plots,
            Table(f"neighbour-rounds-table-{group.id}", f"{group.title}: leakage by round", heads, rows),
            [Key(m.name, view.styles[m.name].swatch) for m in shown],
            note="Rounds of the stage that the attack looks at: of the encoder for a modality, of the generator for joint.",
        )


def _by_round(group: Group) -> dict[tuple[str, str], dict[int, float]]:
    """(method, modality) -> round, counted from 1 -> mean over seeds."""
    values: dict[tuple[str, str], dict[int, list[float]]] = {}
    for row in group.run.results:
        named = (row["metric"], row["scope"], row["dataset"]) == (HEADLINE, "all", group.dataset)
        if named and row["modality"] is not None and row["round"] >= 0 and row["value"] is not None:
            found = values.setdefault((row["method"], row["modality"]), {})
            found.setdefault(row["round"] + 1, []).append(row["value"])
    return {key: {r: sum(v) / len(v) for r, v in sorted(at.items())} for key, at in values.items()}


def _silos(view: View, group: Group) -> list[str]:
    scopes = view.scores.scopes.get((group.run.suite, group.dataset, HEADLINE), {})
    return [scope.removeprefix("silo:") for scope in scopes if scope.startswith("silo:")]


def _heads(columns: Sequence[tuple[str, str, str]]) -> list[Head]:
    return [Head(label, "→ 0.5", "AUC", hint) for _, label, hint in columns]


def _known(view: View, group: Group, method: Method, key: str) -> bool:
    return view.summary(group, method, key).mean is not None


def _name(view: View, method: Method) -> Cell:
    """With the formal epsilon below: leakage is compared at equal epsilon."""
    return Cell(
        method.name, f"formal ε {epsilon(formal(method))} {holds(method)}".strip(), swatch=view.styles[method.name].swatch
    )

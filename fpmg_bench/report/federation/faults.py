"""Panel "Adversaries and faults": who was struck, what it cost against the same method unharmed, and the worst honest silo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fpmg_bench.report.blocks import Cell, Head, Row, Section, Table
from fpmg_bench.report.measures import DG, FC, RG, TSTR, Measure, cell
from fpmg_bench.report.scores import Summary, summarised
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import count, listing, plural

MEASURES = (TSTR, RG, DG, FC)
OTHER = ("method", "seed", "faults")  # in which a method and the same one unharmed differ
LEAD = (
    "Scores are those of honest living silos: the mean, the worst of them, and what was lost against the same method without faults, "
    "on the same silos and paired by seed (above 0: worse). Rounds to heal: without the fault, until the silos were as close as before it, give or take 10 %."
)


def panel(view: View) -> Section | None:
    """One table a cohort with faults; nothing where there are none."""
    tables = [
        _table(view, group, faulted) for group in view.groups if (faulted := [m for m in group.ranked if m.spec.get("faults")])
    ]
    return Section("faults", "Adversaries and faults", LEAD, tables) if tables else None


def _table(view: View, group: Group, faulted: Sequence[Method]) -> Table:
    shown = [m for m in MEASURES if m.requested(view, group)]
    heads = [
        Head("Method", numeric=False),
        Head("struck by", numeric=False),
        Head("left out", unit="silos", hint="Silos that lie or had crashed at the end, all seeds together"),
        Head("missed", unit="rounds of a silo", hint="Rounds in which a silo was inactive, mean over seeds"),
        Head("lost", unit="messages", hint="Planned messages that never arrived, mean over seeds"),
        Head("to heal", unit="rounds"),
    ]
    for measure in shown:
        head = measure.head(view, group)
        worst = [Head(f"{measure.name(view, group)} worst silo", measure.better)] if by_silo(view, group, measure) else []
        heads += [head, *worst, Head(f"{measure.name(view, group)} lost", "→ 0")]
    rows = [Row([*_facts(view, method), *(c for m in shown for c in _cells(view, group, method, m))]) for method in faulted]
    return Table(f"faults-{group.id}", group.title, heads, rows)


def _facts(view: View, method: Method) -> list[Cell]:
    reported = [trial.record["faults"] for trial in method.done if trial.record.get("faults")]
    name = [Cell(method.name, swatch=view.styles[method.name].swatch), Cell(_words(method.spec["faults"]))]
    if not reported:
        return [*name, *(Cell("–", tone="muted") for _ in range(4))]
    out = sorted({f"{silo}: {why}" for each in reported for silo, why in each["excluded"].items()})
    missed = sum(sum(each["missed"].values()) for each in reported) / len(reported)
    lost = sum(each["lost"] for each in reported) / len(reported)
    left = Cell(count(len(out)), sort=len(out), why=f"{listing(out)}." if out else "")
    return [*name, left, Cell(f"{missed:.4g}", sort=missed), Cell(f"{lost:.6g}", sort=lost), _heal(reported)]


def _words(faults: Sequence[Mapping[str, Any]]) -> str:
    """ "crash of 1 silo from round 5", fault by fault."""
    found = []
    for fault in faults:
        silos = fault["silos"]
        who = plural(silos, "silo") if isinstance(silos, int) else f"{silos} silos" if silos == "all" else listing(silos)
        until = f" until {fault['until']}" if fault["until"] is not None else ""
        found.append(f"{fault['kind']} of {who}" + (f" from round {fault['since']}{until}" if fault["since"] or until else ""))
    return ", ".join(found)


def _heal(reported: Sequence[Mapping[str, Any]]) -> Cell:
    healing = [faulted["heal"] for each in reported for faulted in each["struck"]]
    rounds = [each["rounds"] for each in healing if each["rounds"] is not None]
    if not rounds:
        return Cell("not applicable", tone="muted", why=f"Rounds to heal: {healing[0]['reason']}.")
    small = f"{len(rounds)} of {len(healing)}" if len(rounds) < len(healing) else ""
    return Cell(f"{sum(rounds) / len(rounds):.3g}", small, sort=sum(rounds) / len(rounds))


def _cells(view: View, group: Group, method: Method, measure: Measure) -> list[Cell]:
    """Honest mean, worst silo, loss against the unharmed."""
    metric = measure.metric(view, group) or measure.names[0]
    clean = unharmed(group, method)
    lost = {}
    if clean is not None:
        before, after = _before(view, group, clean, method, measure), view.values(group, method, metric)
        lost = {seed: measure.loss(after[seed]) - measure.loss(before[seed]) for seed in sorted(before.keys() & after.keys())}
    why = "" if clean else "There is no method here that differs in its faults alone and has none."
    worst = [worst_silo(view, group, method, measure)] if by_silo(view, group, measure) else []
    found = [
        measure.summary(view, group, method),
        *worst,
        summarised(lost, len(method.trials), "not_applicable" if why else "absent", why),
    ]
    return [cell(each, measure.say) for each in found]


def _before(view: View, group: Group, clean: Method, faulted: Method, measure: Measure) -> dict[int, float]:
    """Seed -> the unharmed method's score, over the silos that are measured in the struck one where it is told silo by silo."""
    metric = measure.metric(view, group) or measure.names[0]
    where = (group.run.suite, group.dataset, clean.name, metric)
    values = view.values(group, clean, metric)
    for trial in faulted.done:
        out = {f"silo:{name}" for name in (trial.record.get("faults") or {}).get("excluded", ())}
        reported = [view.scores.values(*where, scope=s).get(trial.seed) for s in by_silo(view, group, measure) if s not in out]
        kept = [value for value in reported if value is not None]
        if out and kept:
            values[trial.seed] = sum(kept) / len(kept)
    return values


def unharmed(group: Group, method: Method) -> Method | None:
    """The method that has the same specification but no faults."""

    def rest(m: Method) -> dict[str, Any]:
        return {key: value for key, value in m.spec.items() if key not in OTHER}

    return next((m for m in group.ranked if not m.spec.get("faults") and rest(m) == rest(method)), None)


def by_silo(view: View, group: Group, measure: Measure) -> list[str]:
    """The scopes of the silos that the score is told by."""
    metric = measure.metric(view, group) or measure.names[0]
    return [s for s in view.scores.scopes.get((group.run.suite, group.dataset, metric), {}) if s.startswith("silo:")]


def worst_silo(view: View, group: Group, method: Method, measure: Measure) -> Summary:
    """The score of the silo that is worst by the score's direction, seed by seed, and the mean over seeds."""
    metric = measure.metric(view, group) or measure.names[0]
    where = (group.run.suite, group.dataset, method.name, metric)
    each = [view.scores.values(*where, scope=scope) for scope in by_silo(view, group, measure)]
    seeds = sorted({seed for values in each for seed in values})
    worst = {seed: max((v[seed] for v in each if seed in v), key=measure.loss) for seed in seeds}
    return summarised(worst, len(method.trials), "absent")

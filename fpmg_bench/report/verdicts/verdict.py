"""Panel 1: what this run found, in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from fpmg_bench.report.blocks import Finding, Findings, Section
from fpmg_bench.report.measures import ATTACK, CO, COPY, DG, EPSILON, RECOVERED, RG, SPREAD, TSTR, Measure, holds
from fpmg_bench.report.privacy import audited, neighbour
from fpmg_bench.report.privacy.attacks import NEIGHBOUR, distinguishable
from fpmg_bench.report.scores import Summary
from fpmg_bench.report.verdicts import summary, tested
from fpmg_bench.report.verdicts.headroom import headroom
from fpmg_bench.report.verdicts.kept_out import kept_out
from fpmg_bench.report.verdicts.leaders import SEEDS_TO_RANK, Standing, against, paired_test, standing
from fpmg_bench.report.verdicts.opening import opening
from fpmg_bench.report.verdicts.validity import validity
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import as_float, listing, number, percent, plural, span, times

UNDER_DISPERSED = 0.8
COPIED = 0.5


def panel(view: View) -> Section:
    """The first screen, the cohorts in one table, and one list of findings a cohort."""
    many = len(view.groups) > 1
    findings = [Findings(f"found-{group.id}", group.title, list(found(view, group)), fold=many) for group in view.groups]
    return Section("verdict", "Summary", "", [opening(view, validity(view)), summary.table(view), *findings])


def found(view: View, group: Group) -> Iterator[Finding]:
    """The findings on one cohort, best-supported statements only."""
    if not any(method.done for method in group.methods):
        yield Finding("Nothing measured", "No trial on this cohort has finished.", "bad")
        return
    yield from _seen(group)
    yield _utility(view, group)
    yield from _headroom(view, group)
    yield from kept_out(group)
    yield from _encoders(view, group)
    yield from _diversity(view, group)
    yield from _attack(view, group)
    yield from _copies(view, group)
    yield from _formal(view, group)
    yield from _federation(view, group)
    yield from _communication(view, group)
    yield from _unfinished(group)


def _seen(group: Group) -> Iterator[Finding]:
    """Methods that knew the people whom they are judged on."""
    for line in (line for method in group.methods for line in audited.held_out(method)):
        yield Finding("Held-out patients were seen", line, "bad")


def _utility(view: View, group: Group) -> Finding:
    """The headline: who leads by TSTR (by RG where there is no utility), and whether anybody won."""
    table = standing(view, group, TSTR)
    if table is not None:
        return Finding("Utility", _sentence(view, group, table), "")
    table = standing(view, group, RG)
    if table is None:
        return Finding("No winner", "Fewer than two federated methods have a result: nothing to compare.", "warn")
    return Finding("Realism", _sentence(view, group, table))


def _encoders(view: View, group: Group) -> Iterator[Finding]:
    """What encoders lose before any generator: real patients, encoded and decoded, beside real ones."""
    measure = TSTR if view.measured(group, TSTR.metric(view, group)) else RG
    for method in group.decoded:
        found = measure.summary(view, group, method)
        real = view.floor(group, measure.metric(view, group))
        if found.mean is not None and real is not None:
            text = f"Real patients, encoded and decoded ({method.name}), have {measure.name(view, group)} {_said(found, measure)}, real ones "
            yield Finding("Encoders", f"{text}{measure.say(real)}: the difference is the encoders', not a generator's.")


def _headroom(view: View, group: Group) -> Iterator[Finding]:
    """Where no method could have won: what a perfect generator would gain is no larger than what these seeds can find."""
    if len(group.seeds) < SEEDS_TO_RANK:
        return
    beside = tested.reference(group)
    if beside is None:
        return
    others = tested.compared(group, beside)
    rooms = [
        (m, headroom(view, group, m, against(view, group, m, beside, others)))
        for m in (TSTR, RG, DG)
        if m.metric(view, group) and m.verdict(view, group).counts
    ]
    known = [(m, room) for m, room in rooms if room is not None]
    tight = [(m, room) for m, room in known if not room.wins]
    if tight:
        said = listing(f"{m.name(view, group)} ({number(r.value, 3)}; could find {number(r.found, 3)})" for m, r in tight)
        text = f"Nothing could win here by {said}: {tight[0][1].reference.name} is hardly better than {tight[0][1].start.name}, so no winner says little of the methods."
        yield Finding("Headroom", text, "warn")
    elif known:
        said = listing(f"{m.name(view, group)} {number(r.value, 3)}" for m, r in known)
        yield Finding(
            "Headroom", f"A generator as good as the best reference would be told from an untrained one: {said} (loss).", ""
        )


def _sentence(view: View, group: Group, table: Standing) -> str:
    method, best = table.leader
    head = f"{method.name} has the best mean {table.measure.name(view, group)} {_said(best, table.measure)}{table.where}"
    aside = f" Too few seeds to be tested: {table.unranked}." if table.short else ""
    few = "" if table.ranked else f" Not ranked: {plural(table.seeds, 'seed')}, {SEEDS_TO_RANK} are needed."
    if best.seeds < 2 or (table.seeds < 2 and not table.ranked):
        return f"No winner: with one seed no difference can be told from chance. {head}."
    if table.rivals:
        rivals = listing(f"{other.name} {_said(s, table.measure)}" for other, s in table.rivals[:3])
        more = f" and {len(table.rivals) - 3} more" if len(table.rivals) > 3 else ""
        return f"No winner. {head}, but it cannot be told from {rivals}{more}.{few}{aside}"
    if not table.ranked:
        return f"{head}; no other method's interval reaches it.{few}"
    others = "every other method that could be tested" if table.short else f"every other method ({plural(table.seeds, 'seed')})"
    return f"{head}, and {paired_test(group)} tells it from {others}.{aside}"


def _said(found: Summary, measure: Measure) -> str:
    return f"{measure.say(found.mean)} {span(found.low, found.high, measure.say)}".strip()


def _diversity(view: View, group: Group) -> Iterator[Finding]:
    flat = [
        (m, s.mean) for m in group.ranked if (s := SPREAD.summary(view, group, m)).mean is not None and s.mean < UNDER_DISPERSED
    ]
    wide = [
        m.name for m in group.ranked if (s := DG.summary(view, group, m)).low is not None and s.low > max(1.0, s.floor or 1.0)
    ]
    measured = [m for m in group.ranked if SPREAD.summary(view, group, m).mean is not None]
    if flat:
        spread = SPREAD.name(view, group)
        names = listing(f"{method.name} ({spread} {number(value, 2)})" for method, value in flat)
        yield Finding(
            "Under-dispersed",
            f"{names}: the synthetic patients are less varied than the real ones, whatever {RG.name(view, group)} and {DG.name(view, group)} say.{_whose(view, group)}",
            "warn",
        )
    elif measured and SPREAD.verdict(view, group).counts:
        yield Finding("Diversity", f"No method is under-dispersed ({SPREAD.name(view, group)} below {UNDER_DISPERSED}).", "good")
    if wide:
        yield Finding(
            "Missing modes",
            f"Parts of the real patients are not reached ({DG.name(view, group)} interval above that of real patients): {listing(wide)}.",
            "warn",
        )


def _whose(view: View, group: Group) -> str:
    """Whether encoders alone narrow patients as much: real patients, encoded and decoded."""
    found = [(m, s.mean) for m in group.decoded if (s := SPREAD.summary(view, group, m)).mean is not None]
    if not found:
        return " Encoders or generators: a method with `generator: null` tells."
    said = listing(f"{m.name} {number(value, 2)}" for m, value in found)
    if min(value for _, value in found) < UNDER_DISPERSED:
        return f" Real patients, encoded and decoded, are so too ({said}): their encoders narrow them before any generator."
    return f" Real patients, encoded and decoded, are not ({said}): generators narrow them."


def _attack(view: View, group: Group) -> Iterator[Finding]:
    found = [(m, ATTACK.summary(view, group, m)) for m in group.ranked]
    caught = [f"{m.name} ({ATTACK.name(view, group)} {number(s.mean, 2)})" for m, s in found if distinguishable(s)]
    measured = [s for _, s in found if s.mean is not None]
    if caught:
        yield Finding(
            "Attack succeeds", f"Membership of training patients is told better than by guessing in {listing(caught)}.", "bad"
        )
    elif measured:
        yield Finding(
            "Attack", "No membership attack is distinguishable from guessing. That is no guarantee: only a finite ε is.", ""
        )
    if view.measured(group, NEIGHBOUR.names[0]):
        seen = [m.name for m in group.ranked if distinguishable(NEIGHBOUR.summary(view, group, m))]
        yield Finding("Neighbours", neighbour.told_of(seen), "bad" if seen else "")


def _copies(view: View, group: Group) -> Iterator[Finding]:
    copied = [(m, s.mean) for m in group.ranked if (s := COPY.summary(view, group, m)).mean is not None and s.mean < COPIED]
    if copied:
        names = listing(f"{method.name} ({COPY.name(view, group)} {number(value, 2)})" for method, value in copied)
        yield Finding("Copies", f"Synthetic records lie much closer to training patients than to unseen ones: {names}.", "bad")


def _formal(view: View, group: Group) -> Iterator[Finding]:
    private = [(m, EPSILON.summary(view, group, m)) for m in group.ranked if m.private]
    said = [f"{m.name} (ε {EPSILON.say(s.mean)} {holds(m)})" for m, s in private if s.mean is not None]
    if said:
        yield Finding(
            "Formal privacy", f"A patient-level guarantee is accounted for {listing(said)}; all other methods have none."
        )


def _federation(view: View, group: Group) -> Iterator[Finding]:
    shares = [(m, RECOVERED.summary(view, group, m)) for m in group.ranked]
    known = [(m, s) for m, s in shares if s.mean is not None and not m.pooled and not m.uses("topology", "isolated")]
    if known:
        said = listing(f"{m.name} {percent(s.mean)} {span(s.low, s.high, percent)}".strip() for m, s in known)
        yield Finding("Federation", f"Of the utility that pooling all patients gains over local training, recovered: {said}.")


def _communication(view: View, group: Group) -> Iterator[Finding]:
    costs = [(m, s.mean, _raw(m)) for m in group.ranked if not m.pooled and (s := CO.summary(view, group, m)).mean]
    talking = sorted(((m, b, raw) for m, b, raw in costs if b and raw), key=lambda item: item[1] / item[2])
    if talking:
        (least, b, raw), (most, top, top_raw) = talking[0], talking[-1]
        text = f"{least.name} sends {CO.say(b)}, {times(b / raw)} what uploading the raw records once would cost"
        more = f"; {most.name} sends {CO.say(top)} ({times(top / top_raw)})" if most is not least else ""
        yield Finding("Communication", f"{text}{more}.")


def _raw(method: Method) -> float:
    return next((r for t in method.done if (r := as_float((t.record.get("bytes") or {}).get("raw_upload")))), 0.0)


def _unfinished(group: Group) -> Iterator[Finding]:
    bad = [m for m in group.methods if len(m.done) < len(m.trials)]
    if bad:
        said = listing(f"{m.name} ({len(m.trials) - len(m.done)} of {plural(len(m.trials), 'seed')})" for m in bad)
        yield Finding("Unfinished", f"{said}. Their numbers, where there are any, rest on the seeds that finished.", "bad")

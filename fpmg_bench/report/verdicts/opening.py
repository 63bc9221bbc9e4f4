"""The first screen: what was compared, the answer in two sentences, their caveat, three numbers of trust and one picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fpmg_bench.report.blocks import Checks, Key, Opening, Tile
from fpmg_bench.report.measures import ATTACK, EPSILON, holds
from fpmg_bench.report.privacy.attacks import distinguishable
from fpmg_bench.report.verdicts import frontier, tested
from fpmg_bench.report.verdicts.headroom import headroom
from fpmg_bench.report.verdicts.leaders import SEEDS_TO_RANK, Standing, against, lead, leading, paired_test
from fpmg_bench.report.view import Group, Method, View
from fpmg_bench.report.wording import first, listing, number, plural, span

DRAWN = 1  # cohorts with a picture of their own here
NAMED = 6  # methods by name


def opening(view: View, checks: Checks) -> Opening:
    """Of the whole report. checks: the validity list, whose sum is a number of trust."""
    groups = _begun(view)
    plots = [
        plot for group in groups[:DRAWN] if (plot := frontier.picture(view, group, f"{group.title}: " if len(groups) > 1 else ""))
    ]
    shown = dict.fromkeys(m.name for group in groups[:DRAWN] for m in group.ranked) if plots else {}
    links = [("leaderboard", "every number"), ("samples", "a sample of the patients"), ("privacy", "what attacks found")]
    if len(groups) > DRAWN:
        links.insert(1, ("frontier", f"the same picture of all {len(groups)} cohorts"))
    return Opening(
        _compared(view),
        [_utility(view, groups), _privacy(view, groups)] if groups else ["Nothing was measured: no trial has finished."],
        " ".join(_caveats(view, groups)),
        _tiles(view, checks),
        plots,
        frontier.ALT,
        [Key(name, view.styles[name].swatch) for name in shown],
        links,
    )


def answer(view: View) -> str:
    """The first sentence of the page, and what it does not say."""
    groups = _begun(view)
    return " ".join([_utility(view, groups), *_caveats(view, groups)])


def _begun(view: View) -> list[Group]:
    """Cohorts on which some trial has finished."""
    return [group for group in view.groups if any(method.done for method in group.methods)]


def _compared(view: View) -> str:
    competing = dict.fromkeys(m.name for g in view.groups for m in g.ranked if not m.pooled)
    beside = dict.fromkeys(m.name for g in view.groups for m in [*(m for m in g.ranked if m.pooled), *g.decoded])
    seeds = sorted({finished([group]) for group in view.groups})
    times = f"{seeds[0]} to {plural(seeds[-1], 'seed')}" if len(seeds) > 1 else plural(seeds[0] if seeds else 0, "seed")
    aside = (
        f" beside {first(list(beside), NAMED)}, which {'is a reference' if len(beside) == 1 else 'are references'},"
        if beside
        else ""
    )
    cohorts = first([group.title for group in view.groups], NAMED)
    return f"Compared: {first(list(competing), NAMED) or 'no federated method'}{aside} on {cohorts}; {times}."


def _utility(view: View, groups: Sequence[Group]) -> str:
    tables = [(group, table) for group in groups if (table := lead(view, group)) is not None]
    if not tables:
        return "No winner: fewer than two federated methods have a result, so there is nothing to compare."
    if len(groups) == 1:
        return _one(view, *tables[0])
    won = [(group, table) for group, table in tables if table.ranked and not table.rivals]
    rest = [(group, table) for group, table in tables if not (table.ranked and not table.rivals)]
    said = [f"{table.leader[0].name} wins on {group.title}" for group, table in won]
    if rest:
        best = [f"{table.leader[0].name} on {group.title}" for group, table in rest]
        where = first([group.title for group, _ in rest]) if won else f"any of the {len(groups)} cohorts"
        leaders = dict.fromkeys(table.leader[0].name for _, table in rest)
        means = (
            f"{next(iter(leaders))} has the best mean"
            if len(leaders) == 1
            else f"the best means are those of {first(best, NAMED)}"
        )
        said.append(f"no winner on {where}, where {means}")
    text = "; ".join(said)
    names = dict.fromkeys(table.measure.name(view, group) for group, table in tables)
    return f"By {listing(names)}: {text}."


def _one(view: View, group: Group, table: Standing) -> str:
    method, best = table.leader
    name = f"{table.measure.plain} ({table.measure.name(view, group)})"
    mean = f"{table.measure.say(best.mean)} {span(best.low, best.high, table.measure.say)}".strip()
    if table.ranked and not table.rivals:
        return f"{method.name}{_alone(method)} wins by {name}, {mean}: {paired_test(group)} tells it from every other method that could be tested."
    head = f"No winner by {name}: {method.name}{_alone(method)} has the best mean, {mean}"
    if table.rivals and table.seeds > 1:
        return f"{head}, but is not told from {first([m.name for m, _ in table.rivals])}."
    return f"{head}; {'with one seed nothing is told from chance' if table.seeds < 2 else 'no other interval reaches it'}."


def _alone(method: Method) -> str:
    """A baseline that leads says something about federating."""
    return " (which shares nothing)" if method.uses("topology", "isolated") else ""


def _privacy(view: View, groups: Sequence[Group]) -> str:
    known = [(g, m, s) for g in groups for m in g.ranked if (s := ATTACK.summary(view, g, m)).mean is not None]
    told = [(g, m, s) for g, m, s in known if distinguishable(s)]
    if told:
        said = first([f"{m.name}{f' on {g.title}' if len(groups) > 1 else ''} ({number(s.mean, 2)})" for g, m, s in told])
        return f"An attacker tells training patients from others of {said}; 0.5 is guessing."
    return (
        "No attack that was run tells training patients from others."
        if known
        else "Whether training patients can be told was not measured."
    )


def _caveats(view: View, groups: Sequence[Group]) -> Iterator[str]:
    """What the two sentences do not say."""
    least = finished(groups)
    if groups and least < SEEDS_TO_RANK:
        yield f"{plural(least, 'seed').capitalize()}: nothing is ranked below {SEEDS_TO_RANK}."
    tight = [group.title for group in groups if _tight(view, group)]
    if tight:
        yield f"On {first(tight)} nothing could win: a perfect generator would hardly differ from an untrained one."
    private = [(g, m) for g in groups for m in g.ranked if m.private and EPSILON.summary(view, g, m).mean is not None]
    if private:
        names = dict.fromkeys(f"{m.name} ({holds(m).partition(';')[0]})" if holds(m) else m.name for _, m in private)
        yield f"Only {first(list(names))} {'has' if len(names) == 1 else 'have'} a formal guarantee; an attack that fails is none."
    elif groups:
        yield "No method has a formal guarantee; an attack that fails is none."
    lost = [trial for trial in view.trials() if trial.status != "ok"]
    if lost:
        yield f"{plural(len(lost), 'trial')} did not finish."


def finished(groups: Sequence[Group]) -> int:
    """Seeds that some method has finished, the fewest over cohorts."""
    return min((len({trial.seed for method in group.methods for trial in method.done}) for group in groups), default=0)


def _tight(view: View, group: Group) -> bool:
    measure, beside = leading(view, group), tested.reference(group)
    if measure is None or beside is None or len(group.seeds) < SEEDS_TO_RANK:
        return False
    room = headroom(view, group, measure, against(view, group, measure, beside, tested.compared(group, beside)))
    return room is not None and not room.wins


def _tiles(view: View, checks: Checks) -> list[Tile]:
    trials = list(view.trials())
    ok = sum(trial.status == "ok" for trial in trials)
    least = finished(view.groups)
    answered = [check for check in checks.items if check.passed is not None]
    passed = sum(bool(check.passed) for check in answered)
    return [
        Tile(f"{ok} of {len(trials)}", "trials finished", "good" if ok == len(trials) else "bad", "failures"),
        Tile(
            str(least),
            f"{'seed' if least == 1 else 'seeds'}, {SEEDS_TO_RANK} to rank",
            "good" if least >= SEEDS_TO_RANK else "warn",
            "checks",
        ),
        Tile(f"{passed} of {len(answered)}", "checks passed", "good" if passed == len(answered) else "warn", "checks"),
    ]

"""A run as a notebook shows it: a few lines of HTML without scripts, styles of its own or requests."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from fpmg_bench.report.verdicts.board import board
from fpmg_bench.report.verdicts.opening import answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fpmg_bench.report.verdicts.board import Line
    from fpmg_bench.report.view import View

ROWS = 12  # of a cohort; the others are counted


def shown(view: View, told: str, troubles: Mapping[str, str], lines: Sequence[str]) -> str:
    """The report's first sentence, the headline score of every cohort's methods, and what has no numbers, with the reason.

    told: counts in words; troubles: id -> status and reason; lines: what else is to be said.
    """
    (run,) = view.runs
    parts = [f"<p><b>{escape(run.suite)}</b> ({escape(str(run.path))}): {escape(told)}</p>"]
    parts.append(f"<p>{escape(answer(view))}</p>")
    parts += [_cohort(view, board(view, group)) for group in view.groups]
    found = [f"<li>{escape(id)}: {escape(why)}</li>" for id, why in troubles.items()]
    more = [f"<li>and {len(found) - ROWS} more: Results.problems()</li>"] if len(found) > ROWS else []
    listed = [*found[:ROWS], *more, *(f"<li>{escape(line)}</li>" for line in lines)]
    return "\n".join([*parts, f"<ul>{''.join(listed)}</ul>" if listed else ""]).strip()


def _cohort(view: View, lines: list[Line]) -> str:
    first = lines[0]
    score = f"{first.measure.name(view, first.group)} {first.measure.better}"
    heads = "".join(f"<th>{escape(head)}</th>" for head in (first.group.title, score, "95 % interval", "seeds", "stands"))
    left = f"<tr><td colspan=5>and {len(lines) - ROWS} more: Results.leaderboard()</td></tr>" if len(lines) > ROWS else ""
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(map(_row, lines[:ROWS]))}{left}</tbody></table>"


def _row(line: Line) -> str:
    from fpmg_bench.report.wording import span

    found, say = line.found, line.measure.say
    mean = "" if found.mean is None else say(found.mean)
    cells = (line.method.name, mean, span(found.low, found.high, say), str(found.seeds), line.stands)
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"

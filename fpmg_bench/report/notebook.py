"""A run as a notebook shows it: a few lines of HTML without scripts, styles of its own or requests."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from fpmg_bench.report.verdicts.board import board
from fpmg_bench.report.verdicts.summary import headline

if TYPE_CHECKING:
    from fpmg_bench.report.verdicts.board import Line
    from fpmg_bench.report.view import View
    from fpmg_bench.results import Results

ROWS = 12  # of a cohort; the others are counted


def shown(results: Results) -> str:
    """Counts, the report's first sentence, the headline score of every cohort's methods, and what has no numbers, with the reason."""
    view = results.view()
    told = ", ".join(f"{count} {what}" for what, count in results.status().items() if count) or "no trials"
    parts = [f"<p><b>{escape(results.suite)}</b> ({escape(str(results.path))}): {escape(told)}</p>"]
    parts.append(f"<p>{escape(headline(view).text)}</p>")
    parts += [_cohort(view, board(view, group)) for group in view.groups]
    troubles = [f"<li>{escape(id)}: {escape(why)}</li>" for id, why in results.problems().items()]
    more = [f"<li>and {len(troubles) - ROWS} more: Results.problems()</li>"] if len(troubles) > ROWS else []
    listed = [
        *troubles[:ROWS],
        *more,
        *(f"<li>{escape(line)}</li>" for line in [*results.left_out_lines(), *results.red_flags()]),
    ]
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

"""A table of the report as LaTeX: booktabs and nothing else; every character that LaTeX would read otherwise is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fpmg_bench.report.blocks import Cell, Head, Row, Table

MINUS = re.compile(r"(?<![\w-])-(?=\d)")
LONG = 36  # letters from which a column of words is broken into lines
MANY = 8  # columns from which a table is set dense
CHARACTERS = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}"},
    **{"<": r"\textless{}", ">": r"\textgreater{}", '"': "''", "\n": " ", "\u00a0": "~", "\u202f": "~"},
    **{"–": "--", "—": "---", "…": r"\ldots{}", "°": r"$^\circ$", "✗": r"$\times$", "✓": r"$\surd$", "µ": r"$\mu$"},
    **{"²": r"\textsuperscript{2}", "³": r"\textsuperscript{3}", "½": r"$\frac{1}{2}$", "‖": r"$\|$"},
    **{c: f"$\\{name}$" for c, name in {"→": "rightarrow", "←": "leftarrow", "↑": "uparrow", "↓": "downarrow"}.items()},
    **{c: f"$\\{name}$" for c, name in {"×": "times", "·": "cdot", "±": "pm", "∞": "infty", "√": "surd", "∑": "sum"}.items()},
    **{c: f"$\\{name}$" for c, name in {"≥": "geq", "≤": "leq", "≠": "neq", "≈": "approx", "∈": "in", "∩": "cap"}.items()},
    **{c: f"$\\{name}$" for c, name in {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon"}.items()},
    **{c: f"$\\{name}$" for c, name in {"λ": "lambda", "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau"}.items()},
    **{c: f"$\\{name}$" for c, name in {"φ": "varphi", "χ": "chi", "ω": "omega", "Δ": "Delta", "Σ": "Sigma"}.items()},
    "−": "$-$",
}
# a value with what stands below it, each in the size that it has on the page
BELOW = r"\providecommand{\fpmgcell}[3][r]{\begin{tabular}[t]{@{}#1@{}}#2\\[-.3ex]{\scriptsize #3}\end{tabular}}"


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is; letters of other scripts stay, for engines that have them."""
    return "".join(CHARACTERS.get(c, c) for c in " ".join(text.split(" ")))


def latex(table: Table, label: str) -> str:
    r"""One `table` environment, captioned and labelled `tab:<label>`, for `\input`."""
    shape = _columns(table)
    dense = r"\scriptsize\setlength{\tabcolsep}{3pt}" if len(shape) > MANY else r"\small"
    lines = [
        f"% {_comment(table.caption)}",
        r"% \usepackage{booktabs}; made by fpmg-bench report --export",
        BELOW,
        r"\begin{table}",
        rf"  \centering{dense}",
        rf"  \caption{{{escaped(table.caption)}}}",
        rf"  \label{{tab:{label}}}",
        rf"  \begin{{tabular}}{{{''.join(shape)}}}",
        r"    \toprule",
        f"    {' & '.join(_head(head) for head in table.heads)} \\\\",
        r"    \midrule",
        *(f"    {line}" for line in _body(table, shape)),
        r"    \bottomrule",
        r"  \end{tabular}",
        *(f"  {line}" for line in _notes(table)),
        r"\end{table}",
        *(f"% {_comment(what)}: {_comment(means)}" for what, means in table.terms),
    ]
    return "\n".join(lines) + "\n"


def _columns(table: Table) -> list[str]:
    """r for numbers, l for words, p where they are long; long ones share four fifths of the line."""
    long = [not head.numeric and _widest(table, i) > LONG for i, head in enumerate(table.heads)]
    shared = rf"p{{{0.8 / max(sum(long), 1):.2f}\linewidth}}"
    return ["r" if head.numeric else shared if broken else "l" for head, broken in zip(table.heads, long, strict=True)]


def _widest(table: Table, i: int) -> int:
    cells = [row.cells[i] for row in table.rows if i < len(row.cells) and row.cells[i].span == 1]
    return max((len(line) for cell in cells for line in (cell.text, *cell.small.splitlines())), default=0)


def _head(head: Head) -> str:
    below = ", ".join(part for part in (head.unit, head.better) if part)
    side = "r" if head.numeric else "l"
    return rf"\fpmgcell[{side}]{{{escaped(head.label)}}}{{{escaped(below)}}}" if below else escaped(head.label)


def _body(table: Table, shape: Sequence[str]) -> Iterator[str]:
    """Reference rows first, as on the page, and a rule below them."""
    reasons = table.footnotes
    pinned = [row for row in table.rows if row.pinned]
    for row in pinned:
        yield _row(row, shape, reasons)
    if pinned and len(pinned) < len(table.rows):
        yield r"\midrule"
    for row in table.rows:
        if not row.pinned:
            yield _row(row, shape, reasons)


def _row(row: Row, shape: Sequence[str], reasons: Sequence[str]) -> str:
    cells, at = [], 0
    for cell in row.cells:
        side = shape[at] if cell.span == 1 else "l"
        said = _cell(cell, reasons, side)
        cells.append(rf"\multicolumn{{{cell.span}}}{{{side}}}{{{said}}}" if cell.span > 1 else said)
        at += cell.span
    return f"{' & '.join(cells)} \\\\"


def _cell(cell: Cell, reasons: Sequence[str], side: str) -> str:
    said = MINUS.sub("$-$", escaped(cell.text))
    said += rf"\textsuperscript{{{reasons.index(cell.why) + 1}}}" if cell.why else ""
    below = [MINUS.sub("$-$", escaped(line)) for line in (*cell.small.splitlines(), cell.badge) if line]
    if not below:
        return said
    small = ", ".join(below)
    return rf"{said}\newline{{\scriptsize {small}}}" if side.startswith("p") else rf"\fpmgcell[{side}]{{{said}}}{{{small}}}"


def _notes(table: Table) -> Iterator[str]:
    reasons = [rf"\textsuperscript{{{i}}}~{escaped(why)}" for i, why in enumerate(table.footnotes, 1)]
    notes = [*reasons, *(escaped(note) for note in table.notes)]
    if notes:
        yield r"\par\smallskip\footnotesize\raggedright"
        yield r" \par ".join(notes)


def _comment(text: str) -> str:
    return " ".join(text.split())

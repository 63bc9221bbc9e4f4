"""Tables as lines of text that fit: names and numbers are never split. Columns that repeat themselves go, words wrap, or the table turns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

WIDE, NARROW = "   ", "  "  # between columns
TALLEST = 6  # lines of a row; a taller one is read more easily turned
Cells = Sequence[Sequence[str]]


def laid_out(heads: Sequence[str], rows: Cells, right: Collection[str], width: int | None, rule: str = "─") -> list[str]:
    """The table in lines of at most `width` characters (None: as wide as it is), but for words that are longer by themselves.

    right: heads of right-aligned columns, whose cells are not broken at all. What every row says alike becomes a line above; where
    that is not enough, a first column that repeats itself becomes lines between rows, words wrap, or each row has lines of its own.
    """
    natural = _natural(heads, rows)
    if width is None or _wide(natural, WIDE) <= width:
        return list(_grid(heads, rows, right, natural, WIDE, rule))
    heads, rows, alike = _without_repeats(heads, rows)
    return [*wrapped(alike, width), *_narrow(heads, rows, right, width, rule)]


def _narrow(heads: Sequence[str], rows: Cells, right: Collection[str], width: int, rule: str) -> Iterator[str]:
    natural, names = _natural(heads, rows), [row[0] for row in rows]
    if (gap := _gap(natural, width)) is not None:
        return _grid(heads, rows, right, natural, gap, rule)
    if len(heads) > 2 and len(set(names)) < len(names) and (gap := _gap(natural[1:], width)) is not None:
        return _grid(heads[1:], [row[1:] for row in rows], right, natural[1:], gap, rule, names)
    sizes = _shares(heads, rows, right, width)
    if sizes is not None and max(len(_lines(row, sizes, heads, right, NARROW)) for row in rows) <= TALLEST:
        return _grid(heads, rows, right, sizes, NARROW, rule)
    return _turned(heads, rows, right, width)


def _gap(sizes: Sequence[int], width: int) -> str | None:
    return next((gap for gap in (WIDE, NARROW) if _wide(sizes, gap) <= width), None)


def wrapped(text: str, width: int | None, indent: str = "  ") -> list[str]:
    """A line as lines that end between words; all but the first are indented."""
    if width is None or length(text) <= width:
        return [text] if text else []
    lines, words = [], text.split(" ")
    line = words[0]
    for word in words[1:]:
        if length(line) + 1 + length(word) <= width:
            line = f"{line} {word}"
        else:
            lines.append(line.rstrip())
            line = indent + word
    return [*lines, line]


def length(text: str) -> int:
    """Columns of a terminal that the text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _natural(heads: Sequence[str], rows: Cells) -> list[int]:
    return [max(map(length, column)) for column in zip(heads, *rows, strict=True)]


def _wide(sizes: Sequence[int], gap: str) -> int:
    return sum(sizes) + len(gap) * (len(sizes) - 1)


def _without_repeats(heads: Sequence[str], rows: Cells) -> tuple[list[str], list[list[str]], str]:
    """The columns that differ between rows, and the others in words; the first one stays whatever it says."""
    kept = [i for i in range(len(heads)) if i == 0 or len({row[i] for row in rows}) > 1]
    if len(rows) < 2:
        return list(heads), [list(row) for row in rows], ""
    told = "; ".join(f"{head} {rows[0][i] or '-'}" for i, head in enumerate(heads) if i not in kept)
    return [heads[i] for i in kept], [[row[i] for i in kept] for row in rows], f"in every row: {told}" if told else ""


def _shares(heads: Sequence[str], rows: Cells, right: Collection[str], width: int) -> list[int] | None:
    """Widths of columns that fit together: as wide as they are up to a common bound, but never less than a word; None: there are none."""
    natural = _natural(heads, rows)
    least = [
        max(_word(head), *(length(cell) if head in right else _word(cell) for cell in column))
        for head, column in zip(heads, zip(*rows, strict=True), strict=True)
    ]
    for bound in range(max(natural), 0, -1):
        sizes = [min(most, max(few, bound)) for most, few in zip(natural, least, strict=True)]
        if _wide(sizes, NARROW) <= width:
            return sizes
    return None


def _word(text: str) -> int:
    return max(map(length, text.split(" ")))


def _lines(row: Sequence[str], sizes: Sequence[int], heads: Sequence[str], right: Collection[str], gap: str) -> list[str]:
    cells = [wrapped(cell, size, indent="") or [""] for cell, size in zip(row, sizes, strict=True)]
    made = []
    for at in range(max(map(len, cells))):
        line = []
        for head, cell, size in zip(heads, cells, sizes, strict=True):
            text = cell[at] if at < len(cell) else ""
            blank = " " * (size - length(text))
            line.append(blank + text if head in right else text + blank)
        made.append(gap.join(line).rstrip())
    return made


def _grid(
    heads: Sequence[str],
    rows: Cells,
    right: Collection[str],
    sizes: Sequence[int],
    gap: str,
    rule: str,
    names: Sequence[str] = (),
) -> Iterator[str]:
    """names: of the rows, printed before the first of those that share one."""
    yield from _lines(heads, sizes, heads, right, gap)
    yield rule * _wide(sizes, gap)
    for at, row in enumerate(rows):
        if names and (at == 0 or names[at] != names[at - 1]):
            yield names[at]
        yield from _lines(row, sizes, heads, right, gap)


def _turned(heads: Sequence[str], rows: Cells, right: Collection[str], width: int) -> Iterator[str]:
    """A row as its names, and below them the rest by the heads' names; what says nothing is left out."""
    names = next((n for n in range(1, len(heads)) if len({tuple(row[:n]) for row in rows}) == len(rows) or heads[n] in right), 1)
    for row in rows:
        yield from wrapped(WIDE.join(row[:names]), width)
        told = [f"{head} {cell}" for head, cell in zip(heads[names:], row[names:], strict=True) if cell not in ("", "-")]
        yield from _pairs(told, width)


def _pairs(told: Sequence[str], width: int) -> Iterator[str]:
    """Pairs one after the other, broken between pairs, and only a pair longer than a line between words."""
    line = ""
    for pair in told:
        if line and length(line) + 2 + length(pair) > width:
            yield f"{line},"
            line = ""
        line = f"{line}, {pair}" if line else f"  {pair}"
        if length(line) > width:
            *whole, line = wrapped(line.strip(), width - 2)
            yield from (f"  {each}" for each in whole)
            line = f"  {line}"
    if line:
        yield line

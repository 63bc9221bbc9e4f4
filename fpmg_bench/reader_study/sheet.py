"""The sheet: one page without network, readable without scripts, on which nothing tells what a case is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fpmg_bench.report.page import asset, content_policy, templates

if TYPE_CHECKING:
    from fpmg_bench.reader_study.key import Key
    from fpmg_bench.report.blocks import Specimen

ROOM = "fpmg_bench.reader_study"
FORMAT = "fpmg-bench reader-study answers"
VERSION = 1
VERDICTS = ("real", "synthetic")
CONFIDENCE = (1, 2, 3, 4, 5)
FIRST = ("image", "text", "table", "series", "video")  # a case's pictures come first


def render(key: Key, cases: Sequence[Mapping[str, Specimen]]) -> str:
    """The page. Of the key it holds the study's id, the label's question and its answers: no kind, no source, no order of choice."""
    script = asset("sheet.js", ROOM)
    return (
        templates(ROOM)
        .get_template("sheet.html.j2")
        .render(
            study=key.study,
            question=key.question.replace("_", " "),
            labels=key.labels,
            verdicts=VERDICTS,
            confidence=CONFIDENCE,
            cases=[sorted(case.values(), key=lambda part: FIRST.index(part.shape)) for case in cases],
            format=FORMAT,
            version=VERSION,
            policy=content_policy([script]),
            style=asset("style.css") + asset("sheet.css", ROOM),
            script=script,
        )
    )

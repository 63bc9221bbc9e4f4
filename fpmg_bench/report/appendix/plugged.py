"""Panels of plug-ins, after privacy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fpmg_bench.report.blocks import Raw, Section
from fpmg_bench.report.wording import slug

if TYPE_CHECKING:
    from fpmg_bench.types import Panel


def sections(panels: Sequence[Panel]) -> list[Section]:
    """One section a panel; ids are numbered, since two plug-ins may choose one title."""
    return [
        Section(f"plugin-{i}-{slug(p.title)}", p.title, "By a plug-in.", [Raw(p.body, p.alt)]) for i, p in enumerate(panels, 1)
    ]

"""`Results.plot`: figures of the report by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fpmg_bench.errors import StoreError

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from fpmg_bench.results import Results


@dataclass(frozen=True, slots=True)
class Plots:
    """Of one run."""

    results: Results

    def frontier(self, dataset: str | None = None, against: Literal["attack", "bytes"] = "attack") -> Figure:
        """Utility of every method against its worst membership attack, or against bytes sent: the report's own figure, by plotly.

        dataset: needed where the run has several cohorts. Raises StoreError naming them, and where no such two scores were measured.
        """
        from fpmg_bench.report.drawing.standalone import standalone
        from fpmg_bench.report.verdicts.frontier import drawn

        view = self.results.view()
        groups = {group.dataset: group for group in view.groups}
        chosen = [group for name, group in groups.items() if dataset in (None, name)]
        if len(chosen) != 1:
            raise StoreError(
                f"{self.results.path}: one cohort is drawn, not {len(chosen)}", f"dataset={' or '.join(map(repr, groups))}"
            )
        plots = drawn(view, chosen[0])
        if against not in plots:
            there = f"against={' or '.join(map(repr, plots))}" if plots else "metrics: [tstr, pg, co] measures them"
            raise StoreError(f"{self.results.path}: {chosen[0].title}: utility and {against} were not both measured", there)
        return standalone(plots[against], f"{chosen[0].title}: {plots[against].title}")

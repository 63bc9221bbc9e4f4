"""`Results.plot`: the report's pictures of one run, one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpmg_bench.document import did_you_mean
from fpmg_bench.errors import StoreError
from fpmg_bench.report.blocks import Key
from fpmg_bench.report.export.picture import Picture, picture

if TYPE_CHECKING:
    from fpmg_bench.report.view import Group, View


@dataclass(frozen=True)
class Plots:
    """Pictures of a run. Each is shown by a notebook as it is, and has `save("FILE.svg")` and `save("FILE.pdf")`."""

    view: View

    def frontier(self, dataset: str | None = None) -> Picture:
        """The picture of the report's first screen: utility against the worst membership attack, with 95 % intervals; ringed: on the Pareto front.

        dataset: needed where the run has several cohorts. Raises StoreError for an unknown one, and where not both were measured.
        """
        from fpmg_bench.report.verdicts import frontier

        group = self._group(dataset)
        plot = frontier.picture(self.view, group, f"{group.title}: ")
        if plot is None:
            raise StoreError(
                f"{group.run.path}: {group.dataset}: utility and a membership attack were not both measured",
                "add the metrics tstr and membership to the suite",
            )
        keys = [Key(method.name, self.view.styles[method.name].swatch) for method in group.ranked]
        return picture(plot.svg, plot.title, frontier.ALT, keys, head=plot.title)

    def _group(self, dataset: str | None) -> Group:
        found = [group for group in self.view.groups if dataset in (None, group.dataset)]
        if len(found) == 1:
            return found[0]
        names = [group.dataset for group in self.view.groups]
        where = self.view.runs[0].path
        if dataset is None:
            raise StoreError(f"{where}: {len(names)} cohorts", f"choose one: {', '.join(f'dataset={n!r}' for n in names)}")
        raise StoreError(f"{where}: no cohort '{dataset}'", f"cohorts: {', '.join(names)}{did_you_mean(dataset, names)}")

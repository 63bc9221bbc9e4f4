"""Panel: real patients beside synthetic ones, in counts of many; no real value leaves `cells`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpmg_bench.report.beside.sources import Loader
    from fpmg_bench.report.blocks import Section
    from fpmg_bench.report.view import View


def sections(view: View, loader: Loader | None) -> list[Section]:
    """The panel; none where no real patient may be read for this page (loader None)."""
    if loader is None:
        return []
    from fpmg_bench.report.beside.panel import panel

    return [panel(view, loader)]

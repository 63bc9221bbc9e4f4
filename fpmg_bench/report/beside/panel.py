"""Panel "Real beside synthetic": where the pictures of a cohort come from, and the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fpmg_bench.report.beside.cells import LEAST
from fpmg_bench.report.beside.courses import courses
from fpmg_bench.report.beside.distributions import distributions
from fpmg_bench.report.beside.maps import correlation_maps, planes
from fpmg_bench.report.beside.pairs import Made, pair
from fpmg_bench.report.beside.sources import Gone, Loader, leading, releases
from fpmg_bench.report.blocks import Heading, Prose, Section
from fpmg_bench.report.patients.samples import gallery
from fpmg_bench.report.view import Group, View
from fpmg_bench.report.wording import count, listing, plural

LEAD = (
    f"All real patients of the cohort, read again for this page, beside the best methods' releases of one seed. Real patients are counted in cells of at least {LEAST} patients; "
    "cells of fewer are merged or blank, ends are open, and no real patient is drawn. No ε covers these counts, and a least number a cell is no differential privacy: "
    "`report --no-aggregates` leaves them out."
)


def panel(view: View, loader: Loader) -> Section:
    """Cohort by cohort."""
    return Section(
        "beside", "Real beside synthetic", LEAD, [block for group in view.groups for block in _group(view, group, loader)]
    )


def _group(view: View, group: Group, loader: Loader) -> Iterator[Any]:
    yield Heading(f"beside-{group.id}", group.title)
    chosen = leading(view, group)
    if not chosen:
        yield Prose(["No competing method has stored synthetic patients."])
        return
    try:
        real = loader.real(group)
    except Gone as error:
        yield Prose([f"Real patients cannot be read here, so nothing stands beside the synthetic ones: {error}."], "warn")
        return
    unreadable: list[str] = []
    made = [Made(method.name, view.styles[method.name], records) for method, records in releases(loader, chosen, unreadable)]
    if unreadable:
        yield Prose([f"Stored patients that cannot be read: {'; '.join(unreadable)}."], "warn")
    if not made:
        return
    found = pair(real, made)
    yield Prose([_said(group, found.real, made)])
    drawn = [
        block for figure in (distributions, correlation_maps, planes, courses) for block in figure(found, group.id, group.title)
    ]
    if not drawn:
        yield Prose([f"Too few patients: not one quantity has two cells of {LEAST}."], "warn")
    yield from drawn
    yield from gallery(view, group, [each.name for each in made])


def _said(group: Group, real: Any, made: list[Made]) -> str:
    import numpy as np

    beside = listing(f"{each.name} ({plural(len(each.records), 'record')})" for each in made)
    text = f"{count(len(np.unique(real.patient)))} real patients ({count(len(real))} records) beside {beside}."
    if group.decoded:
        pictures = (
            "they stand in the galleries below"
            if group.cohort.get("publishable")
            else "they are not drawn: the cohort is not publishable"
        )
        text += f" Decoded patients are as private as real ones and are not stored; {pictures}."
    return text

"""After the last round: silos that lack a modality get its modules once, so that every silo can make the complete record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from fpmg_bench.federation.edges import edges_of, reached
from fpmg_bench.federation.hops import Load, flooded

if TYPE_CHECKING:
    from fpmg_bench.types import Step


def sources(steps: Sequence[Step], holders: Iterable[int], lacking: Iterable[int]) -> dict[int, int]:
    """lacking silo -> the first holder whose weights can get to it over the plan's edges; silos out of reach are left out.

    One message each: on a ring it comes from the silo before (a holder, or one that was just handed them), on a star from the
    server, which merged them. Post-processing: it costs no epsilon.
    """
    holders, lacking = sorted(holders), sorted(lacking)
    edges = edges_of(steps)
    known = reached(edges, sorted({*holders, *lacking}))
    found = {silo: next((h for h in holders if h in known[silo]), None) for silo in lacking}
    return {silo: holder for silo, holder in found.items() if holder is not None}


def path(steps: Sequence[Step], given: Iterable[int], size: int) -> list[Load]:
    """Loads of the hand-over, step by step: over the plan's edges from all other nodes to the silos given it, one message each."""
    given = set(given)
    edges = edges_of(steps)
    others = {node for edge in edges for node in edge} - given
    return flooded([edge for edge in edges if edge[1] in given], {node: {0} for node in others}, size)

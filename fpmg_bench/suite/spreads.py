"""Partitions that a cohort cannot have: sorted by a column that it lacks, or with more modalities taken away than can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fpmg_bench.document import did_you_mean
from fpmg_bench.partition import most_absences, sortable, spreading

if TYPE_CHECKING:
    from fpmg_bench.suite.cohorts import CohortInfo


def spread_refusals(partition: Mapping[str, Any], info: CohortInfo, silos: int) -> Iterator[str]:
    """Reasons that are known before any row is. silos: 0 where even their number is not."""
    if partition["kind"] == "pooled":
        return
    by = spreading(partition).get("by")
    known = sortable(info)
    if by and by not in known:
        yield f"partition by '{by}': {info.name} has no such column or modality.{did_you_mean(by, known)} Known: {', '.join(known)}"
    if partition["kind"] == "modality" and silos:
        modalities = sum(count > 0 for count in info.present.values())
        pairs, most = silos * modalities, most_absences(silos, modalities)
        if modalities == 1 and partition["lack"]:
            yield f"{info.name} has one modality, which no silo can lack; use another partition than a modality skew"
        elif round(partition["lack"] * pairs) > most:
            yield (
                f"lack: {partition['lack']:g} takes {round(partition['lack'] * pairs)} of {pairs} modalities of silos away; at most "
                f"{most} can go if every modality keeps a silo and every silo a modality; write lack: {most / pairs:.2g} or less"
            )

"""AMP, the price of federation: a method's losses against the centralized and the local-only one of the same dataset and seed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpmg_bench.document import plural
from fpmg_bench.result_rows import ResultRow, result_rows
from fpmg_bench.stats.intervals import interval
from fpmg_bench.stats.losses import loss

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "EVALUATION.md: AMP"


SCORES = ("tstr", "tstr.r2", "survival", "rg", "dg", "association")  # what AMP is said of: amp.gap.<score>


@dataclass(frozen=True, slots=True)
class References:
    """Names of the methods that AMP compares with; None where a suite has none."""

    centralized: str | None = "centralized"
    local: str | None = "local-only"


def references(specs: Sequence[Mapping[str, Any]]) -> References:
    """The centralized (pooled, no privacy) and the local-only (isolated, not pooled) method among the specifications of a plan.

    Several of a kind: the one with the customary name, else the first.
    """
    candidates = [spec for spec in specs if not (spec["control"] or spec["privacy"] or spec.get("external"))]
    pooled = [s["method"] for s in candidates if s["partition"].get("kind") == "pooled"]
    alone = [
        s["method"]
        for s in candidates
        if s["partition"].get("kind") != "pooled" and (s["topology"] or {}).get("name") == "isolated"
    ]
    return References(_pick(pooled, "centralized"), _pick(alone, "local-only"))


def _pick(names: Sequence[str], customary: str) -> str | None:
    return customary if customary in names else next(iter(names), None)


def amp(table: pd.DataFrame, refs: References | None = None) -> pd.DataFrame:
    """Rows `amp.gap.<score>` and `amp.recovered.<score>` for every method, dataset and seed, in the columns of the table.

    gap = L(method) - L(centralized), paired by dataset and seed: 0 costs nothing, + is worse.
    recovered = (L(local) - L(method)) / mean over seeds of (L(local) - L(centralized)), so that its mean over seeds is the ratio
    of the means; only where that denominator's 95 % interval excludes 0, else not applicable with the reason.
    """
    import pandas as pd

    refs = refs or References()
    rows = [row for score in SCORES for row in _score_rows(table, refs, score)] if refs.centralized else []
    return pd.DataFrame(rows, columns=list(table.columns)).astype(table.dtypes.to_dict())


def _score_rows(table: pd.DataFrame, refs: References, score: str) -> Iterator[ResultRow]:
    final = table[(table["metric"] == score) & (table["round"] == -1) & (table["scope"] == "all") & table["modality"].isna()]
    final = final[(final["status"] == "ok") & (final["role"] == "method")]
    for _, cell in final.groupby("dataset", sort=False):
        rows = result_rows(cell.drop_duplicates(["method", "seed"]))
        losses = {(row["method"], row["seed"]): _loss(row) for row in rows}
        denominator = _denominator(losses, refs)
        for row in rows:
            central = losses.get((refs.centralized or "", row["seed"]))
            if central is not None:
                yield _row(row, f"amp.gap.{score}", losses[row["method"], row["seed"]] - central, False)
            if refs.local is not None:
                yield _recovered(row, score, losses, refs.local, denominator)


def _loss(row: ResultRow) -> float:
    """Of a row with a direction or of a ratio: every score in `SCORES` is one of these."""
    value = math.nan if row["value"] is None else row["value"]
    found = loss(value, row["higher_is_better"], row["best"], row["unit"] or "")
    if found is None:
        raise ValueError(f"{row['metric']} has neither a direction nor the unit 'ratio': it has no loss")
    return found


def _denominator(losses: Mapping[tuple[str, int], float], refs: References) -> tuple[float, str]:
    """What centralizing gains over staying alone, mean over seeds; and why it cannot be divided by, if so."""
    seeds = [seed for method, seed in losses if method == refs.local and (refs.centralized, seed) in losses]
    gains = [losses[refs.local or "", seed] - losses[refs.centralized or "", seed] for seed in seeds]
    if not all(map(math.isfinite, gains)):
        return math.nan, "the loss of a reference is infinite"
    mean, low, high = interval(gains)
    if len(gains) < 2:
        return (
            mean,
            f"{plural(len(gains), 'paired seed')} of {refs.local} and {refs.centralized}: no interval for what centralizing gains",
        )
    if low <= 0 <= high:
        return mean, f"centralizing gains {mean:.3g} [{low:.3g}, {high:.3g}] over {refs.local}: not different from 0"
    return mean, ""


def _recovered(
    row: ResultRow, score: str, losses: Mapping[tuple[str, int], float], local: str, denominator: tuple[float, str]
) -> ResultRow:
    gain, reason = denominator
    alone = losses.get((local, row["seed"]))
    if not reason and alone is None:
        reason = f"{local} has no result for seed {row['seed']}"
    value = math.nan if reason or alone is None else (alone - losses[row["method"], row["seed"]]) / gain
    status = "not_applicable" if reason else "ok"
    return {**_row(row, f"amp.recovered.{score}", value, True), "status": status, "reason": reason}


def _row(row: ResultRow, metric: str, value: float, higher: bool) -> ResultRow:
    """The score's row with another number, which has no interval and no scale of its own."""
    return {
        **row, "metric": metric, "value": value, "low": None, "high": None, "n": None, "floor": None, "reason": "",
        "higher_is_better": higher, "best": None, "lowest": None, "highest": None, "unit": "", "source": SOURCE,
    }  # fmt: skip

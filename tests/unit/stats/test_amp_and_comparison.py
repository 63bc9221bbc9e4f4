"""AMP on simulated result tables: gaps, what is recovered, what is left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fpmg_bench.stats import References, amp, references
from fpmg_bench.store import DTYPES, frame

Values = Mapping[str, list[float]]


def table(metric: str, values: Values, higher: bool | None = True, dataset: str = "iu", **more: Any) -> pd.DataFrame:
    """One row a method and seed."""
    rows = []
    for method, seeds in values.items():
        for seed, value in enumerate(seeds):
            row = {
                "schema_version": 1,
                "suite": "s",
                "dataset": dataset,
                "method": method,
                "role": "method",
                "seed": seed,
                "key": "k",
            }
            status = "failed" if math.isnan(value) else "ok"
            rest = {"round": -1, "scope": "all", "metric": metric, "value": value, "status": status, "higher_is_better": higher}
            rows.append(row | rest | more)
    return frame(rows)


def cell(found: pd.DataFrame, metric: str, method: str) -> list[float]:
    return list(found[(found["metric"] == metric) & (found["method"] == method)]["value"])


TSTR = {"centralized": [0.80, 0.82, 0.81], "local-only": [0.60, 0.63, 0.60], "fpmg": [0.75, 0.77, 0.70]}


def test_amp_is_the_loss_beyond_centralized_paired_by_seed() -> None:
    found = amp(table("tstr", TSTR))
    assert cell(found, "amp.gap.tstr", "fpmg") == pytest.approx([0.05, 0.05, 0.11])
    assert cell(found, "amp.gap.tstr", "local-only") == pytest.approx([0.20, 0.19, 0.21])
    assert cell(found, "amp.gap.tstr", "centralized") == [0.0, 0.0, 0.0]
    assert not found[found["metric"] == "amp.gap.tstr"]["higher_is_better"].any()


def test_the_association_error_is_a_loss_as_it_stands() -> None:
    found = amp(table("association", {"centralized": [0.4, 0.5], "fpmg": [0.7, 0.6]}, higher=False))
    assert cell(found, "amp.gap.association", "fpmg") == pytest.approx([0.3, 0.1])


def test_recovered_averages_to_the_ratio_of_means() -> None:
    found = amp(table("tstr", TSTR))
    ratio = (np.mean([0.15, 0.14, 0.10])) / np.mean([0.20, 0.19, 0.21])
    assert np.mean(cell(found, "amp.recovered.tstr", "fpmg")) == pytest.approx(ratio)
    assert np.mean(cell(found, "amp.recovered.tstr", "centralized")) == pytest.approx(1.0)
    assert cell(found, "amp.recovered.tstr", "local-only") == [0.0, 0.0, 0.0]


def test_losses_of_rg_and_dg_count_both_directions_alike() -> None:
    found = amp(table("rg", {"centralized": [1.0], "local-only": [2.0], "low": [0.5], "high": [2.0]}, higher=None, unit="ratio"))
    assert cell(found, "amp.gap.rg", "low") == pytest.approx([math.log(2)])
    assert cell(found, "amp.gap.rg", "high") == pytest.approx([math.log(2)])


def test_a_score_without_a_direction_has_no_price() -> None:
    with pytest.raises(ValueError, match="rg has neither a direction nor"):
        amp(table("rg", {"centralized": [1.0], "fpmg": [2.0]}, higher=None, unit="share"))


@pytest.mark.parametrize(
    ("local", "reason"),
    [([0.79, 0.84, 0.80], "not different from 0"), ([0.60], "no interval"), ([], "0 paired seeds")],
)
def test_nothing_is_recovered_where_centralizing_gains_nothing_certain(local: list[float], reason: str) -> None:
    found = amp(table("tstr", {**TSTR, "local-only": local}))
    rows = found[(found["metric"] == "amp.recovered.tstr") & (found["method"] == "fpmg")]
    assert rows["status"].tolist() == ["not_applicable"] * 3
    assert rows["reason"].str.contains(reason).all()
    assert rows["value"].isna().all()


def test_seeds_without_a_partner_and_failed_trials_are_left_out_not_imputed() -> None:
    values = {**TSTR, "centralized": [0.80, math.nan, 0.81], "fpmg": [0.75, 0.77, 0.70, 0.9]}
    found = amp(table("tstr", values))
    gap = found[(found["metric"] == "amp.gap.tstr") & (found["method"] == "fpmg")]
    assert gap["seed"].tolist() == [0, 2]


def test_datasets_are_not_mixed_and_silos_modalities_and_rounds_are_left_out() -> None:
    parts = [
        table("tstr", TSTR),
        table("tstr", {name: [v - 0.2 for v in values] for name, values in TSTR.items()}, dataset="nih"),
        table("tstr", TSTR, scope="silo:A"),
        table("tstr", TSTR, modality="text"),
        table("tstr", TSTR, round=3),
        table("tstr", {"copy": [0.8]}, role="control"),
    ]
    found = amp(pd.concat(parts, ignore_index=True))
    assert len(found) == 2 * (9 + 9)
    assert set(found["method"]) == set(TSTR)
    assert {name: str(kind) for name, kind in found.dtypes.items()} == dict(DTYPES)


def test_without_a_centralized_method_there_is_no_amp() -> None:
    assert len(amp(table("tstr", TSTR), References(None, "local-only"))) == 0
    found = amp(table("tstr", TSTR), References("centralized", None))
    assert set(found["metric"]) == {"amp.gap.tstr"}


def spec(method: str, kind: str = "natural", topology: str | None = "ring", **more: Any) -> dict[str, Any]:
    where = {"name": topology, "params": {}} if topology else None
    return {"method": method, "partition": {"kind": kind}, "topology": where, "control": None, "privacy": None, **more}


def test_references_are_found_by_what_methods_do() -> None:
    specs = [
        spec("fpmg"),
        spec("all-in-one", "pooled"),
        spec("alone", topology="isolated"),
        spec("copy", "pooled", control={"name": "copy"}),
    ]
    assert references(specs) == References("all-in-one", "alone")
    dp = spec("private", "pooled", privacy={"epsilon": 8})
    assert references([dp, spec("one", "pooled"), spec("centralized", "pooled")]) == References("centralized", None)
    assert references([spec("fpmg"), dp]) == References(None, None)

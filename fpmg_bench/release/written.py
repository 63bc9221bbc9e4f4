"""Writes records as the source has them where its dataset can, else as `fpmg_bench.cohorts.folder` does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpmg_bench.cohorts import folder as form_of_ours
from fpmg_bench.errors import SuiteError

if TYPE_CHECKING:
    from fpmg_bench.datasets import Form
    from fpmg_bench.registry import Registry
    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.types import Cohort

LICENCE = "synthetic"


def write(cohort: Cohort, folder: Path, form: Form, info: Mapping[str, Any], registry: Registry, spec: TrialSpec) -> list[str]:
    """Into a new or empty folder; what is not as in the source, in words. info: the cohort in plan.json."""
    held = tuple(name for name, mask in cohort.present.items() if mask.any())
    if not held:
        raise SuiteError("no record drawn has any modality: there is nothing to write", "draw more patients")
    absent = sorted(set(cohort.schemas) - set(held))
    told = [f"no record drawn has {name}: cohort.yaml leaves it out" for name in absent]
    return told + _write(cohort.only(held), folder, form, info, registry, spec)


def _write(cohort: Cohort, folder: Path, form: Form, info: Mapping[str, Any], registry: Registry, spec: TrialSpec) -> list[str]:
    source, dataset = info.get("source") or {}, registry.load("dataset", spec.dataset.name)
    if source and form != "folder" and hasattr(dataset, "write"):
        told: list[str] = dataset.write(source, cohort, folder, form)
        return told
    if form == "source" and source:
        raise SuiteError(f"dataset '{spec.dataset.name}' no longer writes the form that this run knows", "--form folder")
    tables = ".csv" if form == "csv" else ".parquet"
    form_of_ours.write(cohort, folder, LICENCE, bool(info.get("publishable")), tables)
    return [] if source else ["the source is no folder cohort: columns and files have the names of the format, not the source's"]

"""Small made-up patients for checks: a schema of every kind, a cohort, vectors, and a silo's shard. No real row is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from fpmg_bench.keys import rng_for, seed_for
from fpmg_bench.strata import inside, label_of, no_label, stratum
from fpmg_bench.types import (
    KINDS,
    TARGET,
    Cohort,
    Column,
    Kind,
    Pixels,
    Representation,
    Schema,
    Series,
    SiloContext,
    Space,
    Table,
    Text,
)

SCHEMAS: Mapping[Kind, Schema] = {
    "table": Schema(
        "table",
        (
            Column("age", "number", low=0.0, high=100.0, step=1.0),
            Column("lactate", "number", low=0.0, high=20.0),
            Column("sex", "category", ("f", "m")),
            Column("ward", "category", ("icu", "step-down", "floor")),
            Column("fever", "flag"),
        ),
    ),
    "series": Schema(
        "series", (Column("heart rate", "number", low=20.0, high=220.0), Column("spo2", "number", low=50.0, high=100.0)), (6,)
    ),
    "text": Schema("text", (), (48,)),
    "image": Schema("image", (), (1, 16, 16)),
    "video": Schema("video", (), (4, 1, 16, 16)),
}
CONDITIONS = (Column("disease", "category", ("none", "viral", "bacterial")), Column("intubated", "flag"))
LACTATE, CUTS = SCHEMAS["table"].columns[1], (6.0, 12.0)
LABELS: Mapping[str, tuple[Column, ...]] = {  # that are no class
    "a number as label": (label_of(LACTATE, CUTS), LACTATE),
    "the time to an event as label": (Column("died", "flag", stands_for="event"), Column("days", "number", low=0.0, high=30.0)),
    "no label": (no_label(),),
}
WORDS = ("clear lungs", "no effusion", "patchy opacity", "left base", "right base", "small nodule", "heart size normal")


def numbers(seed: int, *path: str | int) -> np.random.Generator:
    """A numpy generator for one stream of the seed tree."""
    return np.random.default_rng(seed_for(seed, "testing", *path))


def data_of(schema: Schema, severity: NDArray[np.float64], seed: int = 0) -> Any:
    """ModalityData of len(severity) records, valid under any schema; severity in [0, 1] shifts every modality."""
    rng = numbers(seed, schema.kind)
    return {"table": _table, "series": _series, "text": _text, "image": _pixels, "video": _pixels}[schema.kind](
        schema, severity, rng
    )


def cohort(n: int = 60, seed: int = 0, modalities: tuple[Kind, ...] = KINDS, silos: int = 3, offset: int = 0) -> Cohort:
    """n records of n patients in `silos` silos, three classes, no missing modality. Patients are numbered from `offset`."""
    rng = numbers(seed, "cohort")
    label = np.arange(n) % 3
    severity = np.clip(label / 2 + rng.normal(0.0, 0.1, n), 0.0, 1.0)
    return Cohort(
        schemas={kind: SCHEMAS[kind] for kind in modalities},
        data={kind: data_of(SCHEMAS[kind], severity, seed) for kind in modalities},
        present={kind: np.ones(n, dtype=bool) for kind in modalities},
        conditions=CONDITIONS,
        condition=np.stack([label, (severity > 0.6)], axis=1).astype(np.float64),
        patient=np.arange(n, dtype=np.int64) + offset,
        silo=(np.arange(n, dtype=np.int64) // 3) % silos,
        silo_names=tuple(f"silo {i}" for i in range(silos)),
    )


def by_number(cohort: Cohort) -> Cohort:
    """The same patients, whose label is their lactate: a number, known for all."""
    return _labelled(cohort, LABELS["a number as label"], [stratum(_lactate(cohort), CUTS), _lactate(cohort)])


def by_event(cohort: Cohort) -> Cohort:
    """The same patients, whose label is the time to an event, sooner the more lactate they have; every third is censored."""
    seen = (cohort.patient % 3 > 0).astype(np.float64)
    time = (LACTATE.high or 0.0) + 1.0 - _lactate(cohort)
    return _labelled(cohort, LABELS["the time to an event as label"], [seen, time])


def unlabelled(cohort: Cohort) -> Cohort:
    """The same patients without a label."""
    return _labelled(cohort, LABELS["no label"], [np.zeros(len(cohort))])


def _lactate(cohort: Cohort) -> NDArray[np.float64]:
    found: NDArray[np.float64] = cohort.data["table"].frame[LACTATE.name].to_numpy(np.float64)
    return found


def _labelled(cohort: Cohort, conditions: tuple[Column, ...], values: list[NDArray[np.float64]]) -> Cohort:
    """With these conditions [n] alone."""
    return replace(cohort, conditions=conditions, condition=np.stack(values, axis=1))


def space(width: int = 8, conditions: tuple[Column, ...] = CONDITIONS) -> Space:
    """Two modalities of `width` columns each, conditioned on these."""
    return Space({"table": slice(0, width), "text": slice(width, 2 * width)}, conditions)


def vectors(n: int = 40, seed: int = 0, of: Space | None = None) -> Representation:
    """n correlated vectors whose mean follows the first condition."""
    of = space() if of is None else of
    rng = numbers(seed, "vectors")
    requested = conditions(n, seed, of.condition)
    severity = requested[:, :1].numpy() / 2 + rng.normal(0.0, 0.3, (n, 1))
    z = severity * rng.normal(0.0, 1.0, of.width) + rng.normal(0.0, 0.5, (n, of.width))
    return Representation(
        z=torch.tensor(z, dtype=torch.float32),
        present=torch.ones(n, len(of.blocks), dtype=torch.bool),
        condition=requested,
        patient=torch.arange(n),
        space=of,
    )


def conditions(n: int, seed: int = 0, of: tuple[Column, ...] = CONDITIONS) -> torch.Tensor:
    """Requested conditions [n, c] float32: every class in turn, flags and numbers at random, those of a stratum within it."""
    rng = numbers(seed, "conditions")
    columns: list[NDArray[Any]] = [np.arange(n) % (2 if of[0].type == "flag" else of[0].width)]
    for at, column in enumerate(of[1:], 1):
        if at == TARGET and of[0].stands_for == "number":
            columns.append(_of_stratum(of[0], column, columns[0], rng.random(n)))
        elif column.type == "number":
            columns.append(_within(column, rng.random(n)))
        else:
            columns.append(rng.integers(0, max(2, column.width), n))
    return torch.tensor(np.stack(columns, axis=1), dtype=torch.float32)


def _of_stratum(label: Column, number: Column, strata: NDArray[np.intp], share: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = (
        number.low if number.low is not None else label.cuts[0],
        number.high if number.high is not None else label.cuts[-1],
    )
    first, last = np.array([inside(label, number, low, high, index) for index in range(len(label.categories))])[strata].T
    value = first + share * (last - first)
    found: NDArray[np.float64] = np.clip(np.round(value / number.step) * number.step, first, last) if number.step else value
    return found


def context(
    schema: Any, seed: int = 0, round: int = 0, steps: int = 2, memory: dict[str, torch.Tensor] | None = None
) -> SiloContext:
    """One silo in one round, with its own stream. schema: the modality's, or the space."""
    return SiloContext(
        0, round, steps, rng_for(seed, "silo", 0, "round", round), {}, {} if memory is None else memory, schema=schema
    )


def _table(schema: Schema, severity: NDArray[np.float64], rng: np.random.Generator) -> Table:
    columns: dict[str, Any] = {}
    for column in schema.columns:
        draw = np.clip(severity + rng.normal(0.0, 0.15, len(severity)), 0.0, 1.0)
        if column.type == "category":
            at = np.minimum((draw * len(column.categories)).astype(int), len(column.categories) - 1)
            columns[column.name] = np.array(column.categories, dtype=object)[at]
        elif column.type == "flag":
            columns[column.name] = (draw > 0.5).astype(np.float64)
        else:
            columns[column.name] = _within(column, draw)
    return Table(pd.DataFrame(columns, columns=[column.name for column in schema.columns]))


def _within(column: Column, share: NDArray[np.float64]) -> NDArray[np.float64]:
    low = 0.0 if column.low is None else column.low
    high = low + 1.0 if column.high is None else column.high
    value = low + share * (high - low)
    return np.clip(np.round(value / column.step) * column.step, low, high) if column.step else value


def _series(schema: Schema, severity: NDArray[np.float64], rng: np.random.Generator) -> Series:
    n, steps, width = len(severity), schema.shape[0], len(schema.columns)
    time = np.tile(np.arange(steps, dtype=np.float32), (n, 1))
    seen = rng.random((n, steps, width)) < 0.8
    seen[:, 0] = True
    share = np.clip(severity[:, None, None] + rng.normal(0.0, 0.1, (n, steps, width)), 0.0, 1.0)
    values = np.stack([_within(column, share[..., i]) for i, column in enumerate(schema.columns)], axis=-1)
    return Series(time, np.where(seen, values, 0.0).astype(np.float32), seen)


def _text(schema: Schema, severity: NDArray[np.float64], rng: np.random.Generator) -> Text:
    strings = []
    for level in severity:
        first, second = int(level * (len(WORDS) - 1)), int(rng.integers(len(WORDS)))
        strings.append(f"{WORDS[first]}, {WORDS[second]}."[: schema.shape[0]])
    return Text(tuple(strings))


def _pixels(schema: Schema, severity: NDArray[np.float64], rng: np.random.Generator) -> Pixels:
    n = len(severity)
    noise = rng.normal(0.0, 20.0, (n, *schema.shape))
    ramp = np.linspace(0.0, 1.0, schema.shape[-1])
    level = severity.reshape(n, *(1 for _ in schema.shape)) * 150.0
    return Pixels.of(np.clip(60.0 + level * ramp + noise, 0, 255).astype(np.uint8))

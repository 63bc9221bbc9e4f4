"""A release, and what it takes to draw one, as bytes between two processes of a trial: JSON and arrays, nothing that runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.store.tensors import pack, unpack
from fpmg_bench.trial.release import Drawn
from fpmg_bench.types import Cohort, Pixels, Schema, Series, Table, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fpmg_bench.trial.learning import Models

    Arrays = dict[str, NDArray[Any]]

NOTE = "note"


def asked(models: Models, requested: NDArray[np.float64], note: Mapping[str, Any]) -> bytes:
    """Models of every silo, the conditions [n, c] to ask them for, and JSON."""
    import torch

    return pack({"models": models, "requested": {"conditions": torch.from_numpy(requested)}}, note)


def read_asked(data: bytes) -> tuple[dict[int, Any], NDArray[np.float64], dict[str, Any]]:
    """The reverse of `asked`."""
    tree, note = unpack(data)
    return tree["models"], tree["requested"]["conditions"].numpy(), note


def written(released: Mapping[int, Drawn], note: Mapping[str, Any]) -> bytes:
    """Releases of every silo; one that several silos share is written once, and is one object when read."""
    from safetensors.numpy import save

    place: dict[int, int] = {}
    arrays: Arrays = {}
    texts: list[dict[str, Any]] = []
    for drawn in released.values():
        if id(drawn) not in place:
            at = f"{place.setdefault(id(drawn), len(place))}"
            arrays[f"{at}/vectors"] = np.ascontiguousarray(drawn.vectors)
            texts.append(_cohort(drawn.records, at, arrays))
    silos = {str(silo): place[id(drawn)] for silo, drawn in released.items()}
    head = json.dumps({"note": note, "silos": silos, "cohorts": texts}).encode()
    return save(arrays | {NOTE: np.frombuffer(head, np.uint8)})  # as metadata it would meet the format's limit of 100 MB


def read(data: bytes, form: Cohort) -> tuple[dict[int, Drawn], dict[str, Any]]:
    """The releases, under the form's schemas, and the note."""
    from safetensors.numpy import load

    arrays = load(data)
    head = json.loads(arrays[NOTE].tobytes())
    drawn = [Drawn(_read_cohort(entry, f"{i}", arrays, form), arrays[f"{i}/vectors"]) for i, entry in enumerate(head["cohorts"])]
    return {int(silo): drawn[i] for silo, i in head["silos"].items()}, head["note"]


def _cohort(cohort: Cohort, at: str, arrays: Arrays) -> dict[str, Any]:
    arrays |= {f"{at}/{name}": np.ascontiguousarray(getattr(cohort, name)) for name in ("condition", "patient", "silo")}
    arrays |= {f"{at}/present/{m}": np.ascontiguousarray(mask) for m, mask in cohort.present.items()}
    data = {m: _part(part, f"{at}/data/{m}", arrays) for m, part in cohort.data.items()}
    return {"data": data, "silo_names": cohort.silo_names}


def _read_cohort(entry: Mapping[str, Any], at: str, arrays: Arrays, form: Cohort) -> Cohort:
    data = {m: _read_part(form.schemas[m], text, f"{at}/data/{m}", arrays) for m, text in entry["data"].items()}
    condition, patient, silo = (arrays[f"{at}/{name}"] for name in ("condition", "patient", "silo"))
    present = {m: arrays[f"{at}/present/{m}"] for m in data}
    schemas = {m: form.schemas[m] for m in data}
    return Cohort(
        schemas,
        data,
        present,
        form.conditions,
        condition,
        patient,
        silo,
        tuple(entry["silo_names"]),
        form.leaks & frozenset(data),
    )


def _part(data: Any, at: str, arrays: Arrays) -> Any:
    """One modality: numbers go to `arrays`, what is not numbers is returned as JSON."""
    if isinstance(data, Text):
        return list(data.strings)
    if isinstance(data, Pixels):
        arrays[at] = np.ascontiguousarray(data.array())
        return None
    if isinstance(data, Series):
        arrays |= {f"{at}/{f.name}": np.ascontiguousarray(getattr(data, f.name)) for f in fields(Series)}
        return None
    columns: dict[str, Any] = {}
    for name, column in data.frame.items():
        if column.dtype.kind in "fiub":
            arrays[f"{at}/{name}"] = column.to_numpy()
            columns[name] = None
        else:
            words = [None if value != value else value for value in column]  # NaN alone is not itself
            columns[name] = {"dtype": str(column.dtype), "words": words}
    return columns


def _read_part(schema: Schema, text: Any, at: str, arrays: Arrays) -> Any:
    if schema.kind == "text":
        return Text(tuple(text))
    if schema.kind == "series":
        return Series(*(arrays[f"{at}/{f.name}"] for f in fields(Series)))
    if schema.kind != "table":
        return Pixels.of(arrays[at])
    import pandas as pd

    return Table(pd.DataFrame({name: _words(words) if words else arrays[f"{at}/{name}"] for name, words in text.items()}))


def _words(column: Mapping[str, Any]) -> Any:
    import pandas as pd

    return pd.Series([np.nan if word is None else word for word in column["words"]], dtype=column["dtype"])

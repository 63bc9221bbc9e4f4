"""The publisher's visual words as counts: descriptors of real pixels, no pixels."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fpmg_bench.types import Column, Schema, Table
from fpmg_plugins.datasets.iu_cxr.studies import FAMILIES, Studies

MOST = 5  # radiographs of a study


def image_codes(studies: Studies, columns: int) -> tuple[Schema, Table]:
    """How often each word was given to the study's radiographs (0 to 5).

    The code book is the publisher's and public: which words are the `columns` commonest is read from the installed files
    as a whole, not from a silo's patients. Rarer words are summed as "<family> other"; columns = 0 keeps all of them.
    """
    names = _book(studies.images, columns)
    position = {name: at for at, name in enumerate(names)}
    counts = np.zeros((len(studies.reports), len(names)))
    study = studies.images["study"].to_numpy()
    for family in FAMILIES:
        words = studies.images[family]
        other = position.get(f"{family} other", -1)
        at = np.array([position.get(f"{family} {word}", other) for word in words])
        given = words.notna().to_numpy() & (at >= 0)
        np.add.at(counts, (study[given], at[given]), 1)
    schema = Schema("table", tuple(Column(name, "number", low=0, high=MOST, step=1) for name in names))
    return schema, Table(pd.DataFrame(np.minimum(counts, MOST), columns=names))


def _book(images: pd.DataFrame, columns: int) -> list[str]:
    """Names of the columns, family by family, the commonest word first."""
    counts = pd.concat({family: images[family].value_counts() for family in FAMILIES})
    frame = (
        counts.rename_axis(["family", "word"])
        .reset_index(name="count")
        .sort_values(["count", "family", "word"], ascending=[False, True, True])
    )
    kept = frame.head(columns) if columns else frame
    names: list[str] = []
    for family in FAMILIES:
        names += [f"{family} {word}" for word in kept["word"][kept["family"] == family]]
        if len(kept) < len(frame):
            names.append(f"{family} other")
    return names

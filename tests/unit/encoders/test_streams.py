import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from fpmg_plugins.encoders import streams
from fpmg_plugins.encoders.frozen.frozen import Frozen
from fpmg_plugins.encoders.pca.pca import Pca
from fpmg_plugins.encoders.table.autoencoder import Autoencoder
from fpmg_plugins.encoders.transformer_ae import TransformerAe

from fpmg_bench.privacy import LocalShard
from fpmg_bench.types import Column, Schema, Series, Table

NUMBER = Column("x", "number", low=0.0, high=9.0, step=0.5)
TABLE = Schema("table", (NUMBER, Column("stage", "category", ("a", "b"))))
SERIES = Schema("series", (NUMBER,), (6,))


def table(n):
    gaps = np.where(np.arange(n) % 5 == 0, np.nan, np.arange(n) % 19 / 2)
    return Table(pd.DataFrame({"x": gaps, "stage": np.array(["a", "b", "b"], dtype=object)[np.arange(n) % 3]}))


def series(n):
    values = (np.arange(6 * n).reshape(n, 6, 1) % 19 / 2).astype(np.float32)
    seen = values > 1
    return Series(np.tile(np.arange(6, dtype=np.float32), (n, 1)), np.where(seen, values, 0), seen)


@pytest.mark.parametrize(
    ("encoder", "schema", "data"),
    [
        (Autoencoder(dim=3), TABLE, table(40)),
        (Pca(dim=3), TABLE, table(40)),
        (Frozen(dim=3), TABLE, table(40)),
        (TransformerAe(dim=4), SERIES, series(40)),
        (Pca(dim=4), SERIES, series(40)),
        (Frozen(dim=4), SERIES, series(40)),
    ],
    ids=lambda part: type(part).__name__ if hasattr(part, "dim") else getattr(part, "kind", ""),
)
def test_records_of_several_streams_are_those_decoded_alone(encoder, schema, data):
    stats = encoder.statistics(schema, LocalShard(data, np.arange(40), 0.5, "s"), None)
    state = encoder.init(schema, stats, torch.Generator().manual_seed(0))
    z = torch.randn(2100, encoder.dim, generator=torch.Generator().manual_seed(1))
    whole, at = encoder.decode(schema, state, z), np.array([0, 511, 512, 1024, 2099])
    parts = [encoder.decode(schema, state, z[row : row + 1]) for row in at]
    assert len(whole) == 2100
    if schema.kind == "table":
        pd.testing.assert_frame_equal(whole.take(at).frame, pd.concat([part.frame for part in parts], ignore_index=True))
    else:
        for name in ("time", "values", "seen"):
            np.testing.assert_allclose(
                getattr(whole.take(at), name), np.concatenate([getattr(p, name) for p in parts]), rtol=1e-5, atol=1e-5
            )


def test_beside_the_series_themselves_nothing_grows_with_their_number():
    def made(chunk):
        n = len(chunk)
        assert n <= streams.STREAM
        wide = np.zeros((n, 48, 8))  # working numbers are twice as wide as what they become
        return Series(np.zeros((n, 48), np.float32), wide.astype(np.float32), wide > 0)

    z = torch.zeros(20_000, 2)
    tracemalloc.start()
    whole = streams.decoded(z, made)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    size = sum(part.nbytes for part in (whole.time, whole.values, whole.seen))
    assert size > 40e6
    assert peak < size + 8e6

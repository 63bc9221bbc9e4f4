"""Pairwise metrics here and in prdc, synthcity and sdmetrics, on the same rows: `python pairwise.py ROWS`, prints JSON.

For each peer that is installed, by score: ours, theirs, and processor seconds of both, measured in turn. The peers live in an environment
of their own: `pip install prdc synthcity sdmetrics`. prdc and synthcity hold whole distance matrices: about 12 GB at 30,000 rows.
"""

import contextlib
import json
import resource
import sys
import time
import warnings
from itertools import combinations

import numpy as np

WIDTH, NEIGHBOURS, COLUMNS = 64, 5, 8
GIB = 2**20  # of ru_maxrss, which counts KiB on Linux


def points(n):
    """Two clouds [n, WIDTH] float32 that overlap."""
    rng = np.random.default_rng(0)
    return (rng.normal(shift, scale, (n, WIDTH)).astype(np.float32) for shift, scale in ((0.0, 1.0), (0.05, 1.05)))


def frames(n):
    """Two tables of numbers, flags and categories."""
    import pandas as pd

    from fpmg_bench.types import Column

    words, tables = np.array(["a", "b", "c", "d"], object), []
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        hidden = rng.normal(size=(n, 3)) @ np.random.default_rng(9).normal(size=(3, COLUMNS)) + rng.normal(
            seed / 10, 1, (n, COLUMNS)
        )
        table = {f"n{j}": hidden[:, j] for j in range(4)} | {f"f{j}": (hidden[:, j] > 0) * 1.0 for j in (4, 5)}
        tables.append(pd.DataFrame(table | {f"c{j}": words[np.digitize(hidden[:, j], (-2, 0, 2))] for j in (6, 7)}))
    kinds = ["number"] * 4 + ["flag"] * 2 + ["category"] * 2
    return [Column(name, kind) for name, kind in zip(tables[0], kinds, strict=True)], *tables


def spent(make):
    """(value, processor seconds)."""
    began = time.process_time()
    value = make()
    return value, time.process_time() - began


def compared(ours, theirs):
    """Of two functions that give scores by name: both by score, the largest difference, processor seconds and peak memory after each."""
    mine, here = spent(ours)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIB
    other, there = spent(theirs)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIB
    scores = {name: [float(mine[name]), float(other[name])] for name in other}
    apart = max(abs(a - b) for a, b in scores.values())
    return {"apart": apart, "scores": scores, "seconds": [here, there], "peak GiB": [before, after]}


def balls(n):
    """prdc's own function, and synthcity's."""
    from fpmg_plugins.metrics.fidelity.prdc import prdc

    real, made = points(n)

    def ours():
        return prdc(real.astype(np.float64), made.astype(np.float64), NEIGHBOURS)

    found = {}
    with contextlib.suppress(ImportError):
        from prdc import compute_prdc

        found["prdc"] = compared(ours, lambda: compute_prdc(real, made, NEIGHBOURS))
    with contextlib.suppress(ImportError):
        from synthcity.metrics.eval_statistical import PRDCScore

        found["synthcity PRDCScore"] = compared(ours, lambda: PRDCScore(nearest_k=NEIGHBOURS)._compute_prdc(real, made))
    return found


def support(n):
    """synthcity's alpha-precision, beta-recall and authenticity (its own definitions differ: see the card of `support`)."""
    from fpmg_plugins.metrics.fidelity.support import alpha_precision, authenticity, beta_recall

    real, made = (x[:, :8].astype(np.float64) for x in points(n))
    with contextlib.suppress(ImportError):
        from synthcity.metrics.eval_statistical import AlphaPrecision

        def ours():
            parts = {"alpha precision": alpha_precision, "beta recall": beta_recall, "authenticity": authenticity}
            return {name: part(real, made) for name, part in parts.items()}

        def theirs():
            return dict(
                zip(("alpha precision", "beta recall", "authenticity"), AlphaPrecision().metrics(real, made)[3:], strict=True)
            )

        return {"synthcity AlphaPrecision": compared(ours, theirs)}
    return {}


def tables(n):
    """sdmetrics' shapes and trends of every column and pair; numbers beside others in tenths of the real ones, as we cut them."""
    from fpmg_plugins.metrics.column_similarity import both, shape, tenths, trend

    columns, real, made = frames(n)

    def ours():
        sides = [(c, *both(c, real[c.name].to_numpy(), made[c.name].to_numpy())) for c in columns]
        single = {c.name: shape(c, x, y) for c, x, y in sides}
        pairs = {f"{a.name} {b.name}": trend((a, b), (x, u), (y, v)) for (a, x, y), (b, u, v) in combinations(sides, 2)}
        return single | pairs

    def theirs():
        from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity
        from sdmetrics.single_column import KSComplement, TVComplement

        found = {}
        for c in columns:
            metric = KSComplement if c.type == "number" else TVComplement
            found[c.name] = metric.compute(real[c.name], made[c.name])
        for pair in combinations(columns, 2):
            parts = [frame[[c.name for c in pair]] for frame in (real, made)]
            if all(c.type == "number" for c in pair):
                found[" ".join(parts[0])] = CorrelationSimilarity.compute(*parts)
                continue
            for c in pair:
                if c.type == "number":
                    cut = tenths(*(part[c.name].to_numpy() for part in parts))
                    parts = [part.assign(**{c.name: tenth}) for part, tenth in zip(parts, cut, strict=True)]
            found[" ".join(parts[0])] = ContingencySimilarity.compute(*(part.astype(str) for part in parts))
        return found

    with contextlib.suppress(ImportError):
        import sdmetrics.column_pairs  # noqa: F401 - imported before the clock runs

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return {"sdmetrics": compared(ours, theirs)}
    return {}


def measure(n):
    """peer -> scores, seconds and peak memory; nothing of peers that are not installed."""
    import sklearn.metrics  # noqa: F401

    return tables(n) | support(n) | balls(n)


if __name__ == "__main__":
    for peer, found in measure(int(sys.argv[1])).items():
        shown = found["scores"] if len(found["scores"]) < COLUMNS else f"{len(found['scores'])} columns and pairs"
        print(json.dumps({peer: found | {"scores": shown}}), flush=True)

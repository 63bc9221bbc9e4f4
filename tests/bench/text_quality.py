"""Texts of one encoder: do they read like real ones, differ as these do, and say what the vector holds?

python tests/bench/text_quality.py COHORT [MODALITY] [--set name=value ...] [--show 10]

Trains one text encoder at the main suite's budget (8 rounds of 20 steps, a tenth of each silo's patients) on the training patients in
their natural silos, decodes the held-out patients, and as many vectors drawn from the Gaussian of the training vectors. Perplexity: of a character
model (interpolated 5-grams, Witten-Bell) of one half of the held-out texts, against what it gives the other half. Distinct share: of as
many texts as there are real ones. Only texts of publishable cohorts are shown.
"""

from __future__ import annotations

import argparse
import ast
import math
import time
from collections import Counter, defaultdict

import numpy as np
import torch
from fpmg_plugins import findings
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.encoders.transformer_ae import TransformerAe
from fpmg_plugins.topologies.ring import Ring

from fpmg_bench.evaluation.split import split
from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.privacy import LocalShard
from fpmg_bench.registry import Registry

ORDER = 5


class Characters:
    """Witten-Bell interpolated n-grams of characters."""

    def __init__(self, strings):
        self.follow = defaultdict(Counter)
        self.alphabet = {c for s in strings for c in s} | {"\n"}
        for string in strings:
            padded = "\t" * (ORDER - 1) + string + "\n"
            for at in range(ORDER - 1, len(padded)):
                for size in range(ORDER):
                    self.follow[padded[at - size : at]][padded[at]] += 1

    def perplexity(self, strings):
        nats, many = 0.0, 0
        for string in strings:
            padded = "\t" * (ORDER - 1) + string + "\n"
            for at in range(ORDER - 1, len(padded)):
                p = 1.0 / (len(self.alphabet) + 100)
                for size in range(ORDER):
                    seen = self.follow.get(padded[at - size : at])
                    if seen is None:
                        break
                    total, kinds = sum(seen.values()), len(seen)
                    p = (seen[padded[at]] + kinds * p) / (total + kinds)
                nats -= math.log(p)
                many += 1
        return math.exp(nats / many)


def flat(strings):
    return [" ".join(s.split()) for s in strings]


def main():
    parse = argparse.ArgumentParser()
    parse.add_argument("cohort")
    parse.add_argument("modality", nargs="?", default="text")
    parse.add_argument("--set", nargs="*", default=[])
    parse.add_argument("--rounds", type=int, default=8)
    parse.add_argument("--steps", type=int, default=20)
    parse.add_argument("--show", type=int, default=0)
    parse.add_argument("--seed", type=int, default=0)
    given = parse.parse_args()
    settings = {k: ast.literal_eval(v) if v[0] in "0123456789" else v for k, v in (s.split("=") for s in given.set)}
    name, *options = given.cohort.split(",")
    options = {k: ast.literal_eval(v) for k, v in (o.split("=", 1) for o in options)}
    dataset = Registry.discover().load("dataset", name)(**options)
    cohort = dataset.load()
    there = cohort.present[given.modality]
    parts = split(cohort.take(np.flatnonzero(there)), given.seed)
    train, held = parts.train, parts.held_out
    schema = cohort.schemas[given.modality]
    shards = {}
    for silo in np.unique(train.silo):
        mine = np.flatnonzero(train.silo == silo)
        shards[int(silo)] = LocalShard(train.data[given.modality].take(mine), train.patient[mine], 0.1, "s")
    encoder = TransformerAe(**settings)
    clock = time.process_time()
    plan = Plan("s", Ring(), FedAvg(), given.rounds, {s: SiloPlan(given.steps) for s in shards}, given.seed)
    state = next(iter(run(encoder, schema, shards, plan, lambda record, now: None).states.values()))
    trained = time.process_time() - clock
    clock = time.process_time()
    z = encoder.encode(schema, state, train.data[given.modality])
    zh = encoder.encode(schema, state, held.data[given.modality])
    encoded = time.process_time() - clock
    clock = time.process_time()
    decoded = encoder.decode(schema, state, zh).strings
    seconds = time.process_time() - clock
    centre, chol = z.mean(0), torch.linalg.cholesky(torch.cov(z.T) + 1e-4 * torch.eye(z.shape[1]))
    drawn = centre + torch.randn(len(zh), z.shape[1], generator=torch.Generator().manual_seed(1)) @ chol.T
    made = encoder.decode(schema, state, drawn).strings
    real = flat(held.data[given.modality].strings)
    half = np.random.default_rng(0).permutation(len(real))
    first, second = ([real[i] for i in part] for part in np.array_split(half, 2))
    model = Characters(first)
    commonest = findings.commonest(train.data[given.modality].strings)
    own = model.perplexity(second)
    weights = sum(v.numel() for k, v in state.items() if not k.startswith("frozen/"))
    print(
        f"{given.cohort} {given.modality}: {len(train)} training, {len(real)} held-out texts, {len(shards)} silos, weights {weights}"
    )
    print(f"  seconds: train {trained:.1f}, encode {len(z) + len(zh)} {encoded:.1f}, decode {len(zh)} {seconds:.1f}")
    print(
        f"  F1 {findings.f1(real, decoded):.3f} (commonest {findings.f1(real, [commonest] * len(real)):.3f}), well formed {findings.well_formed(made):.3f}"
    )
    alphabet = {c for s in train.data[given.modality].strings for c in s} | {" "}
    lower = Characters([s.lower() for s in first])
    for label, strings in (("real", second), ("decoded", decoded), ("drawn", made)):
        few = [strings[i] for i in np.random.default_rng(1).permutation(len(strings))[: len(second)]]
        odd = sum(c not in alphabet for s in strings for c in s) / max(1, sum(map(len, strings)))
        print(
            f"  {label:8} perplexity {model.perplexity(few):.2f} ({model.perplexity(few) / own:.2f} x real; lower-case "
            f"{lower.perplexity([s.lower() for s in few]) / lower.perplexity([s.lower() for s in second]):.2f}) distinct {len(set(few)) / len(few):.3f} "
            f"characters {np.mean([len(s) for s in few]):.0f} outside {odd:.4f}"
        )
    for i in range(given.show if dataset.publishable else 0):
        print(f"  REAL {real[i]}\n   DEC {decoded[i]}\n   GEN {made[i]}")


if __name__ == "__main__":
    main()

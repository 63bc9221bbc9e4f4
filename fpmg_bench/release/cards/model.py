"""model-card.md (Mitchell et al. 2019): what was trained, on whom, how; scores only where no epsilon is claimed."""

from __future__ import annotations

from collections.abc import Iterator

from fpmg_bench import __version__
from fpmg_bench.release.cards.facts import Facts, bullets
from fpmg_bench.spec import Choice

HEADLINES = {
    "rg": "distance to real patients over that of real ones to each other; 1 is ideal",
    "dg": "distance of real patients to these over that to each other; 1 is ideal, above it kinds of patients are missing",
    "tstr": "what a classifier that learnt from synthetic patients is worth on real ones (AUROC); higher is better",
    "tstr.r2": "share of a number's variance that a regression, which learnt from synthetic patients, explains in real ones",
    "survival": "concordance of a survival model that learnt from synthetic patients, on real ones; .5 is guessing",
    "fc": "how far apart the silos' models end; 0 is one model",
    "co": "bytes that were sent in all; lower is better",
}


def text(facts: Facts) -> str:
    """The whole file."""
    spec = facts.spec
    components = "".join(f"| {what} | {facts.choice(choice)} |\n" for what, choice in _components(facts))
    return (
        f"# Model card: {spec.method} on {facts.cohort}\n\n"
        f"Trained and sampled by fpmg-bench {__version__}, suite `{facts.chosen.plan['suite']}`.\n\n"
        f"## Components\n\n| part | component |\n|---|---|\n{components}\n"
        f"## Training\n\n{bullets(list(_training(facts)))}\n"
        f"## Intended use\n\nDrawing synthetic patients for development, teaching and tests; see README.md for what it is not for.\n\n"
        f"## Measured\n\n{_measured(facts)}\n"
        f"## Limits\n\n"
        f"{bullets(['rare classes and combinations are drawn less faithfully than common ones', 'what the encoders cannot express is lost before the generator sees it', 'silos that trained differ; the mixture of their patients is the one that trained, unless others were asked for'])}"
    )


def _components(facts: Facts) -> Iterator[tuple[str, Choice | None]]:
    spec = facts.spec
    yield from ((f"encoder of {modality}", choice) for modality, choice in spec.encoders.items())
    yield "generator", spec.generator
    yield "topology", spec.topology
    yield "merging", spec.aggregator
    if spec.encoder_aggregator:
        yield "merging of encoders", spec.encoder_aggregator


def _training(facts: Facts) -> Iterator[str]:
    budget, spec = facts.spec.budget, facts.spec
    yield f"on {facts.trained_on}"
    kind = spec.partition.get("kind")
    silos = f"{len(facts.recipe.labels)} silos" if facts.chosen.public_sizes else "silos"
    yield (
        "all patients in one place"
        if kind == "pooled"
        else f"{silos}, {'as they are' if kind == 'natural' else f'dealt by a simulation ({kind})'}"
    )
    rounds = {
        stage: len(sent.get("rounds") or ())
        for stage, sent in facts.chosen.result.get("bytes", {}).items()
        if isinstance(sent, dict)
    }
    encoders = max((n for stage, n in rounds.items() if stage.startswith("stage1")), default=0)
    generator = rounds.get("stage2", 0)
    if encoders or generator:
        yield f"{encoders} rounds of encoders, {generator} of the generator, {budget.local_steps} steps a round at a sampling rate of {budget.sampling_rate:g}"
    else:
        yield "no rounds: silos exchanged sums over their patients once, and nothing was trained beyond them"
    yield f"privacy: {'none' if facts.privacy is None else 'see privacy.md'}"


def _measured(facts: Facts) -> str:
    """Means over seeds of the headline scores. Scores on real patients are covered by no epsilon, so a private method's are not told."""
    if facts.privacy is not None:
        return "Scores on real patients are left out: no epsilon covers them. They are in the report of the run, for those who may see patients.\n"
    rows = [row for row in facts.scores() if row.get("scope") == "all" and not row.get("modality") and row["metric"] in HEADLINES]
    found: dict[str, list[float]] = {}
    for row in rows:
        found.setdefault(row["metric"], []).append(float(row["value"]))
    if not found:
        return "Nothing was measured in this run: evaluate the method (`fpmg-bench run SUITE`) before using what it draws.\n"
    whose = " of the same method, trained without the patients that were held out to judge it" if facts.spec.final else ""
    lines = "".join(
        f"| {name} | {sum(values) / len(values):.3f} | {HEADLINES[name]} | {len(values)} |\n" for name, values in found.items()
    )
    return f"Scores{whose}; docs/metrics.md says what they mean.\n\n| score | mean | what it is | trials |\n|---|---|---|---|\n{lines}"

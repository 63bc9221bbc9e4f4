"""README.md of a release: what it is, how it was made, what it must not be used for."""

from __future__ import annotations

from fpmg_bench.document.words import plural
from fpmg_bench.release.cards.facts import Facts, bullets

NOT_FOR = (
    "decisions on a single patient: these are nobody's files",
    "finding, or guessing at, the people whom the generator was trained on",
    "effects of treatments, rare diseases, or any claim about patients that real ones have not confirmed: a generator blurs what is rare, "
    "and may join what never occurs together",
    "evaluating a model that is meant for real patients without real patients",
)


def text(facts: Facts) -> str:
    """The whole file."""
    spec, n = facts.spec, len(facts.made)
    pooled = spec.partition.get("kind") == "pooled"
    where = "all in one place" if pooled else "in hospitals (silos) that kept their patients and exchanged models or sums"
    topology = facts.choice(spec.topology)
    parts = [
        f"# Synthetic patients: {facts.cohort}\n\n",
        f"**Made up by a program.** {plural(n, 'patient')}, drawn from a generator. {facts.whose}.\n\n",
        _against(facts),
        "## How they were made\n\n",
        f"fpmg-bench trained the method `{spec.method}` on {facts.trained_on}, {where} "
        f"(topology {topology}; see model-card.md). Then a process that holds no patient drew these from the stored model{_wished(facts)}.\n\n",
        "## What is in them\n\n",
        bullets([f"`{name}`: {schema.kind}{_shape(schema.columns, schema.shape)}" for name, schema in facts.schemas.items()]),
        f"\n{_form(facts)}`cohort.yaml` reads them (dataset `folder` of fpmg-bench). Each patient has one record; names of records, "
        "patients and files are made up.\n",
        f"\nOther than in the source:\n\n{bullets(facts.told)}" if facts.told else "",
        "\n## What they must not be used for\n\n",
        bullets(NOT_FOR),
        f"\n## Terms\n\nThe source's licence, as its owner wrote it: {facts.licence}. It, and privacy.md, say who may have these files: being made up does not free "
        "them.\n",
        "\nWhat they promise about the people behind them, and what not: privacy.md.\n",
    ]
    return "".join(parts)


def _against(facts: Facts) -> str:
    """What spoke against handing these out."""
    if not facts.overruled:
        return ""
    return (
        "**The program refused this release.** It was made all the same (`--anyway`).\n\n"
        f"Against it:\n\n{bullets(facts.overruled)}\nReason given: {facts.anyway}\n\n"
    )


def _form(facts: Facts) -> str:
    """How far it is the source's."""
    if not facts.sources:
        return ""
    but = ", but for what is listed below" if facts.told else ""
    return f"Files, columns, codes and units are those of the source{but}; "


def _wished(facts: Facts) -> str:
    wished = [f"`{facts.where}`"] if facts.where else []
    wished += ["every class equally often"] if facts.wishes.balanced else []
    wished += ["nothing missing"] if facts.wishes.complete else []
    return f", as was asked for: {', '.join(wished)}" if wished else ""


def _shape(columns: object, shape: tuple[int, ...]) -> str:
    found = [f"{len(columns)} columns"] if columns else []  # type: ignore[arg-type]
    found += ["x".join(map(str, shape))] if shape else []
    return f", {', '.join(found)}" if found else ""

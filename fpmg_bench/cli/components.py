"""`fpmg-bench list`: components, their parameters, where they come from, and plug-ins that are broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from fpmg_bench.registry import Entry, Registry

EPILOG = """\b
Examples:
  fpmg-bench list
  fpmg-bench list topology
  fpmg-bench list metric rg
  fpmg-bench list datasets --counts
  fpmg-bench list dataset iu-cxr
  fpmg-bench list dataset folder --set root=my-cohort
  fpmg-bench list --json
"""


DECLARED = ("kinds", "licence", "publishable", "needs", "uses_own", "family")


def command(
    kind: Annotated[
        str, typer.Argument(help="dataset, encoder, generator, aggregator, topology or metric.", show_default=False)
    ] = "",
    name: Annotated[str, typer.Argument(help="One component: its parameters, origin and card.", show_default=False)] = "",
    counts: Annotated[bool, typer.Option("--counts", help="With datasets: load them all and count (some seconds).")] = False,
    settings: Annotated[list[str] | None, typer.Option("--set", help="A parameter of that dataset: KEY=VALUE.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List components with their origin; with KIND and NAME, one component's parameters and card.

    Datasets are listed with modalities, label, silos and licence; one by name is loaded and counted.

    Plug-ins that are broken are listed with their error, and the exit code is 4 where one is asked for by name.
    """
    from fpmg_bench.cli import cohorts, console
    from fpmg_bench.registry import Registry

    registry = Registry.discover()
    if name:
        _one(registry, kind, name, json, dict(map(console.setting, settings or [])))
    elif _checked(kind) == "dataset":
        cohorts.overview(registry, counts, json)
    else:
        _all(registry, kind, json)


def _all(registry: Registry, kind: str, json: bool) -> None:
    from fpmg_bench.cli import console

    entries = registry.entries(_checked(kind))
    if json:
        broken = [{"distribution": b.distribution, "entry_point": b.entry_point, "error": b.error} for b in registry.broken]
        rows = [{"kind": e.kind, "name": e.name, "summary": e.summary, "distribution": e.distribution} for e in entries]
        return console.emit({"components": rows, "broken": broken})
    rows_of: list[tuple[str, ...]] = [
        (e.kind, registry.name_of(e), e.summary, f"{e.distribution} {e.dist_version}") for e in entries
    ]
    if _checked(kind) == "metric":
        from fpmg_bench.calibration import summary

        rows_of = [(*row, summary(entry.name, entry.distribution)) for row, entry in zip(rows_of, entries, strict=True)]
        console.table("Components", ("kind", "name", "summary", "distribution", "calibration"), rows_of)
    else:
        console.table("Components", ("kind", "name", "summary", "distribution"), rows_of)
    if registry.broken:
        console.table(
            "Broken plug-ins",
            ("distribution", "entry point", "error"),
            [(b.distribution, b.entry_point, b.error) for b in registry.broken],
        )
        for failure in registry.broken:
            typer.echo(failure.detail.rstrip())
    return None


def _checked(kind: str) -> str | None:
    """The kind as the registry calls it; plural forms are understood."""
    from fpmg_bench.errors import UnknownComponent
    from fpmg_bench.registry import COMPONENT_KINDS

    singular = {"topologies": "topology"}.get(kind, kind.removesuffix("s"))
    if kind and singular not in COMPONENT_KINDS:
        raise UnknownComponent(f"unknown kind '{kind}'", "one of " + ", ".join(COMPONENT_KINDS))
    return singular or None


def _one(registry: Registry, kind: str, name: str, json: bool, given: dict[str, Any]) -> None:
    from fpmg_bench.cli import cohorts, console

    card = describe(registry, _checked(kind) or "", name)
    facts = cohorts.one(registry, name, given) if card["kind"] == "dataset" else None
    if json:
        return console.emit(card | ({"cohort": facts} if facts else {}))
    typer.echo(f"{card['kind']} {card['name']}  ({card['distribution']} {card['version']})")
    typer.echo(f"{card['summary']}\nsource: {card['origin']}\n\n{card['card']}\n")
    for key, value in card["declares"].items():
        typer.echo(f"{key}: {value}")
    console.table("Parameters", ("name", "type", "default"), [(p["name"], p["type"], p["default"]) for p in card["parameters"]])
    if card["scales"]:
        rows = [
            (s["key"], s["best"], s["direction"], f"[{s['low']:g}, {s['high']:g}]", s["unit"], s["calibration"], s["source"])
            for s in card["scales"]
        ]
        columns = ("key", "best", "direction", "range", "unit", "calibration", "source")
        console.table("Scores", columns, rows, right=("best",))
    if facts:
        cohorts.show(facts)
    return None


def describe(registry: Registry, kind: str, name: str) -> dict[str, Any]:
    """All that is known of one component: the card is its class's documentation.

    Raises UnknownComponent, NameCollision or PluginError as `Registry.find` and `Registry.load` do.
    """
    entry = registry.find(kind, name)
    cls: Any = registry.load(kind, name)
    declared = {key: getattr(cls, key) for key in DECLARED if hasattr(cls, key)}
    declared = {key: value for key, value in declared.items() if not isinstance(value, property)}
    return {
        "kind": entry.kind,
        "name": entry.name,
        "summary": entry.summary,
        "distribution": entry.distribution,
        "version": registry.version(entry),
        "origin": registry.origin(kind, name),
        "card": registry.card(kind, name),
        "declares": {key: ", ".join(sorted(v)) if isinstance(v, frozenset) else v for key, v in declared.items()},
        "parameters": [
            {
                "name": p.name,
                "type": p.type_name,
                "default": "(required)" if p.required else repr(p.default),
                "required": p.required,
            }
            for p in registry.parameters(kind, name).values()
        ],
        "scales": [_scale(entry, key, scale) for key, scale in getattr(cls, "scales", {}).items()],
    }


def _scale(metric: Entry, key: str, scale: Any) -> dict[str, Any]:
    direction = {True: "higher is better", False: "lower is better", None: "nearest to best"}[scale.higher_is_better]
    same = {name: getattr(scale, name) for name in ("best", "low", "high", "unit", "source")}
    return {"key": key, "direction": direction, "calibration": _calibration(metric, key), **same}


def _calibration(metric: Entry, key: str) -> str:
    """The reference run's verdict, of the score over all modalities and by modality."""
    from fpmg_bench.calibration import mark

    full = key if key == metric.name or key.startswith(f"{metric.name}.") else f"{metric.name}.{key}"
    joint, single = (mark(full, modality, metric.distribution) for modality in (None, "any"))
    if single.word == "not calibrated" or joint.word == "exact":
        return joint.text
    return f"by modality {single.text}" if joint.word == "not calibrated" else f"{joint.text}; by modality {single.text}"

"""Where a method loses patients: its encoders, its generator, its decoders' tell-tale, a number each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fpmg_bench.report.blocks import Cell, Head, Row, Table
from fpmg_bench.report.measures import TSTR, cell
from fpmg_bench.report.scores import Summary, summarised
from fpmg_bench.report.view import Group, Method, View

NAMES = ("encoders", "generator", "decoders' tell-tale")
HINTS = (
    "TSTR of real patients less that of real patients, encoded and decoded by the same encoders: what is lost before any generator.",
    "Energy distance of drawn vectors to encoded held-out patients, less the training patients' own; C2ST with both sides decoded, less its floor, where that was not asked for.",
    "C2ST against real patients less C2ST with both sides decoded: how much of being told apart is the decoders' doing.",
)


def encoders_of(group: Group, method: Method) -> str:
    """The keys of its stages 1, seed by seed: the same for methods that share them."""
    keys = {trial.key for trial in method.trials}
    return " ".join(str(entry["stage1"]) for entry in group.run.plan.get("trials") or () if entry["key"] in keys)


def losses(view: View, group: Group, method: Method) -> tuple[Summary, Summary, Summary]:
    """Of the encoders, the generator and the decoders, means over the seeds that have them; 0 at best, less is chance."""
    if method in group.decoded or method.role == "control":
        none = _over_seeds({}, method, "there is no generator")
        return _over_seeds(_encoding(view, group, method), method, "TSTR was not measured"), none, _telltale(view, group, method)
    alone = next((m for m in group.decoded if encoders_of(group, m) == encoders_of(group, method)), None)
    encoding = _encoding(view, group, alone) if alone else {}
    reason = "TSTR was not measured" if alone else "no method has these encoders and `generator: null`"
    return _over_seeds(encoding, method, reason), _generating(view, group, method), _telltale(view, group, method)


def _encoding(view: View, group: Group, method: Method) -> Mapping[int, float]:
    return _above_floor(view, group, method, TSTR.metric(view, group) or TSTR.names[0], -1.0)


def _generating(view: View, group: Group, method: Method) -> Summary:
    found = _above_floor(view, group, method, "latent.energy") or _above_floor(view, group, method, "c2st.generator")
    return _over_seeds(found, method, "neither latent scores nor C2ST were measured")


def _telltale(view: View, group: Group, method: Method) -> Summary:
    raw, own = (view.values(group, method, key) for key in ("c2st", "c2st.generator"))
    return _over_seeds({seed: raw[seed] - own[seed] for seed in raw.keys() & own.keys()}, method, "C2ST was not measured")


def _above_floor(view: View, group: Group, method: Method, key: str, sign: float = 1.0) -> Mapping[int, float]:
    """Seed -> sign (value - floor)."""
    rows = view.scores.rows(group.run.suite, group.dataset, method.name, key)
    return {
        row["seed"]: sign * (row["value"] - row["floor"])
        for row in rows
        if row["status"] == "ok" and row["value"] is not None and row["floor"] is not None
    }


def _over_seeds(values: Mapping[int, float], method: Method, reason: str) -> Summary:
    return summarised(values, len(method.trials), "absent", reason)


def table(view: View, group: Group, methods: Sequence[Method], id: str) -> Table:
    """One row a method."""
    heads = [Head("Method", numeric=False), *(Head(name, "→ 0", hint=hint) for name, hint in zip(NAMES, HINTS, strict=True))]
    rows = [
        Row([Cell(m.name, swatch=view.styles[m.name].swatch), *(cell(each) for each in losses(view, group, m))]) for m in methods
    ]
    notes = ["Each in a unit of its own, what real patients have taken off: compare down a column, not along a row."]
    return Table(id, f"{group.title}: where it is lost", heads, rows, notes)

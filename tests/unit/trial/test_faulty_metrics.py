"""Whatever a metric does is its own failure: recorded with its reason, and without a trace in what others are given or measure."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from fpmg_bench.errors import NotApplicable
from fpmg_bench.registry import Registry
from fpmg_bench.runner.one import build
from fpmg_bench.spec import Choice
from fpmg_bench.testing.metrics import evidence, good
from fpmg_bench.trial.measure import measure, scores_of
from fpmg_bench.types import Scale, Score

UNIT = Scale(1.0, True, 0.0, 1.0, source="test")


class Answers:
    """A metric that gives this."""

    def __init__(self, answer: Callable[[Any], Any], family: Any = "RG", scales: Any = None) -> None:
        self.answer, self.family = answer, family
        self.scales = {"m": UNIT, "other": UNIT} if scales is None else scales

    def __call__(self, seen: Any, rng: Any) -> Any:
        return self.answer(seen)


@pytest.fixture
def seen() -> Any:
    return evidence(good())


def rows(metric: Any, seen: Any) -> list[dict[str, Any]]:
    return scores_of("m", metric, seen, 0)


def late(seen: Any) -> Any:
    yield Score("m", 0.5)
    raise NotApplicable("only now")


def later(seen: Any) -> Any:
    yield Score("m", 0.5)
    raise ZeroDivisionError("half way")


def leaves(seen: Any) -> Any:
    sys.exit(3)


def deep(seen: Any) -> Any:
    return deep(seen)


FAULTS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "nothing": (lambda seen: None, "it returned None"),
    "a dict": (lambda seen: {"m": 0.5}, r"it returned dict \{'m': 0.5\}"),
    "a string": (lambda seen: "good", "it returned str 'good'"),
    "strings": (lambda seen: ["m", "n"], "it returned str 'm' among its scores"),
    "a score": (lambda seen: Score("m", 0.5), "it returned Score"),
    "a number": (lambda seen: 0.5, "it returned float 0.5"),
    "text for a value": (lambda seen: [Score("m", "0.5")], "score 'm': value is str '0.5', no number"),  # type: ignore[arg-type]
    "None for a value": (lambda seen: [Score("m", None)], "score 'm': value is None, no number"),  # type: ignore[arg-type]
    "a tensor": (lambda seen: [Score("m", torch.ones(2))], "score 'm': value is Tensor"),  # type: ignore[arg-type]
    "a complex end": (lambda seen: [Score("m", 0.5, low=1j)], "score 'm': low is complex"),  # type: ignore[arg-type]
    "half a patient": (lambda seen: [Score("m", 0.5, n=1.5)], "score 'm': n is float 1.5, no whole number"),  # type: ignore[arg-type]
    "no key": (lambda seen: [Score(None, 0.5)], "score None: key is None"),  # type: ignore[arg-type]
    "no scope": (lambda seen: [Score("m", 0.5, scope=None)], "scope is None"),  # type: ignore[arg-type]
    "no text": (lambda seen: [Score("m", 0.5, modality="\ud800")], r"modality is str '\\ud800'"),
    "a generator": (later, "ZeroDivisionError: half way"),
    "the door": (leaves, "SystemExit: 3"),
    "recursion": (deep, "RecursionError"),
    "a gap without a key": (lambda seen: seen.not_applicable(None, "why") or [], "key is None"),
    "NaN": (lambda seen: [Score("m", float("nan"))], "gave NaN without a reason"),
    "beyond": (lambda seen: [Score("m", 1.5)], r"1.5 is outside the declared range 0.0..1.0"),
}


@pytest.mark.parametrize("how", FAULTS)
def test_a_wrong_answer_is_the_metrics_failure(how: str, seen: Any) -> None:
    answer, words = FAULTS[how]
    (row,) = rows(Answers(answer), seen)
    assert (row["status"], row["value"], row["key"]) == ("failed", None, "m")
    import re

    assert re.search(words, row["reason"]), row["reason"]


def test_a_generator_is_run_to_its_end(seen: Any) -> None:
    (row,) = rows(Answers(lambda seen: (Score("m", np.float32(0.5)) for _ in range(1))), seen)  # type: ignore[arg-type]
    assert (row["status"], row["value"]) == ("ok", 0.5)
    assert type(row["value"]) is float
    (row,) = rows(Answers(late), seen)
    assert (row["status"], row["reason"]) == ("not_applicable", "only now")


def test_a_score_that_is_not_declared_is_refused_and_the_others_stand(seen: Any) -> None:
    found = rows(Answers(lambda seen: [Score("m", 0.5), Score("stranger", 0.5), Score("m.other", 0.25)]), seen)
    assert [(row["key"], row["status"]) for row in found] == [("m", "ok"), ("m.stranger", "failed"), ("m.other", "ok")]
    assert found[1]["reason"] == "score 'stranger' is not in the metric's scales"


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (Answers(lambda seen: [Score("m", 0.5)], family=None), "Answers declares no family"),
        (Answers(lambda seen: [Score("m", 0.5)], scales=["m"]), "scales is no mapping"),
        (Answers(lambda seen: [Score("m", 0.5)], scales={"m": "up"}), "scales is no mapping"),
        (Answers(lambda seen: [Score("m", 0.5)], scales={"m": Scale(None, True)}), "scales is no mapping"),  # type: ignore[arg-type]
        (SimpleNamespace(), "declares no family"),
        (None, "NoneType declares no family"),
    ],
    ids=["family", "a list", "a word", "half a scale", "nothing", "None"],
)
def test_a_metric_that_declares_nothing_fails_alone(metric: Any, words: str, seen: Any) -> None:
    (row,) = rows(metric, seen)
    assert row["status"] == "failed"
    assert words in row["reason"]


def everything(seen: Any) -> dict[str, Any]:
    """What another metric would be given, as plain values."""
    parts = {name: getattr(seen, name) for name in ("train", "r1", "r2", "held_out", "third")} | {"released": seen.released[0]}
    found: dict[str, Any] = {f"{name}.frame": part.data["table"].frame.to_dict("list") for name, part in parts.items()}
    found |= {f"{name}.condition": part.condition.tolist() for name, part in parts.items()}
    found |= {f"{name}.present": {m: p.tolist() for m, p in part.present.items()} for name, part in parts.items()}
    phi = {f"{name}.phi": seen.phi(part).tolist() for name, part in parts.items()}
    return found | phi | {"rounds": str(seen.rounds), "bytes": str(seen.bytes), "model": str(seen.model(0))}


def first(seen: Any) -> Any:
    return seen.released[0]


WRITES: dict[str, Callable[[Any], Any]] = {
    "a cell": lambda seen: first(seen).data["table"].frame.__setitem__("age", 0.0),
    "a real cell": lambda seen: seen.train.data["table"].frame.loc.__setitem__((0, "age"), 99.0),
    "a column lost": lambda seen: first(seen).data["table"].frame.pop("ward"),
    "sorted": lambda seen: first(seen).data["table"].frame.sort_values("age", inplace=True),
    "through numpy": lambda seen: first(seen).data["table"].frame["age"].to_numpy().__setitem__(0, 99.0),
    "a modality lost": lambda seen: first(seen).data.pop("text"),
    "a mask more": lambda seen: first(seen).present.update(text=np.zeros(90, dtype=bool)),
    "conditions": lambda seen: first(seen).condition.__setitem__(0, 7.0),
    "a mask": lambda seen: first(seen).present["text"].__setitem__(0, False),
    "a patient": lambda seen: seen.r1.patient.__setitem__(0, 7),
    "phi": lambda seen: seen.phi(seen.r1).fill(0.0),
    "neighbours": lambda seen: seen.nn(seen.phi(seen.r1), seen.phi(seen.r2)).sort(),
    "what is kept": lambda seen: seen.once("mine", lambda: np.zeros(3)).fill(1.0),
    "a round": lambda seen: seen.rounds[0].update(bytes=0),
    "a module": lambda seen: seen.rounds[0]["modules"]["generator"].update(before=0.0),
    "bytes": lambda seen: seen.bytes["stage2"].clear(),
    "releases": lambda seen: seen.released.clear(),
    "another": lambda seen: seen.released.update({0: seen.train}),
}  # fmt: skip


@pytest.mark.parametrize("how", WRITES)
def test_who_writes_fails_and_others_see_nothing_of_it(how: str, seen: Any) -> None:
    before = everything(evidence(good()))

    def writes(seen: Any) -> list[Score]:
        WRITES[how](seen)
        seen.phi(first(seen))  # of what it has made of it
        return [Score("m", 0.5)]

    (row,) = rows(Answers(writes), seen)
    assert row["status"] == "failed"
    assert row["value"] is None
    assert everything(seen) == before
    assert rows(Answers(lambda seen: [Score("m", 0.5)]), seen)[0]["status"] == "ok"


def test_it_is_told_into_what_it_wrote(seen: Any) -> None:
    (row,) = rows(Answers(lambda seen: WRITES["a cell"](seen) or [Score("m", 0.5)]), seen)
    assert row["reason"] == "it wrote into what it was given: released of silo:silo 0 (copy before you change)"


def test_models_are_copies() -> None:
    seen = evidence(good())
    seen._models = {0: {"generator": {"net/w": torch.ones(2)}}}
    seen.model(0)["generator"]["net/w"].zero_()
    assert seen.model(0)["generator"]["net/w"].tolist() == [1.0, 1.0]


class Rows:
    """A sink that keeps score rows."""

    def __init__(self, scores: dict[str, Any] | None = None, ended: dict[str, Any] | None = None) -> None:
        self.scores, self.ended, self.told = scores or {}, ended or {}, []  # type: ignore[var-annotated]

    def event(self, record: Any) -> None:
        self.told.append(record["name"])

    def keep_scores(self, metric: str, rows: Any) -> None:
        self.scores[metric] = rows


def test_each_metrics_rows_are_kept_before_the_next_begins(seen: Any) -> None:
    kept: list[list[str]] = []
    sink = Rows()

    def looks(seen: Any) -> list[Score]:
        kept.append(list(sink.scores))
        return [Score("m", 0.5)]

    metrics: Any = {name: Answers(looks, scales={"m": UNIT}) for name in ("a", "b", "c")}
    found = measure(metrics, seen, 0, sink)  # type: ignore[arg-type]
    assert kept == [[], ["a"], ["a", "b"]]
    assert [row["key"] for row in found] == ["a.m", "b.m", "c.m"]


def test_what_is_kept_is_not_measured_again_and_where_a_process_ended_is_passed_over(seen: Any) -> None:
    sink = Rows({"a": [{"key": "a", "value": 3.0}]}, {"b": ("timeout", "over the limit")})
    metrics: Any = {name: Answers(lambda seen: [Score("m", 0.5)]) for name in ("a", "b", "m")}
    found = measure(metrics, seen, 0, sink)  # type: ignore[arg-type]
    assert found[0] == {"key": "a", "value": 3.0}
    assert (found[1]["key"], found[1]["status"], found[1]["reason"]) == ("b", "timeout", "over the limit")
    assert found[2]["value"] == 0.5
    assert sink.told == ["measure:b", "measure:m"]


def test_one_metrics_gap_does_not_hide_anothers(seen: Any) -> None:
    both = Answers(lambda seen: seen.not_applicable("*", "nothing here") or [])
    assert [rows(both, seen)[0]["status"] for _ in range(2)] == ["not_applicable"] * 2


def test_what_ships_is_measured_first(install: Any) -> None:
    install("third-party", "third_metrics", """
        @hookimpl
        def fpmg_metrics():
            return [Component("theirs", "third_metrics:Theirs")]

        class Theirs:
            pass
    """)  # fmt: skip
    chosen = tuple(map(Choice, ("theirs", "rg", "dg")))
    spec: Any = SimpleNamespace(
        encoder_aggregator=None,
        device="cpu",
        dataset=Choice("phantom"),
        encoders={},
        generator=None,
        topology=None,
        aggregator=None,
        external=None,
        metrics=chosen,
    )
    assert list(build(spec, Registry.discover()).metrics) == ["rg", "dg", "theirs"]

"""Releases travel between processes with every value, kind and sharing that they have."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.errors import TrialError
from fpmg_bench.evaluation.valid import fault
from fpmg_bench.runner import parcel
from fpmg_bench.runner.sampler import Gone, Onlooker, Sampler, look_for, receive, send, serve
from fpmg_bench.trial.cost import Clock
from fpmg_bench.trial.release import Drawn, form_note, form_of, records
from fpmg_bench.types import Cohort, Pixels, Series, Table, Text

KINDS = ("table", "series", "text", "image", "video")


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return Phantom(patients=12, silos=2, missing=0.3, absent=0.3, image_size=8, video_size=8, frames=2).load()


def same(a: Cohort, b: Cohort) -> None:
    """Bit for bit, types too."""
    assert (a.schemas, a.conditions, a.silo_names, a.leaks) == (b.schemas, b.conditions, b.silo_names, b.leaks)
    for name in ("condition", "patient", "silo"):
        assert getattr(a, name).dtype == getattr(b, name).dtype
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes()
    assert list(a.data) == list(b.data)
    for name, part in a.data.items():
        np.testing.assert_array_equal(a.present[name], b.present[name])
        _same_part(part, b.data[name])


def _same_part(a: Any, b: Any) -> None:
    assert type(a) is type(b)
    if isinstance(a, Table):
        pd.testing.assert_frame_equal(a.frame, b.frame, check_exact=True)
    elif isinstance(a, Text):
        assert a == b
    elif isinstance(a, Pixels):
        assert a.array().dtype == b.array().dtype == np.uint8
        assert a.array().tobytes() == b.array().tobytes()
    else:
        assert isinstance(a, Series)
        for x, y in zip((a.time, a.values, a.seen), (b.time, b.values, b.seen), strict=True):
            assert x.dtype == y.dtype and x.tobytes() == y.tobytes()


def sent(released: dict[int, Cohort], form: Cohort) -> tuple[dict[int, Cohort], dict[str, Any]]:
    """There and back, the drawn vectors bit for bit."""
    rng = np.random.default_rng(0)
    drawn = {id(each): Drawn(each, rng.normal(size=(len(each), 3)).astype(np.float32)) for each in released.values()}
    given = {silo: drawn[id(each)] for silo, each in released.items()}
    again, note = parcel.read(parcel.written(given, {"cpu": 0.1}), form)
    for silo, each in given.items():
        assert again[silo].vectors.dtype == np.float32 and again[silo].vectors.tobytes() == each.vectors.tobytes()
    return records(again), note


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_arrives_as_it_was(kind: str, cohort: Cohort) -> None:
    part = cohort.only((kind,))
    (again,), note = list(sent({0: part}, part)[0].values()), sent({0: part}, part)[1]
    same(part, again)
    assert note == {"cpu": 0.1}
    assert fault(part.schemas[kind], again.data[kind], len(part)) == fault(part.schemas[kind], part.data[kind], len(part))


def test_all_kinds_together_and_no_record_at_all(cohort: Cohort) -> None:
    for rows in (np.arange(len(cohort)), np.arange(0)):
        part = cohort.take(rows)
        same(part, sent({3: part}, cohort)[0][3])


def test_silos_that_share_a_release_share_it_afterwards(cohort: Cohort) -> None:
    other = cohort.take(np.arange(5))
    again, _ = sent({0: cohort, 2: other, 5: cohort}, cohort)
    assert list(again) == [0, 2, 5]
    assert again[0] is again[5] and again[0] is not again[2]
    same(other, again[2])


def test_missing_words_odd_words_and_flags_arrive(cohort: Cohort) -> None:
    frame = pd.DataFrame({
        "word": pd.Series(["a", np.nan, 'quo"te \\ \u2603 \ud800', "null"], dtype=object),
        "number": [0.1, np.nan, np.inf, -0.0],
        "whole": np.arange(4),
        "flag": [True, False, True, True],
    })  # fmt: skip
    base = cohort.only(("table",)).take(np.arange(4))
    again = sent({0: replace(base, data={"table": Table(frame)})}, base)[0][0].data["table"].frame
    pd.testing.assert_frame_equal(again, frame, check_exact=True)
    assert np.signbit(again["number"].iloc[3])


def test_more_text_than_a_header_may_hold_arrives(cohort: Cohort) -> None:
    base = cohort.only(("text",)).take(np.zeros(1100, int))
    long = Text(tuple(f"{i:06d}" + "x" * 100_000 for i in range(1100)))
    assert sent({0: replace(base, data={"text": long})}, base)[0][0].data["text"] == long


def test_a_form_says_what_a_release_looks_like_and_nothing_of_a_patient(cohort: Cohort) -> None:
    note = form_note(cohort)
    form = form_of(note)
    assert (form.schemas, form.conditions, form.leaks, len(form)) == (cohort.schemas, cohort.conditions, cohort.leaks, 0)
    assert note == form_note(cohort.take(np.arange(3)))


def test_questions_arrive_as_they_were() -> None:
    shared = {"net/w": torch.tensor([0.1, float("nan")])}
    asked = np.array([[1.0, np.nan], [0.0, 1 / 3]])
    models, requested, note = parcel.read_asked(
        parcel.asked({0: {"generator": shared}, 1: {"generator": shared}}, asked, {"seed": 3})
    )
    assert requested.tobytes() == asked.tobytes() and note == {"seed": 3}
    assert models[0]["generator"] is models[1]["generator"]
    assert torch.equal(models[0]["generator"]["net/w"], shared["net/w"]) is False  # nan
    assert models[0]["generator"]["net/w"].numpy().tobytes() == shared["net/w"].numpy().tobytes()


def asked_of(life: Any, ask: Any) -> Any:
    """`ask` at one end of a socket, `life` in a fork at the other."""
    mine, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        mine.close()
        try:
            life(theirs)
        finally:
            os._exit(0)
    theirs.close()
    try:
        with mine:
            return ask(mine)
    finally:
        os.waitpid(pid, 0)


MODELS = {0: {"generator": {"net/w": torch.ones(1)}}}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_vectors_alone_are_drawn_without_decoders_and_blank_where_a_modality_is_absent(cohort: Cohort) -> None:
    def draw(space: Any, state: Any, requested: Any, rng: Any) -> Any:
        z = torch.arange(float(len(requested) * space.width)).reshape(len(requested), -1)
        present = torch.ones(len(requested), 2, dtype=torch.bool)
        present[0, 0] = False
        return SimpleNamespace(z=z, present=present)

    encoders = {"table": SimpleNamespace(dim=2), "image": SimpleNamespace(dim=1)}  # neither can decode
    parts: Any = SimpleNamespace(encoders=encoders, generator=SimpleNamespace(sample=draw), device="cpu")
    held: Any = {0: {"generator": MODELS[0]["generator"], "table": {}}}

    def ask(end: socket.socket) -> None:
        drawn = Sampler(end, cohort, 0, Clock())(held, np.zeros((3, cohort.condition.shape[1])), decode=False)[0]
        blank = np.isnan(drawn.vectors)
        assert blank.tolist() == [
            [True, True, True],
            [False, False, True],
            [False, False, True],
        ]  # nobody has an encoder of images
        assert drawn.vectors[1, :2].tolist() == [3.0, 4.0] and not drawn.records.data

    asked_of(lambda end: serve(end, parts), ask)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_generator_that_raises_is_told_in_its_own_words_and_its_cpu_counts(cohort: Cohort) -> None:
    def bad(*_: Any) -> None:
        sum(range(3_000_000))
        raise ValueError("no such mode")

    clock = Clock()
    parts: Any = SimpleNamespace(encoders={}, generator=SimpleNamespace(sample=bad), device="cpu")

    def ask(end: socket.socket) -> None:
        with pytest.raises(TrialError, match="ValueError: no such mode"):
            Sampler(end, cohort, 0, clock)(MODELS, np.zeros((3, 3)))

    asked_of(lambda end: serve(end, parts), ask)
    assert clock.cpu["sample"] == clock.elsewhere > 0.0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("when", ["before", "in the middle of its answer"])
def test_a_sampler_that_ends_without_a_word_is_gone(when: str, cohort: Cohort) -> None:
    def life(end: socket.socket) -> None:
        receive(end)
        if when != "before":
            end.sendall(b"\x00\x10\x00\x00\x00\x00\x00\x00half")

    def ask(end: socket.socket) -> None:
        with pytest.raises(Gone):
            Sampler(end, cohort, 0, Clock())(MODELS, np.zeros((3, 3)))

    asked_of(life, ask)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_who_looks_on_answers_with_rows_and_tells_what_failed() -> None:
    def look(models: Any, requested: Any, rounds: Any) -> list[dict[str, Any]]:
        if len(rounds) > 1:
            raise TrialError("it diverged", "lower lr")
        return [{"value": float(models[0]["generator"]["net/w"]), "n": len(requested)}]

    def ask(end: socket.socket) -> None:
        onlooker = Onlooker(end)
        assert onlooker(MODELS, np.zeros((3, 3)), [{"round": 0}]) == [{"value": 1.0, "n": 3}]
        with pytest.raises(TrialError, match="it diverged"):
            onlooker(MODELS, np.zeros((3, 3)), [{}, {}])
        assert onlooker(MODELS, np.zeros((2, 3)), []) == [{"value": 1.0, "n": 2}]

    judge: Any = SimpleNamespace(look=look)
    asked_of(lambda end: look_for(end, lambda: judge), ask)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_messages_of_any_size_arrive_whole() -> None:
    data = os.urandom(5_000_000)

    def life(end: socket.socket) -> None:
        while (got := receive(end)) is not None:
            send(end, got)

    def ask(end: socket.socket) -> None:
        for message in (b"", b"x", data):
            send(end, message)
            assert receive(end) == message

    asked_of(life, ask)

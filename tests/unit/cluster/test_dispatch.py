"""The runner's side with workers that fail in every way: who is told, what is kept, what is tried again."""

import json

import pytest
from fake_scheduler import Answer, Fake

from fpmg_bench.cluster import dispatch, travel
from fpmg_bench.errors import PluginError
from fpmg_bench.runner import Wire
from fpmg_bench.store import Planned, RunDir

WHO = {"worker": "w", "address": "tcp://w:1"}


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(dispatch, "POLL", 0.001)
    monkeypatch.setattr(dispatch, "RETURN", 0.05)


@pytest.fixture
def work(plan):
    """work(session, trials) -> the work, its run directory, and the events it will tell."""

    def make(session, *trials, **options):
        made, run = plan(*trials, **options)
        events = []
        return dispatch.Dispatch.of(run, trials, made, events.append, session, 1, Wire()), run, events

    return make


@pytest.fixture
def finish(tmp_path):
    """finish(brief, send) -> the scene's trials end well, as a worker tells it."""

    def end(brief, send, status="ok", only=lambda id: True):
        send(begin="w")
        place = RunDir(tmp_path / f"worker-{brief['ticket']}")
        for trial in map(Planned.from_json, brief["trials"]):
            if only(trial.id):
                place.write_result(trial, {"status": status})
                for message in travel.messages(f"trials/{trial.key}", place.trial(trial.key)):
                    send(**message)
                send(
                    events=json.dumps(
                        [{"event": "end", "trial": trial.id, "status": status, "reason": "", "where": "", "seconds": 1.0}]
                    )
                )
        return WHO

    return end


def notes(events):
    return " ".join(event["text"] for event in events if event["event"] == "note")


def test_trials_come_back_as_files_and_say_who_ran_them(work, finish, planned):
    session = Fake(lambda brief, bundle, send: finish(brief, send))
    doing, run, events = work(session, planned(0), planned(1))
    assert doing() is True
    assert set(doing.status.values()) == {"ok"}
    assert [run.result(planned(seed).key)["ran"] for seed in (0, 1)] == [{"worker": "w", "lost": []}] * 2
    assert [event["event"] for event in events] == ["start", "end", "progress"] * 2
    assert not list(run.root.glob(".*.tmp"))


def test_a_scene_lost_once_is_tried_again_without_what_came_back_and_recorded(work, finish, planned):
    def answer(brief, bundle, send):
        if brief["ticket"] == "0":
            finish(brief, send, only=lambda id: id == "tiny/a/0")
            return {**WHO, "lost": {"worker": "dead", "address": "tcp://d:1"}}
        return finish(brief, send)

    session = Fake(answer)
    doing, run, events = work(session, planned(0, "a"), planned(0, "b"))
    assert doing() is True
    assert [[trial["id"] for trial in brief["trials"]] for brief, _ in session.briefs] == [["tiny/a/0", "tiny/b/0"], ["tiny/b/0"]]
    assert run.result(planned(0, "b").key)["ran"] == {"worker": "w", "lost": ["dead"]}
    assert "1 trial lost with worker dead (it went away): again elsewhere: tiny/b/0" in notes(events)


@pytest.mark.parametrize("last", [{**WHO, "lost": {"worker": "second"}}, Answer("KilledWorker", "error"), WHO])
def test_a_scene_lost_twice_has_failed_with_both_names(last, work, planned):
    def answer(brief, bundle, send):
        send(begin="second")
        return {**WHO, "lost": {"worker": "first"}} if brief["ticket"] == "0" else last

    doing, run, events = work(Fake(answer), planned())
    assert doing() is True
    found = run.result(planned().key)
    assert found["status"] == "failed" and "before with first" in found["reason"]
    assert doing.status == {planned().key: "failed"}
    assert events[-2]["event"] == "end" and events[-2]["status"] == "failed"


def test_a_worker_with_other_versions_is_passed_over(work, finish, planned):
    def answer(brief, bundle, send):
        if not session.briefs[1:]:
            return {"worker": "odd", "address": "tcp://odd:1", "refused": ["generator 'g': version 1 -> 2"]}
        return finish(brief, send)

    session = Fake(answer, here={"tcp://odd:1": 1, "tcp://w:1": 1})
    doing, _, events = work(session, planned())
    assert doing() is True
    assert [only for _, only in session.briefs] == [None, ("tcp://w:1",)]
    assert "worker odd (tcp://odd:1) gets no trial, planned -> there: generator 'g': version 1 -> 2" in notes(events)


def test_where_all_workers_have_other_versions_the_run_ends_with_the_difference(work, planned):
    session = Fake(lambda *_: {**WHO, "refused": ["setting.libraries.torch 1 -> 2"]})
    doing, run, _ = work(session, planned())
    with pytest.raises(PluginError, match="torch 1 -> 2"):
        doing()
    assert not (run.root / "trials").exists()


def test_a_scheduler_that_does_not_come_back_interrupts_and_keeps_what_came(work, finish, planned):
    def answer(brief, bundle, send):
        finish(brief, send, only=lambda id: id == "tiny/a/0")
        return Answer("", "cancelled")

    def later(brief, bundle, send):
        session.gone = True
        return Answer("", "cancelled")

    session = Fake(answer)
    doing, run, events = work(session, planned(0, "a"), planned(0, "b"))
    session.connect = lambda wait: setattr(session, "answer", later) or session.check()
    assert doing() is False
    assert run.result(planned(0, "a").key)["status"] == "ok" and run.result(planned(0, "b").key) is None
    assert "has gone" in notes(events) and "the scheduler is back" in notes(events) and "did not come back" in notes(events)


def test_nothing_more_is_handed_out_after_a_failure_where_the_suite_says_so(work, finish, planned):
    session = Fake(lambda brief, bundle, send: finish(brief, send, status="failed"))
    doing, _, _ = work(session, *(planned(seed) for seed in range(6)), on_error="stop")
    assert doing() is True
    assert len(doing.status) == 2  # a slot's own, and the one that waited for it


def test_an_interrupt_recalls_what_is_out(work, planned):
    class Never(Answer):
        def done(self):
            return False

    session = Fake(lambda *_: Never(""))
    doing, _, _ = work(session, planned())
    calls = iter([KeyboardInterrupt])

    def received():
        for error in calls:
            raise error
        return []

    session.received = received
    assert doing() is False
    assert session.cancelled == 1 and not doing.flying


def test_what_is_half_finished_is_sent_along(work, finish, planned, tmp_path):
    found = []

    def answer(brief, bundle, send):
        found.append(bundle)
        return finish(brief, send)

    doing, run, _ = work(Fake(answer), planned())
    run.trial(planned().key).mkdir(parents=True)
    (run.trial(planned().key) / "checkpoint.safetensors").write_bytes(b"weights")
    assert doing() is True
    assert b"weights" in found[0]

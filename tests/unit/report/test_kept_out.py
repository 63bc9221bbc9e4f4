"""A release that is its start's says so, and where each method loses patients stands in one table."""

from dataclasses import replace

import pytest

from fpmg_bench.comparison.alike import same_release, start_nearer
from fpmg_bench.report.quality.losses import losses, table
from fpmg_bench.report.verdicts.kept_out import kept_out
from fpmg_bench.report.verdicts.verdict import found as verdict_found

from .small_view import rows, small

WATCHED = "watch.table: trained less start"
SILOS = [{"index": 0, "patients": 10}, {"index": 1, "patients": 90}]


def round_of(first, second):
    return {"stage": "stage2", "losses": {"0": {WATCHED: first, "generators": -9.0}, "1": {WATCHED: second}}}


def released(folder, text):
    silo = folder / "synthetic" / "all"
    silo.mkdir(parents=True)
    (silo / "cohort.yaml").write_text(text)
    return folder


def test_patients_weigh_in_what_was_nearer_and_the_last_round_counts():
    assert start_nearer([round_of(-1.0, -1.0), round_of(-8.0, 1.0)], SILOS)
    assert not start_nearer([round_of(1.0, 1.0), round_of(9.5, -1.1)], SILOS)
    assert not start_nearer([{"stage": "stage2", "losses": {"0": {"generators": 1.0}}}], SILOS)


def test_releases_are_the_same_file_by_file_and_real_patients_beside_them_do_not_count(tmp_path):
    a, b, c = (released(tmp_path / name, text) for name, text in (("a", "x"), ("b", "x"), ("c", "y")))
    (a / "synthetic" / "held-out").mkdir()
    (a / "synthetic" / "held-out" / "cohort.yaml").write_text("real")
    assert same_release(a, b)
    assert not same_release(a, c)
    assert not same_release(tmp_path / "nothing", tmp_path / "nothing")


def board(tmp_path, texts):
    """fpmg beside untrained, five seeds; texts: what fpmg released, seed by seed, where untrained released "start"."""
    view, group = small([*rows("fpmg", "tstr", [0.7] * 5), *rows("untrained", "tstr", [0.7] * 5)], rounds={"untrained": 0})
    methods = []
    for method in group.methods:
        trials = [
            replace(
                trial,
                folder=released(tmp_path / method.name / str(trial.seed), text if method.name == "fpmg" else "start"),
                rounds=[round_of(0.1, 0.2)],
                record={"silos": SILOS},
            )
            for trial, text in zip(method.trials, texts, strict=True)
        ]
        methods.append(replace(method, trials=trials))
    return view, replace(group, methods=methods)


def test_the_verdict_says_that_training_was_kept_out(tmp_path):
    view, group = board(tmp_path, ["start", "start", "other", "start", "other"])
    (finding,) = kept_out(group)
    assert "fpmg (3 of 5 seeds; patients found the start nearer in 3 of 3)" in finding.text
    assert finding in list(verdict_found(view, group))
    _, group = board(tmp_path / "again", ["other"] * 5)
    assert list(kept_out(group)) == []


def scores():
    found = [*rows("fpmg", "tstr", [0.7, 0.72], floor=0.9), *rows("decoded", "tstr", [0.8, 0.84], floor=0.9)]
    found += [*rows("fpmg", "c2st", [0.9, 0.8]), *rows("fpmg", "c2st.generator", [0.6, 0.7], floor=0.5)]
    return found


def test_three_losses_of_a_method():
    view, group = small(scores(), seeds=2, decoded=["decoded"])
    encoders, generator, decoders = losses(view, group, group.methods[0])
    assert encoders.mean == pytest.approx(0.08)  # TSTR of real patients less that of decoded ones
    assert generator.mean == pytest.approx(0.15)
    assert decoders.mean == pytest.approx(0.2)
    assert [cell.text for cell in table(view, group, group.methods, "id").rows[0].cells] == ["fpmg", "0.080", "0.150", "0.200"]


def test_latent_energy_goes_before_c2st_and_other_encoders_tell_nothing():
    found = [*scores(), *rows("fpmg", "latent.energy", [0.3, 0.5], floor=0.1)]
    view, group = small(found, seeds=2, decoded=["decoded"])
    assert losses(view, group, group.methods[0])[1].mean == pytest.approx(0.3)
    entries = [{"key": t.key, "stage1": m.name} for m in group.methods for t in m.trials]
    apart = replace(group, run=replace(group.run, plan={**group.run.plan, "trials": entries}))
    encoders, _, _ = losses(view, apart, apart.methods[0])
    assert encoders.mean is None
    assert encoders.reason == "no method has these encoders and `generator: null`"

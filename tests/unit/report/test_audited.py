"""An audit's cell: of several seeds the largest bound is shown, so it must hold for all of them together."""

from types import SimpleNamespace

from fpmg_bench.audit.bound import lower_bound
from fpmg_bench.report.privacy.audited import cell, refutations


def seeds(*right):
    audits = [
        {"canaries": 200, "guesses": 150, "correct": n, "delta": 1e-4, "violated": False, "formal": 8.0, "words": "not refuted"}
        for n in right
    ]
    for audit in audits:
        audit |= {"scorer": "gradients", "scorers": {"gradients": {"guesses": 150, "correct": audit["correct"]}}}
    spec = {"dataset_name": "c", "method": "m", "privacy": {"epsilon": 8.0}}
    return SimpleNamespace(
        done=[
            SimpleNamespace(record={"audit": audit, "id": f"c/m/{i}"}, spec=spec | {"seed": i}, id=f"c/m/{i}", ledger={})
            for i, audit in enumerate(audits)
        ]
    )


def test_one_seed_shows_its_own_bound():
    assert cell(seeds(102)).text == f"≥ {lower_bound(200, 150, 102, 1e-4):.2f}"


def test_five_seeds_share_the_error():
    found = cell(seeds(102, 77, 92, 75, 92))
    assert found.text == f"≥ {lower_bound(200, 150, 102, 1e-4, 0.995):.2f}"
    assert "102 of 150" in found.small
    assert cell(seeds(90, 70, 78, 83, 71)).text == "≥ 0"  # alone the best of them would show .12
    assert lower_bound(200, 150, 90, 1e-4) > 0.1


def test_without_canaries_nothing_was_run():
    assert cell(SimpleNamespace(done=[SimpleNamespace(record={})])).text == "not run"


def test_a_claim_that_one_seed_of_five_would_accuse_by_chance_stands():
    """Of five audits of a sound claim one is often above it at 95 % each; for all together that is no refutation."""
    lucky = lower_bound(200, 150, 96, 1e-4)
    one, five = seeds(96), seeds(96, 77, 75, 76, 75)
    for method in (one, five):
        for trial in method.done:
            trial.record["audit"] |= {"formal": lucky - 0.05, "violated": trial.record["audit"]["correct"] == 96}
    assert len(list(refutations(one))) == 1 and list(refutations(five)) == []
    assert "not by all together" in cell(five).small and cell(five).tone == ""
    assert cell(one).tone == "bad"


def test_seeds_joined_show_and_refute_what_none_shows_alone():
    """120 of 150 in each of five: .8 alone at 99.5 %, 1.2 together."""
    method = seeds(*[120] * 5)
    for trial in method.done:
        trial.record["audit"] |= {"formal": 1.0}
    together = lower_bound(1000, 750, 600, 1e-4, 0.975)
    assert together > 1 > lower_bound(200, 150, 120, 1e-4, 0.995)
    found = cell(method)
    assert (found.text, found.tone) == (f"≥ {together:.2f}", "bad")
    assert "5 seeds joined" in found.small and "600 of 750" in found.small
    assert any("c/m: canaries of 5 seeds show" in line for _, line in refutations(method))

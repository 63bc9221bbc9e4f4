"""An audit's cell: of several seeds the largest bound is shown, so it must hold for all of them together."""

from types import SimpleNamespace

from fpmg_bench.audit.bound import lower_bound
from fpmg_bench.report.audited import cell


def seeds(*right):
    audits = [
        {"canaries": 200, "guesses": 150, "correct": n, "delta": 1e-4, "violated": False, "words": "not refuted"} for n in right
    ]
    return SimpleNamespace(done=[SimpleNamespace(record={"audit": audit}) for audit in audits])


def test_one_seed_shows_its_own_bound():
    assert cell(seeds(102)).text == f"≥ {lower_bound(200, 150, 102, 1e-4):.2f}"


def test_five_seeds_share_the_error():
    found = cell(seeds(102, 77, 92, 75, 92))
    assert found.text == f"≥ {lower_bound(200, 150, 102, 1e-4, 0.99):.2f}"
    assert "102 of 150" in found.small
    assert cell(seeds(90, 70, 78, 83, 84)).text == "≥ 0"  # alone the best of them would show .12
    assert lower_bound(200, 150, 90, 1e-4) > 0.1


def test_without_canaries_nothing_was_run():
    assert cell(SimpleNamespace(done=[SimpleNamespace(record={})])).text == "not run"

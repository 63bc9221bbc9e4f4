"""Further calibration runs add to the verdicts that are kept; what they did not judge stays."""

from fpmg_bench.calibration import Verdict, added, reference


def test_what_further_runs_judged_is_replaced_and_the_rest_stays():
    before = reference()["verdicts"]
    judged, sized, other = (next(s for s, v in before.items() if v["word"] == word) for word in ("passed", "demoted", "passed"))
    other = next(s for s in before if s not in (judged, sized))
    new = {
        judged: Verdict(judged, "demoted", 1, 2, (), {}),
        sized: Verdict(sized, "not calibrated", 0, 0, (), {"copy": 1000}),
        "membership.worst": Verdict("membership.worst", "passed", 3, 3),
    }
    kept, made = added(new, {"command": "fpmg-bench calibrate runs/x --write --add"})
    assert kept[judged].word == "demoted"
    assert (kept[sized].word, kept[sized].met) == ("demoted", before[sized]["met"])
    assert kept[sized].smallest_n == {**(before[sized]["smallest_n"] or {}), "copy": 1000}
    assert kept["membership.worst"].met == 3
    assert kept[other].word == before[other]["word"]
    assert list(kept) == sorted(kept)
    assert made["command"] == reference()["made"]["command"]
    assert made["added"][-1]["command"].endswith("--add")

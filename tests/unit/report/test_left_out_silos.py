"""A silo that a topology leaves out is told where the graphs are: in the report and by `plan`."""

import dataclasses

from fpmg_bench.cli.planned.graphs import Planned, show
from fpmg_bench.federation import Schedule, check
from fpmg_bench.federation.graph import graph_of
from fpmg_bench.report.blocks import Graphs, Prose
from fpmg_bench.report.federation import plumbing
from fpmg_bench.spec import Choice
from fpmg_bench.types import Step, Transfer

from .small_view import rows, small


class Pair:
    """Two silos talk."""

    def plan(self, silos, round, rng):
        return [Step((Transfer(silos[0], silos[1]), Transfer(silos[1], silos[0])))]

    def messages(self, silos):
        return 2


def test_the_report_names_a_silo_that_no_weights_reach():
    view, group = small(rows("pair", "tstr", [0.9, 0.8]), seeds=2)
    record = {"plumbing": check(Schedule(Pair(), "stage2", 0), dict.fromkeys(range(3), 1.0), rounds=4)}
    record |= {"graph": dataclasses.asdict(graph_of(Pair(), 3))}
    (method,) = group.methods
    trials = tuple(dataclasses.replace(trial, record=dict(trial.record) | record) for trial in method.trials)
    told = dataclasses.replace(view, groups=[dataclasses.replace(group, methods=[dataclasses.replace(method, trials=trials)])])
    graphs, warning, summary, *_ = plumbing.panel(told).blocks
    assert isinstance(graphs, Graphs) and ("never reached", "silo 2") in graphs.items[0].facts
    assert isinstance(warning, Prose) and warning.tone == "warn"
    assert warning.paragraphs == [
        "pair: silo 2 is never reached by another silo's weights in 4 rounds; silos 0, 1, 2 are not reached by all others, "
        "so that silos start from different sums (stage2)."
    ]
    assert summary.rows[0].cells[1].text == "all 8 checks passed"  # a warning is no check that passed


def test_plan_names_it_too(capsys):
    show([Planned(Choice("pair"), graph_of(Pair(), 3), ("m",), 8, 16, ())], 1, pictures=False)
    assert "pair, 3 silos: no other's weights ever reach silo 2" in capsys.readouterr().out

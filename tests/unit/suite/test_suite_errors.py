"""Every mistake in a suite: its line and column, the thing, and the way out; all in one pass."""

from __future__ import annotations

import pytest

GOOD = """\
version: 1
seeds: [0]
datasets: [toy]
metrics: [rg]
methods:
  base:
    encoders: {table: tables}
    generator: gan
    topology: {name: ring}
    aggregator: mean
"""


def test_a_good_suite_has_no_problems(problems):
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("version: 1", "version: 2", "1:10: version: expected version 1, the only one there is, got 2"),
        ("version: 1\n", "", "1:1: 'version' is missing"),
        ("seeds: [0]", "seeds: []", "2:8: seeds: at least one seed is needed"),
        ("seeds: [0]", "seeds: [1, 1]", "2:12: seeds.1: seed 1 appears twice"),
        ("seeds: [0]", "seeds: [-1]", "2:9: seeds.0: expected a whole number of at least 0, got -1"),
        ("seeds: [0]", "seeds: [true]", "2:9: seeds.0: expected a whole number of at least 0, got true"),
        ("seeds: [0]", "seeds: 0", "2:8: seeds: expected a list, got 0"),
        ("seeds: [0]", "seeds: [0]\nsed: 1", "3:1: sed: unknown key 'sed'. Did you mean 'seeds'? Known: version, name"),
        ("[toy]", "[]", "3:11: datasets: at least one dataset is needed"),
        ("[toy]", "[toi]", "3:12: datasets.0: unknown dataset 'toi'. Did you mean 'toy'? (fpmg-bench list datase"),
        ("[toy]", "[toy, toy]", "3:17: datasets.1: two datasets are called 'toy'; name one with `as: ANOTHER`"),
        ("[toy]", "[{nam: toy}]", "3:12: datasets.0: 'name' is missing: write a component as `name`"),
        ("[toy]", "[{name: toy, as: a/b}]", "3:28: datasets.0.as: 'a/b' cannot be a name"),
        (
            "[toy]",
            "[{name: toy, patiens: 3}]",
            "3:24: datasets.0.patiens: unknown parameter 'patiens' of dataset 'toy'. Did you mean",
        ),
        (
            "[toy]",
            "[{name: toy, patients: many}]",
            "3:34: datasets.0.patients: dataset 'toy' wants int for 'patients', got 'many'",
        ),
        ("[toy]", "[{name: toy, optional: 1}]", "3:34: datasets.0.optional: expected true or false, got 1"),
        ("[toy]", "[{name: toy, partition: {kind: iid}}]", "3:35: datasets.0.partition: partition 'iid' needs 'silos'"),
        ("[toy]", "[{name: toy, partition: ild}]", "3:35: datasets.0.partition: unknown 'ild'. Did you mean 'iid'?"),
        ("[toy]", "[{name: toy, partition: {alpha: 1}}]", "3:35: datasets.0.partition: 'kind' is missing"),
        (
            "[toy]",
            "[{name: toy, partition: {kind: iid, silos: 0}}]",
            "3:54: datasets.0.partition.silos: expected a whole number of at",
        ),
        (
            "[toy]",
            "[{name: toy, partition: {kind: quantity, silos: 3}}]",
            "3:35: datasets.0.partition: partition 'quantity' needs 'beta'",
        ),
        (
            "[toy]",
            "[{name: toy, partition: {kind: feature, silos: 3, strength: 1.5}}]",
            "3:71: datasets.0.partition.strength: expected a share from 0 to 1, got 1.5",
        ),
        (
            "[toy]",
            "[{name: toy, partition: {kind: modality, lack: 0.3}}]",
            "3:35: datasets.0.partition: partition 'modality' needs 'of'",
        ),
        (
            "[toy]",
            "[{name: toy, partition: {kind: modality, lack: 0.3, of: {kind: iid}}}]",
            "3:67: datasets.0.partition.of: partition 'iid' needs 'silos'",
        ),
        (
            "[toy]",
            "[{name: toy, partition: {kind: modality, lack: 0.3, of: pooled}}]",
            "3:67: datasets.0.partition.of: unknown 'pooled'.",
        ),
        ("[rg]", "[rg, rg]", "4:15: metrics.1: metric 'rg' appears twice"),
        ("[rg]", "[rgg]", "4:11: metrics.0: unknown metric 'rgg'. Did you mean 'rg'?"),
        ("[rg]", "[{name: rg, draws: 0.5}]", "4:29: metrics.0.draws: metric 'rg' wants int for 'draws', got 0.5"),
        (
            "generator: gan\n",
            "generater: gan\n",
            "8:5: methods.base.generater: unknown key 'generater'. Did you mean 'generator'?",
        ),
        ("    generator: gan\n", "", "7:5: methods.base: 'generator' is missing; write it, or `extends` a method that has"),
        (
            "{table: tables}",
            "{table: tabels}",
            "7:23: methods.base.encoders.table: unknown encoder 'tabels'. Did you mean 'tables'?",
        ),
        ("{name: ring}", "{name: rink}", "9:22: methods.base.topology: unknown topology 'rink'. Did you mean 'ring'?"),
        (
            "{name: ring}",
            "{name: ring, hop: 2}",
            "9:28: methods.base.topology.hop: unknown parameter 'hop' of topology 'ring'. Did you",
        ),
        (
            "{name: ring}",
            "{name: ring, hops: '2'}",
            "9:34: methods.base.topology.hops: topology 'ring' wants int for 'hops', got '2'",
        ),
        ("{name: ring}", "[ring]", "9:15: methods.base.topology: expected a word, got a list"),
        ("  base:", "  and:", "6:3: methods.and: 'and' cannot be a name"),
    ],
)
def test_a_mistake_is_reported_at_its_place(problems, old, new, line):
    assert old in GOOD
    found = problems(GOOD.replace(old, new))
    assert any(each.startswith(line) for each in found), found


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ("  next: {extends: bas}\n", "11:19: methods.next.extends: unknown method 'bas'. Did you mean 'base'?"),
        ("  next: {extends: next}\n", "11:19: methods.next.extends: methods extend each other in a circle: next -> next"),
        ("  next: 3\n", "11:9: methods.next: expected a mapping, got 3"),
        (
            "  p: {extends: base, privacy: {epsilon: 0, delta: 1e-5}}\n",
            "11:41: methods.p.privacy.epsilon: expected a number above 0 (0 rel",
        ),
        (
            "  p: {extends: base, privacy: {epsilon: -1, delta: 1e-5}}\n",
            "11:41: methods.p.privacy.epsilon: expected a number above 0",
        ),
        (
            "  p: {extends: base, privacy: {epsilon: 1, delta: 1}}\n",
            "11:51: methods.p.privacy.delta: expected a probability above 0 and",
        ),
        (
            "  p: {extends: base, privacy: {epsilon: 1, delta: 1e-5, balanced: true}}\n",
            "11:67: methods.p.privacy.balanced: `balanced` takes its rates from label counts that are public; write public_sizes: true",
        ),
        ("  p: {extends: base, strength: 1}\n", "11:32: methods.p.strength: only a control has a strength"),
        ("  a: {extends: base, audit: {canarys: 200}}\n", "11:30: methods.a.audit.canarys: unknown key 'canarys'. Did you mean"),
        (
            "  a: {extends: base, audit: {canaries: 5}}\n",
            "11:40: methods.a.audit.canaries: expected a whole number of at least 10",
        ),
        ("  a: {extends: base, audit: {sabotage: none}}\n", "11:29: methods.a.audit: 'canaries' is missing"),
        (
            "  a: {extends: base, privacy: {epsilon: 1, delta: 1e-5}, audit: {canaries: 20, sabotage: no-nois}}\n",
            "11:90: methods.a.audit.sabotage: unknown 'no-nois'. Did you mean 'no-noise'?",
        ),
        (
            "  a: {extends: base, audit: {canaries: 20, sabotage: no-noise}}\n",
            "11:54: methods.a.audit.sabotage: 'no-noise' breaks a promise of DP-SGD",
        ),
        (
            "  a: {extends: base, generator: null, audit: {canaries: 20}}\n",
            "11:46: methods.a.audit: an audit guesses from what is",
        ),
        ("  c: {control: copyy}\n", "11:16: methods.c.control: unknown control 'copyy'. Did you mean 'copy'?"),
        ("  c: {control: copy, generator: gan}\n", "11:22: methods.c.generator: a control replaces training; remove 'generator'"),
        (
            "  c: {extends: base, control: copy}\n",
            "8:5: methods.c.generator: a control stands in the generator's place; write generator: null",
        ),
        (
            "  c: {extends: base, generator: null, control: copy, privacy: {epsilon: 1, delta: 1e-5}}\n",
            "11:54: methods.c.privacy: no epsilon covers records that a control makes of patients; write privacy: null",
        ),
        ("  c: {control: copy, encoders: {table: tables}}\n", "11:6: methods.c: 'topology' is missing; a control passes through"),
        ("  c: {control: copy, strength: -1}\n", "11:32: methods.c.strength: expected a number of at least 0, got -1"),
        (
            "  s: {extends: base, silos: {A: {local_step: 1}}}\n",
            "11:34: methods.s.silos.A.local_step: unknown override 'local_step'. Did",
        ),
        ("  s: {extends: base, silos: {A: {lr: x}}}\n", "11:38: methods.s.silos.A.lr: the silo's learner wants float for 'lr'"),
        (
            "  s: {extends: base, silos: {A: {local_steps: 0}}}\n",
            "11:47: methods.s.silos.A.local_steps: expected a whole number of at l",
        ),
        ("limits: {trial: 10}\n", "11:17: limits.trial: expected a duration such as 90s, 10m or 1h, got 10"),
        ("limits: {on_error: stopp}\n", "11:20: limits.on_error: unknown 'stopp'. Did you mean 'stop'?"),
        ("limits: {memory: 512}\n", "11:18: limits.memory: expected an amount of memory such as 512MiB or 4GiB, got 512"),
        ("limits: {memory: 512MB}\n", "11:18: limits.memory: expected an amount of memory such as 512MiB or 4GiB, got '512MB'"),
        ("limits: {memory: 0GiB}\n", "11:18: limits.memory: expected an amount of memory such as 512MiB or 4GiB, got '0GiB'"),
        ("budget: {rounds: -1}\n", "11:18: budget.rounds: expected a whole number of at least 0, got -1"),
        (
            "budget: {encoder: {local_steps: 0}}\n",
            "11:33: budget.encoder.local_steps: expected a whole number of at least 1, got 0",
        ),
        (
            "budget: {encoder_rounds: 1, encoder: {rounds: 1}}\n",
            "11:26: budget.encoder_rounds: 'encoder.rounds' says the same; write one of them",
        ),
        ("budget: {sampling_rate: 1.5}\n", "11:25: budget.sampling_rate: expected a share above 0 and up to 1, got 1.5"),
        ("budget: {stop: {consensu: 1}}\n", "11:17: budget.stop.consensu: unknown key 'consensu'. Did you mean 'consensus'?"),
        (
            "budget: {stop: {loss: 0.1, consensus: 1}}\n",
            "11:16: budget.stop: write one of consensus, loss, score, not consensus and",
        ),
        ("budget: {stop: {patience: 3}}\n", "11:16: budget.stop: write one of consensus, loss, score"),
        ("budget: {stop: {score: 1}}\n", "11:24: budget.stop.score: expected by which share of the best so far"),
        ("budget: {stop: {loss: 0, share: 0.6}}\n", "11:33: budget.stop.share: expected a share of training patients"),
        ("budget: {stop: {consensus: 1, every: 2}}\n", "11:38: budget.stop.every: 'consensus' looks at weights"),
        ("frames: yes\n", "11:9: frames: expected true or false, got 'yes'"),
        ("partition: {kind: dirichlet, silos: 3}\n", "11:12: partition: partition 'dirichlet' needs 'alpha'"),
        ("sweep: {bass: {topology.hops: [1]}}\n", "11:9: sweep.bass: unknown method 'bass'. Did you mean 'base'?"),
        (
            "sweep: {base: {topologi.hops: [1]}}\n",
            "11:16: sweep.base.topologi.hops: a method has no 'topologi'. Did you mean 'topology'",
        ),
        ("sweep: {base: {privacy.epsilon: [1]}}\n", "11:16: sweep.base.privacy.epsilon: 'privacy.epsilon' leads nowhere"),
        (
            "sweep: {base: {topology.hops: [1, x]}}\n",
            "11:35: methods.base.topology.hops: topology 'ring' wants int for 'hops', got",
        ),
        ("sweep: {base: {topology.hops: []}}\n", "11:31: sweep.base.topology.hops: expected at least one value"),
        ("sweep: {base: {topology.hops: [1, 1]}}\n", "11:35: sweep.base.topology.hops.1: 1 appears twice"),
        ("tune: {method: bas, objectives: [rg], space: {}}\n", "11:16: tune.method: unknown method 'bas'. Did you mean 'base'?"),
        ("tune: {method: base, space: {}}\n", "11:7: tune: 'objectives' is missing"),
        (
            "tune: {method: base, objectives: [rq.x], space: {}}\n",
            "11:35: tune.objectives.0: objective 'rq.x' is no score of this suite",
        ),
        (
            "tune: {method: base, objectives: [rg], space: {generator.lr: {float: [2, 1]}}}\n",
            "11:70: tune.space.generator.lr.float: expe",
        ),
        (
            "tune: {method: base, objectives: [rg], space: {generatr.lr: {float: [1, 2]}}}\n",
            "11:61: tune.space.generatr.lr: a method has",
        ),
    ],
)
def test_a_mistake_in_another_section_is_reported_at_its_place(problems, more, line):
    found = problems(GOOD + more)
    assert any(each.startswith(line) for each in found), found


def test_all_mistakes_are_reported_once_and_in_the_order_of_the_file(problems):
    text = GOOD.replace("mean", "men").replace("[rg]", "[rgg]").replace("table: tables", "table: tabels")
    found = problems(text + "  one: {extends: base}\n  two: {extends: one}\n")
    assert [each.split(":")[0] for each in found] == ["4", "7", "10"]


def test_an_unresolved_parent_is_not_followed_by_missing_keys(problems):
    assert len(problems(GOOD + "  one: {extends: bas}\n  two: {extends: one}\n")) == 1
    assert len(problems(GOOD + "  one: {extends: two}\n  two: {extends: one}\n")) == 2

"""Laws of topologies."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

import torch

from fpmg_bench.errors import NotApplicable, PlumbingError
from fpmg_bench.federation import Schedule
from fpmg_bench.federation import check as plumbing
from fpmg_bench.federation.exchange import Exchange
from fpmg_bench.federation.layout import Layout
from fpmg_bench.federation.plumbing import nodes_for
from fpmg_bench.federation.secure import round_bytes
from fpmg_bench.federation.ways import Linear
from fpmg_bench.keys import rng_for
from fpmg_bench.testing.common import Check, Use, checks
from fpmg_bench.transport import Inproc
from fpmg_bench.types import SERVER, Step

SIZES = (1, 2, 7)
EVERYONE = tuple(range(9))
ACTIVE = (
    (0,),
    (3,),
    (0, 1),
    (2, 5),
    tuple(range(7)),
    (1, 2, 5, 7, 8),
)  # silos of a round: others may be dark, or lack the module
ROUNDS = 8  # enough for a one-peer exponential graph of 7 silos to mix twice


def inputs(component: Any, seed: int) -> dict[str, Any]:
    """Silos that need not be numbered from 0 without gaps: holders of one modality."""
    return {"silos": (0, 2, 3, 7)}


def exercise(component: Any, given: dict[str, Any], seed: int) -> list[Sequence[Step]]:
    """The plans of two rounds."""
    return [plan(component, given["silos"], round, seed) for round in (0, 1)]


def plan(component: Any, silos: Sequence[int], round: int = 0, seed: int = 0) -> Sequence[Step]:
    """One round's steps."""
    return list(component.plan(silos, round, rng_for(seed, "topology", "round", round)))


def check_sends_between_known_nodes(component: Any) -> None:
    """Whichever silos are active: transfers join different nodes, these silos, the server or hubs; `origin` and `train` name silos."""
    for silos, round in product(ACTIVE, (0, 1, 2)):
        for step in plan(component, silos, round):
            assert set(step.train) <= set(silos), f"{step.train} are to train, of the active silos {silos}"
            for transfer in step.transfers:
                assert transfer.src != transfer.dst, f"{transfer} goes nowhere"
                for node in (transfer.src, transfer.dst):
                    assert node <= SERVER or node in silos, f"{transfer} names node {node}, which is not taking part"
                assert transfer.origin is None or transfer.origin in silos, f"{transfer} has an unknown origin"


def check_reaches_every_silo(component: Any) -> None:
    """Unless nothing travels, what any silo learnt reaches every other within a few rounds (n = 1, 2, 7)."""
    for n in SIZES:
        knows = {silo: {silo} for silo in range(n)}
        sent = 0
        for round in range(ROUNDS):
            sent += _spread(plan(component, range(n), round), knows)
        if sent:
            missing = {silo: sorted(set(range(n)) - knows[silo]) for silo in range(n) if set(range(n)) - knows[silo]}
            assert not missing, f"n={n}: after {ROUNDS} rounds silos never heard of {missing}"


def check_any_silos_may_be_inactive(component: Any) -> None:
    """Of nine silos any 1, 2 or 7 may be left: no other is touched, all that are left are reached, and others' absence is forgotten."""
    travels = any(step.transfers for step in plan(component, EVERYONE))
    before = plan(component, EVERYONE, 1)
    for silos in (left for n in SIZES for left in combinations(EVERYONE, n)):
        knows = {silo: {silo} for silo in silos}
        for round in range(ROUNDS):
            steps = plan(component, silos, round)
            moves = [move for step in steps for move in step.transfers]
            dark = {node for m in moves for node in (m.src, m.dst, m.origin) if node is not None and node > SERVER} - set(silos)
            assert not dark, f"of the active silos {silos}, round {round} names {sorted(dark)}"
            _spread(steps, knows)
        missing = {silo: sorted(set(silos) - known) for silo, known in knows.items() if set(silos) - known}
        assert not (travels and missing), f"of the active silos {silos}, after {ROUNDS} rounds silos never heard of {missing}"
    assert plan(component, EVERYONE, 1) == before, "the plan of all silos is another one after plans of some"


def check_messages_match_the_plan(component: Any) -> None:
    """The closed form counts what the plan sends, whichever silos are active (two rounds)."""
    if component.messages(2) is None:
        raise NotApplicable("the topology states no closed form")
    for silos, round in product(ACTIVE, (0, 1)):
        sent, said = sum(len(step.transfers) for step in plan(component, silos, round)), component.messages(len(silos))
        assert sent == said, f"silos {silos}, round {round}: {sent} transfers, closed form {said}"


def check_bytes_equal_the_closed_form(component: Any) -> None:
    """A round of real messages costs, at the sender, the closed form's bytes (n = 1, 2, 7)."""
    if component.messages(2) is None:
        raise NotApplicable("the topology states no closed form")
    layout = Layout.of({"a/w": torch.zeros(3, dtype=torch.float64)}, ["a"])
    for n, round in product(SIZES, (0, 1)):
        steps = plan(component, range(n), round)
        if n < 2 and any(step.masked for step in steps):
            continue  # the sum over one silo is its model: refused
        models = {silo: {"float64": torch.full((3,), float(silo), dtype=torch.float64)} for silo in range(n)}
        exchange = Exchange(nodes_for(steps, models, dict.fromkeys(models, 1.0)), Linear(), Inproc(), "law", round)
        after = exchange.run(steps, train=lambda silo, bundle: bundle)
        assert set(after) == set(models), f"n={n}: the round ends with models of {sorted(after)}"
        said = round_bytes(component, n, layout)
        assert exchange.meter.bytes == said, f"n={n}, round {round}: {exchange.meter.bytes} bytes sent, closed form {said}"


def check_mixes_like_its_matrix(component: Any) -> None:
    """Weights travel as the plan says: rows sum to 1, canaries arrive, the mean is kept, contraction within 1 % (n = 2, 3, 7, 16)."""
    rows: list[dict[str, Any]] = []
    for n in (2, 3, 7, 16):
        try:
            rows += plumbing(Schedule(component, f"n={n}", 0), {i: 10.0 + i for i in range(n)})
        except PlumbingError as error:
            raise AssertionError(error.message) from error
    if all(row["status"] == "not_applicable" for row in rows):
        raise NotApplicable(rows[0]["reason"])
    failed = [row for row in rows if row["status"] == "failed"]
    assert not failed, (
        f"{failed[0]['stage']}, {failed[0]['check']}: expected {failed[0]['expected']}, measured {failed[0]['measured']}"
    )


def check_masks_cancel(component: Any) -> None:
    """What is masked goes to a server or hub, from two silos or more, is merged there, and is counted by `messages_masked` (n = 2, 7)."""
    steps = {n: plan(component, range(n)) for n in (2, 7)}
    if not any(step.masked for plans in steps.values() for step in plans):
        raise NotApplicable("the plan masks nothing")
    for n, plans in steps.items():
        moves = [transfer for step in plans if step.masked for transfer in step.transfers]
        counted = component.messages_masked(n) if hasattr(component, "messages_masked") else 0
        assert counted == len(moves), f"n={n}: {len(moves)} masked transfers, closed form {counted}"
        assert all(step.on_arrival == "merge" for step in plans if step.masked), f"n={n}: masked models are not merged"
        for transfer in moves:
            assert transfer.dst <= SERVER and transfer.origin is None, f"{transfer} is masked, but no part of a sum at a server"
            assert sum(other.dst == transfer.dst for other in moves) > 1, f"{transfer} is masked alone: the sum is its model"


def check_weights_are_shares(component: Any) -> None:
    """Mixing weights, where given, are positive and leave room for the receiver's own model."""
    for step in plan(component, range(7)):
        for node in {transfer.dst for transfer in step.transfers}:
            given = [t.weight for t in step.transfers if t.dst == node and t.weight is not None]
            assert all(weight > 0 for weight in given), f"node {node} gets a weight that is not positive"
            assert sum(given) <= 1 + 1e-9, f"the weights that node {node} gets sum to {sum(given)}"


CHECKS: tuple[Check, ...] = (
    *checks(Use(inputs, exercise)),
    check_sends_between_known_nodes,
    check_reaches_every_silo,
    check_any_silos_may_be_inactive,
    check_messages_match_the_plan,
    check_bytes_equal_the_closed_form,
    check_mixes_like_its_matrix,
    check_weights_are_shares,
    check_masks_cancel,
)


def _spread(steps: Sequence[Step], knows: dict[int, set[int]]) -> int:
    """Let knowledge travel along one round's steps; returns the number of transfers."""
    carried = {node: set(known) for node, known in knows.items()}
    sent = 0
    for step in steps:
        for silo in step.train:
            carried[silo] = carried[silo] | {silo}
        arriving: dict[int, set[int]] = {}
        for transfer in step.transfers:
            source = carried[transfer.src] if transfer.origin is None else knows[transfer.origin]
            arriving.setdefault(transfer.dst, set()).update(source if transfer.src in carried else ())
            sent += 1
        for node, known in arriving.items():
            carried[node] = known if step.on_arrival == "replace" else carried.get(node, set()) | known
    knows.update({node: known for node, known in carried.items() if node > SERVER})
    return sent

"""Laws of topologies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fpmg_bench.errors import NotApplicable
from fpmg_bench.keys import rng_for
from fpmg_bench.testing.checks import Check
from fpmg_bench.types import SERVER, Step

SIZES = (1, 2, 7)
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
    """Transfers join different nodes: given silos, the server or hubs; `origin` is a given silo."""
    for silos in ((0,), (0, 1), (0, 2, 3, 7)):
        for step in plan(component, silos):
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


def check_messages_match_the_plan(component: Any) -> None:
    """The closed form counts what the plan sends (n = 1, 2, 7; two rounds)."""
    if component.messages(2) is None:
        raise NotApplicable("the topology states no closed form")
    for n in SIZES:
        for round in (0, 1):
            sent = sum(len(step.transfers) for step in plan(component, range(n), round))
            assert sent == component.messages(n), f"n={n}, round {round}: {sent} transfers, closed form {component.messages(n)}"


def check_masks_cancel(component: Any) -> None:
    """What is masked goes to a server or hub, from two silos or more, is merged there, and is counted by `masked` (n = 2, 7)."""
    steps = {n: plan(component, range(n)) for n in (2, 7)}
    if not any(step.masked for plans in steps.values() for step in plans):
        raise NotApplicable("the plan masks nothing")
    for n, plans in steps.items():
        moves = [transfer for step in plans if step.masked for transfer in step.transfers]
        counted = component.masked(n) if hasattr(component, "masked") else 0
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
    check_sends_between_known_nodes,
    check_reaches_every_silo,
    check_messages_match_the_plan,
    check_weights_are_shares,
    check_masks_cancel,
)


def _spread(steps: Sequence[Step], knows: dict[int, set[int]]) -> int:
    """Let knowledge travel along one round's steps; returns the number of transfers."""
    carried = {node: set(known) for node, known in knows.items()}
    sent = 0
    for step in steps:
        arriving: dict[int, set[int]] = {}
        for transfer in step.transfers:
            source = carried[transfer.src] if transfer.origin is None else knows[transfer.origin]
            arriving.setdefault(transfer.dst, set()).update(source if transfer.src in carried else ())
            sent += 1
        for node, known in arriving.items():
            carried[node] = known if step.on_arrival == "replace" else carried.get(node, set()) | known
    knows.update({node: known for node, known in carried.items() if node > SERVER})
    return sent

"""Under privacy features meet the rows that an access has opened, and no others."""

from typing import Any

import numpy as np
import pytest
import torch

from fpmg_bench.errors import PrivacyError
from fpmg_bench.privacy import LocalShard
from fpmg_bench.testing.shards import STAGE, ledger_of
from fpmg_bench.types import Charges

N = 40


class Seen:
    """Features that note which rows they were called on."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []

    def __call__(self, rows: Any) -> dict[str, Any]:
        self.calls.append([int(x) for x in rows["x"][:, 0]])
        return {"x": rows["x"], "double": 2 * rows["x"]}

    @property
    def rows(self) -> list[int]:
        return [row for call in self.calls for row in call]


def shard(charges: Charges | None) -> LocalShard:
    rows = {"x": torch.arange(N, dtype=torch.float32)[:, None]}
    ledger = None if charges is None else ledger_of(charges, N)
    return LocalShard(rows, np.arange(N), 0.2, STAGE, ledger).begin(3)


def steps(view: Any, count: int) -> list[list[int]]:
    """Rows that the losses of so many steps were given, without those of the checks before the first."""
    module = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(module.parameters(), 0.0)
    drawn: list[list[int]] = []

    def loss(module: Any, batch: Any) -> Any:
        assert torch.equal(batch["double"], 2 * batch["x"])
        drawn.append(batch["x"][:, 0].int().tolist())
        return module(batch["x"]).square()[:, 0]

    for _ in range(count):
        view.step(module, optimizer, loss)
    return drawn


def test_who_takes_no_step_is_shown_nobody() -> None:
    seen = Seen()
    shard(Charges(private_steps=3)).prepared("x", seen)
    assert seen.calls == []


def test_features_meet_drawn_rows_alone_each_once_a_round() -> None:
    seen, own = Seen(), shard(Charges(private_steps=6))
    view = own.prepared("x", seen)
    drawn = {row for batch in steps(view, 3) for row in batch}
    assert 0 < len(drawn) < N
    assert sorted(seen.rows) == sorted(drawn)
    first = len(seen.rows)
    own.begin(4)
    again = {row for batch in steps(view, 3) for row in batch}
    assert sorted(seen.rows[first:]) == sorted(again)
    assert drawn & again


def test_without_privacy_they_meet_everybody_at_once() -> None:
    seen = Seen()
    steps(shard(None).prepared("x", seen), 3)
    assert seen.calls == [list(range(N))]


def test_a_batch_is_the_same_whether_its_rows_were_met_before_or_not() -> None:
    own = shard(Charges(private_steps=6))
    first = own.prepared("x", Seen())._batch(np.array([5, 3, 9]))
    assert first["double"][:, 0].tolist() == [10.0, 6.0, 18.0]
    assert own.prepared("x", Seen())._batch(np.array([9, 1, 5]))["x"][:, 0].tolist() == [9.0, 1.0, 5.0]


def test_moments_of_prepared_rows_are_charged_and_meet_everybody() -> None:
    seen, own = Seen(), shard(Charges(moments=1))
    found = own.prepared("x", seen).moments(lambda batch: batch["double"] / (2 * N), clip=1e6)
    assert seen.calls == [list(range(N))]
    assert found.n == N


@pytest.mark.parametrize("access", ["moments", "counts"])
def test_an_access_that_is_refused_has_shown_nobody(access: str) -> None:
    shown: list[Any] = []
    own = shard(Charges(private_steps=1))
    with pytest.raises(PrivacyError, match="exceeds the 0"):
        getattr(own, access)(lambda rows: (shown.append(rows), rows["x"])[1], clip=1.0)
    assert shown == []


def test_features_whose_shape_depends_on_who_is_drawn_with_them_are_refused() -> None:
    view = shard(Charges(private_steps=1)).prepared("x", lambda rows: {"x": rows["x"].expand(-1, len(rows["x"]))})
    view._batch(np.array([1, 2]))
    with pytest.raises(PrivacyError, match="may not depend on which others are"):
        view._batch(np.array([3]))


def test_features_have_one_row_a_record() -> None:
    view = shard(Charges(private_steps=1)).prepared("x", lambda rows: {"x": rows["x"][:1]})
    with pytest.raises(PrivacyError, match="do not have one row a record"):
        view._batch(np.array([1, 2]))

"""What a learner's features make of rows, under privacy: of those alone that an access has opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.errors import PrivacyError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


class Prepared:
    """features(batch_of(rows)), of each record once a round. batch_of: what lies behind; records: how many there are.

    Within a round records are made as they are drawn, so that a resumed trial meets the same batches and the same bits.
    """

    def __init__(
        self,
        batch_of: Callable[[NDArray[np.intp]], Any],
        features: Callable[[Any], Mapping[str, Tensor]],
        records: int,
        stage: str,
    ) -> None:
        self._batch_of, self._features, self._records, self._stage = batch_of, features, records, stage
        self.forget()

    def forget(self) -> None:
        """A new round."""
        self._there = np.zeros(self._records, bool)
        self._made: dict[str, Tensor] = {}

    def take(self, rows: NDArray[np.intp]) -> dict[str, Tensor]:
        """The features of these records, in their order."""
        import torch

        new = np.unique(rows[~self._there[rows]])
        if len(new) or not self._made:
            self._keep(new, dict(self._features(self._batch_of(new))))
        at = torch.as_tensor(rows)
        return {name: value[at] for name, value in self._made.items()}

    def _keep(self, new: NDArray[np.intp], made: Mapping[str, Tensor]) -> None:
        import torch

        checked(made, len(new), self._stage)
        for name, value in made.items():
            kept = self._made.setdefault(name, torch.zeros(self._records, *value.shape[1:], dtype=value.dtype))
            if kept.shape[1:] != value.shape[1:]:
                raise PrivacyError(
                    f"{self._stage}: prepared features '{name}' have shape {tuple(value.shape[1:])} here, {tuple(kept.shape[1:])} before",
                    "under privacy features are made of the rows that are drawn: a record's may not depend on which others are",
                )
            kept[torch.as_tensor(new)] = value
        self._there[new] = True


def checked(made: Mapping[str, Tensor], records: int, stage: str) -> dict[str, Tensor]:
    """The features, where they have one row a record. Raises PrivacyError."""
    wrong = [name for name, value in made.items() if len(value) != records]
    if wrong:
        raise PrivacyError(f"{stage}: prepared features {wrong} do not have one row a record")
    return dict(made)

"""Beside an epsilon stands who has to be honest for it to hold."""

from typing import Any

import pytest

from fpmg_bench.privacy.claim import claim, told
from fpmg_bench.spec import Privacy


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((), "simulated"),
        (("acme:ring",), "simulated; holds if acme:ring is honest"),
        (("acme:ring", "acme:gan"), "simulated; holds if acme:ring and acme:gan are honest"),
    ],
)
def test_a_plug_in_of_others_is_named(names: tuple[str, ...], said: str) -> None:
    asked: dict[str, Any] = {"epsilon": 1.0, "public_sizes": False}
    found = claim(Privacy(1.0, 1e-5), drafted=False, trusted=names)
    assert told(asked, found) == said
    assert found.get("trusts", []) == list(names)

"""Trees of tensors on disk: bits, names, sharing, torn files."""

from __future__ import annotations

import json
import struct

import pytest
import torch
from safetensors.torch import load

from fpmg_bench.errors import StoreError
from fpmg_bench.store import pack, unpack


def bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def test_every_bit_type_and_shape_comes_back() -> None:
    state = {
        "net/weight": torch.randn(3, 4, generator=torch.Generator().manual_seed(0)),
        "net/half": torch.arange(5).to(torch.bfloat16),
        "net/steps": torch.tensor(7),
        "net/flags": torch.tensor([True, False]),
        "net/none": torch.zeros(0, 3),
        "net/odd": torch.tensor([float("nan"), -0.0, float("inf")], dtype=torch.float64),
        "net/strided": torch.arange(12.0).view(3, 4).T,
    }
    tree, note = unpack(pack({3: state}, {"round": 2}))
    assert note == {"round": 2}
    assert list(tree) == [3]
    assert list(tree[3]) == list(state)
    for name, tensor in state.items():
        found = tree[3][name]
        assert found.dtype == tensor.dtype
        assert found.shape == tensor.shape
        assert torch.equal(bits(found), bits(tensor))


@pytest.mark.parametrize("numbers", [0, 1])
def test_what_has_stride_0_comes_back(numbers: int) -> None:
    """As the slope of one bias is left by a sum over examples."""
    odd = torch.as_strided(torch.tensor([3.0]), (numbers,), (0,))
    tree, _ = unpack(pack({0: {"net/bias": odd}}, {}))
    assert torch.equal(tree[0]["net/bias"], odd)


def test_tensors_are_named_by_silo_and_module() -> None:
    data = pack({0: {"net/w": torch.ones(2)}, 1: {"net/w": torch.zeros(2)}}, {})
    assert set(load(data)) == {"0|net/w", "1|net/w"}


def test_a_model_that_silos_share_is_stored_once_and_shared_again() -> None:
    model = {"net/w": torch.ones(1000)}
    alone = pack({0: model}, {})
    shared = pack(dict.fromkeys(range(8), model), {})
    assert len(shared) < len(alone) + 600
    tree, _ = unpack(shared)
    assert all(tree[silo] is tree[0] for silo in range(8))


def test_equal_tensors_of_different_owners_are_stored_once_but_stay_apart() -> None:
    memory = {0: {"adam/m": torch.zeros(1000)}, 1: {"adam/m": torch.zeros(1000)}}
    data = pack(memory, {})
    assert len(data) < 4000 + 600
    tree, _ = unpack(data)
    tree[0]["adam/m"] += 1.0
    assert tree[1]["adam/m"].sum() == 0


def test_shared_tensors_in_unshared_states_stay_the_same_object() -> None:
    merged = torch.ones(3)
    tree, _ = unpack(pack({0: {"net/w": merged}, 1: {"net/w": merged, "head/w": torch.zeros(1)}}, {}))
    assert tree[0]["net/w"] is tree[1]["net/w"]
    assert tree[0] is not tree[1]


def test_empty_states_order_and_keys_that_look_like_numbers_survive() -> None:
    tree = {
        2: {},
        0: {"b/w": torch.ones(1), "a/w": torch.ones(2)},
        "7": {-1: {"x/y": torch.ones(1)}},
        "'7": {"x/y": torch.ones(1)},
    }
    found, _ = unpack(pack(tree, {}))
    assert list(found) == [2, 0, "7", "'7"]
    assert found[2] == {}
    assert list(found[0]) == ["b/w", "a/w"]
    assert list(found["7"]) == [-1]


def test_equal_trees_give_equal_bytes() -> None:
    def tree() -> dict[int, dict[str, torch.Tensor]]:
        return {0: {"a/w": torch.arange(4.0), "b/w": torch.arange(4.0)}, 1: {"a/w": torch.ones(2)}}

    assert pack(tree(), {"b": 1, "a": 2}) == pack(tree(), {"a": 2, "b": 1})


@pytest.mark.parametrize("cut", [0, 5, 30, 200, -1])
def test_a_torn_file_is_named_as_such(cut: int) -> None:
    data = pack({0: {"net/w": torch.ones(100)}}, {})
    with pytest.raises(StoreError, match=r"is empty|is cut|was changed"):
        unpack(data[:cut])


def test_a_flipped_bit_anywhere_is_found() -> None:
    data = pack({0: {"net/w": torch.ones(20)}}, {"key": "k"})
    for byte in range(len(data)):
        changed = bytearray(data)
        changed[byte] ^= 4
        with pytest.raises(StoreError):
            unpack(bytes(changed))


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"__metadata__": {"fpmg": "{}"}},
        {"__metadata__": {"fpmg": '{"layout": 3, "note": []}'}},
        {"__metadata__": {"fpmg": "[" * 100_000}},
        {"__metadata__": 3},
        [],
    ],
)
def test_a_valid_header_of_another_form_is_no_state_file(header: object) -> None:
    text = json.dumps(header).encode()
    with pytest.raises(StoreError):
        unpack(struct.pack("<Q", len(text)) + text)


def test_a_name_with_the_separator_is_refused() -> None:
    with pytest.raises(StoreError, match="rename it"):
        pack({"a|b": {"net/w": torch.ones(1)}}, {})

"""A device without the machine: tensors that say they are on `cuda:0`, compute on the CPU, and refuse what a real one refuses.

Within `pretended()` every operation is looked at. A tensor of the pretended device meets one of the CPU (but a single number), a
generator of the CPU is asked to draw there, or one indexes the other: RuntimeError, as on the device. What a device computes
otherwise, in another order or precision, is not found this way: tests/device does that where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

DEVICE = "cuda:0"
_ATEN = torch.ops.aten
_ACROSS = (_ATEN.copy_.default, _ATEN._to_copy.default)  # what moves between devices
_FILLS = (torch.tensor, torch.as_tensor, torch.asarray)
_INDEXED = (Tensor.__getitem__, Tensor.__setitem__)
_PLACES = ("cuda", "meta")  # torch's own code makes new tensors where it takes ours to lie


class Tagged(Tensor):
    """held: the numbers, on the CPU. To torch's own code it lies on `meta`, which needs no machine either."""

    held: Tensor
    _is_param: bool
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, held: Tensor) -> Tagged:
        made: Tagged = Tensor._make_wrapper_subclass(
            cls, held.size(), held.stride(), held.storage_offset(), dtype=held.dtype, device=torch.device("meta")
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _computed(func, args, kwargs or {})

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device(DEVICE)

    @property
    def is_cuda(self) -> bool:  # type: ignore[override]
        return True

    @property
    def is_meta(self) -> bool:  # type: ignore[override]
        return False

    def tolist(self) -> Any:
        """A copy in Python, which a real device gives too."""
        return self.held.tolist()

    def __deepcopy__(self, memo: dict[int, Any]) -> Tagged:
        made = Tagged(self.held.clone())
        made.requires_grad_(self.requires_grad)
        made._is_param = getattr(self, "_is_param", False)  # torch's own mark of a module's parameter
        memo[id(self)] = made
        return made

    def data_ptr(self) -> int:
        raise RuntimeError(f"no data pointer: the numbers are not really on {DEVICE}")

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"{self.held!r} on {DEVICE}"


class Watching(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """device: its name; operations: how many were computed there."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.device, self.operations = DEVICE, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = _computed(func, args, kwargs or {})
        self.operations += any(isinstance(leaf, Tagged) for leaf in tree_leaves(found))
        return found


class _Filling(TorchFunctionMode):
    """Tensors of Python's numbers, and lists as indices, are filled by torch itself before any operation that could be looked at."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = dict(kwargs or {})
        if func in _FILLS and named.get("device") is not None:
            device = named.pop("device")
            return func(*args, **named).to(device)
        if func is Tensor.new_tensor and isinstance(args[0], Tagged):
            return torch.tensor(args[1], dtype=named.get("dtype", args[0].dtype)).to(DEVICE)
        if func in _INDEXED and isinstance(args[0], Tagged):
            at = tuple(map(_index, args[1])) if isinstance(args[1], tuple) else _index(args[1])
            return func(args[0], at, *args[2:], **named)
        return func(*args, **named)


def _index(at: Any) -> Any:
    return torch.tensor(at).to(DEVICE) if isinstance(at, list) else at


@contextmanager
def pretended() -> Iterator[Watching]:
    """Within it there is a device."""
    # The first backward pass of a process counts the kinds of devices, starts a thread for each, and forbids forks to train: it shall
    # count before there is one that is none.
    torch.zeros((), requires_grad=True).backward()  # type: ignore[no-untyped-call]
    torch._C._ensureCUDADeviceGuardSet()
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # else a module keeps parameters without our tag
    try:
        with mock.patch("torch.cuda._lazy_init", return_value=None), _Filling(), Watching() as watching:
            yield watching
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)


def _computed(func: Any, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """The operation on the CPU, its results where a device would leave them."""
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    there = _lies_there(func, args, kwargs, tensors)
    if func not in _ACROSS:
        _refuse_mixtures(func, tensors)
    if there and kwargs.get("generator") is not None:
        raise RuntimeError(f"{func}: a generator of the CPU cannot draw on {DEVICE}")
    inside, named = tree_map_only(Tagged, lambda tensor: tensor.held, (args, dict(kwargs)))
    if named.get("device") is not None:
        named["device"] = "cpu"
    found = func(*inside, **named)
    for given, held in zip(args, inside, strict=True):  # in place: the very tensor that was given
        if found is held and isinstance(given, Tensor):
            return given
    return tree_map_only(Tensor, Tagged, found) if there else found


def _lies_there(func: Any, args: Any, kwargs: Mapping[str, Any], tensors: list[Tensor]) -> bool:
    if func is _ATEN.copy_.default:
        return isinstance(args[0], Tagged)
    if kwargs.get("device") is not None:
        return torch.device(kwargs["device"]).type in _PLACES
    return any(isinstance(tensor, Tagged) for tensor in tensors)


def _refuse_mixtures(func: Any, tensors: list[Tensor]) -> None:
    here = [tensor for tensor in tensors if not isinstance(tensor, Tagged) and tensor.dim()]
    if here and len(here) < len(tensors) and any(isinstance(tensor, Tagged) for tensor in tensors):
        places = ", ".join(f"{tuple(tensor.shape)} on {tensor.device}" for tensor in tensors)
        raise RuntimeError(f"{func}: tensors on different devices: {places}")

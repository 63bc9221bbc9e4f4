"""Where a trial computes. Everything random is drawn on the CPU and moved: the same numbers on every device."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import SuiteError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from fpmg_bench.types import Rng

CPU = "cpu"
WORDS = "auto, cpu, cuda, cuda:N or mps"
_WORD = re.compile(r"auto|cpu|mps|cuda(:(0|[1-9][0-9]?))?")


def is_device(word: str) -> bool:
    """Whether a suite may say this: one of `WORDS`, there or not."""
    return _WORD.fullmatch(word) is not None


def kind_of(device: str) -> str:
    """cpu, cuda or mps."""
    return device.partition(":")[0]


def present() -> tuple[str, ...]:
    """The devices that torch sees here, the CPU last."""
    import torch

    cuda = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return (*cuda, *(["mps"] if torch.backends.mps.is_available() else []), CPU)


def resolved(word: str, place: str = "limits.device") -> tuple[str, ...]:
    """The devices that trials may take: of `auto` every cuda device, without one the CPU. Raises SuiteError for what is not here."""
    if not is_device(word):
        raise SuiteError(f"{place}: unknown device '{word}'", f"one of {WORDS}")
    if word == CPU:
        return (CPU,)  # torch need not be asked
    here = present()
    cuda = tuple(device for device in here if kind_of(device) == "cuda")
    if word == "auto":
        return cuda or (CPU,)
    found = cuda if word == "cuda" else tuple(device for device in here if device == word)
    if not found:
        raise SuiteError(f"{place}: {word} is not here: torch sees {', '.join(here)}", "device: auto takes what is there")
    return found


def described(devices: Sequence[str]) -> str:
    """As environment.json and reports name them: "cpu", or "cuda:0 (NVIDIA H200)"."""
    if all(kind_of(device) != "cuda" for device in devices):
        return ", ".join(devices)
    import torch

    return ", ".join(f"{device} ({torch.cuda.get_device_name(device)})" for device in devices)


def settle(device: str) -> None:
    """Full float32 and one algorithm for convolutions on a cuda device; nothing to do elsewhere."""
    if kind_of(device) != "cuda":
        return
    import torch

    torch.cuda.set_device(device)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # ten bits of mantissa are no float32
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False


def drawn(shape: Sequence[int], rng: Rng | None, like: Tensor, law: Callable[..., Tensor] | None = None) -> Tensor:
    """Random numbers of this shape in the dtype and on the device of `like`, drawn on the CPU: the same on every device.

    rng: a generator of the CPU; None: torch's global one, which the round loop seeds. law: torch.randn (without one) or torch.rand.
    """
    import torch

    return (law or torch.randn)(tuple(shape), generator=rng, dtype=like.dtype).to(like.device)


def moved(tensors: Mapping[str, Any], device: Any) -> dict[str, Any]:
    """The same mapping with every tensor there; a tensor that is there already is the same one."""
    return {key: value.to(device) if hasattr(value, "to") else value for key, value in tensors.items()}


def beside(module: nn.Module, batch: Any) -> Any:
    """A batch of named tensors where the module's parameters are; any other as it is."""
    where = next((p.device for p in module.parameters()), None)
    return moved(batch, where) if where is not None and where.type != CPU and isinstance(batch, dict) else batch


def accepted(call: Callable[..., Any], device: str) -> dict[str, str]:
    """`{"device": device}` for a method that takes one; {} for the CPU, and for a method without: it computes on the CPU."""
    return {"device": device} if device != CPU and "device" in inspect.signature(call).parameters else {}


def elsewhere(state: Mapping[str, Tensor]) -> str:
    """The first tensor of a state that is not on the CPU, as words; "" where there is none."""
    return next((f"'{key}' on {value.device}" for key, value in state.items() if value.device.type != CPU), "")

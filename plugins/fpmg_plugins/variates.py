"""SCAFFOLD (Karimireddy et al., 2020): every local step is corrected by what the silo's gradients differ by from all silos'.

c_i is the mean of a silo's own gradients in its last round, c the mean of all c_i by patients; a step takes g - c_i + c in the place of g.
For plain steps that is their option II, c_i - c + (x - y_i) / (K lr), as a test shows; for Adam it is the same mean, which Adam then scales.
A silo sends c plus the change of its c_i, so that the mean stays that of all where some silos are away. Between neighbours of a gossip
that is gradient tracking (Di Lorenzo and Scutari, 2016). Under privacy gradients are clipped and noised before they get here: post-processing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn, optim

from fpmg_bench.devices import CPU
from fpmg_plugins.training import part

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.types import State

KIND = (
    "variate"  # first word of what travels beside a module; its silo's own stays in the memory as "own.variate.<module>/<name>"
)


def zeros(module: nn.Module, name: str) -> State:
    """Before the first round nobody knows a gradient."""
    return {f"{KIND}.{name}/{key}": torch.zeros_like(value, device=CPU) for key, value in _trainable(module)}


class Corrected(optim.Optimizer):
    """The steps of another optimiser on gradients that are corrected; it sums up those that came."""

    def __init__(self, inner: optim.Optimizer, module: nn.Module, name: str, state: State, memory: State) -> None:
        """Of one module whose variates are in a silo's state and memory; `inner` is over its trainable parameters."""
        self.names, parameters = zip(*_trainable(module), strict=True)
        super().__init__(parameters, {})
        self.inner, self.name, self.steps = inner, name, 0
        self.parameters: tuple[nn.Parameter, ...] = parameters
        self.common = part(state, f"{KIND}.{name}")
        self.own = part(memory, f"own.{KIND}.{name}") or {key: torch.zeros_like(c) for key, c in self.common.items()}
        self.off = [(self.common[key] - self.own[key]).to(p.device) for key, p in zip(self.names, parameters, strict=True)]
        self.sums: list[Tensor] = [torch.zeros_like(p) for p in parameters]

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Parameters without a gradient stay as they are."""
        for p, total, off in zip(self.parameters, self.sums, self.off, strict=True):
            if p.grad is not None:
                total.add_(p.grad)
                p.grad = p.grad + off
        self.steps += 1
        self.inner.step()

    step.hooked = True  # type: ignore[attr-defined]  # torch wraps `step` otherwise

    def told(self, memory: State) -> State:
        """What travels: c plus how c_i changed, which the memory keeps; c where the silo took no step."""
        if not self.steps:
            return {f"{KIND}.{self.name}/{key}": value.clone() for key, value in self.common.items()}
        found = {key: (total / self.steps).to(CPU) for key, total in zip(self.names, self.sums, strict=True)}
        memory |= {f"own.{KIND}.{self.name}/{key}": value for key, value in found.items()}
        return {f"{KIND}.{self.name}/{key}": self.common[key] + value - self.own[key] for key, value in found.items()}


def _trainable(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(key, value) for key, value in module.named_parameters() if value.requires_grad]

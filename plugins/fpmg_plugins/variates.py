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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fpmg_bench.types import State

KIND = (
    "variate"  # first word of what travels beside a module; its silo's own stays in the memory as "own.variate.<module>/<name>"
)


def zeros(modules: Mapping[str, nn.Module]) -> State:
    """Before the first round nobody knows a gradient."""
    return {f"{KIND}.{key}": torch.zeros_like(value, device=CPU) for key, value in _trainable(modules).items()}


class Corrected(optim.Optimizer):
    """The steps of another optimiser on gradients that are corrected; it sums up those that came."""

    def __init__(self, inner: optim.Optimizer, modules: Mapping[str, nn.Module], state: State, memory: State) -> None:
        """Of modules by name whose variates are in a silo's state and memory; `inner` is over their trainable parameters."""
        self.named = _trainable(modules)
        super().__init__(self.named.values(), {})
        self.inner, self.steps = inner, 0
        self.state = inner.state  # its moments are what a silo keeps
        self.common = {key: state[f"{KIND}.{key}"] for key in self.named}
        self.own = {key: memory.get(f"own.{KIND}.{key}", torch.zeros_like(c)) for key, c in self.common.items()}
        self.off = {key: (self.common[key] - self.own[key]).to(p.device) for key, p in self.named.items()}
        self.sums = {key: torch.zeros_like(p) for key, p in self.named.items()}

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Parameters without a gradient stay as they are."""
        for key, p in self.named.items():
            if p.grad is not None:
                self.sums[key].add_(p.grad)
                p.grad = p.grad + self.off[key]
        self.steps += 1
        self.inner.step()

    step.hooked = True  # type: ignore[attr-defined]  # torch wraps `step` otherwise

    def told(self, memory: State) -> State:
        """What travels: c plus how c_i changed, which the memory keeps; c where the silo took no step."""
        if not self.steps:
            return {f"{KIND}.{key}": value.clone() for key, value in self.common.items()}
        found = {key: (total / self.steps).to(CPU) for key, total in self.sums.items()}
        memory |= {f"own.{KIND}.{key}": value for key, value in found.items()}
        return {f"{KIND}.{key}": self.common[key] + value - self.own[key] for key, value in found.items()}


def _trainable(modules: Mapping[str, nn.Module]) -> dict[str, nn.Parameter]:
    """ "<module>/<name>" -> parameter."""
    named = ((f"{name}/{key}", value) for name, module in modules.items() for key, value in module.named_parameters())
    return {key: value for key, value in named if value.requires_grad}

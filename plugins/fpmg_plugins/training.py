"""What every learner that trains a network needs: states in and out of modules, an optimiser that survives a kill, one local round."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn, optim
from torch.optim.adam import adam as adam_kernel

from fpmg_bench.devices import CPU
from fpmg_bench.errors import PluginError, TrialError

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.contracts import PerExample, Public, Shard
    from fpmg_bench.types import Rng, SiloContext, State

M = TypeVar("M", bound=nn.Module)
MOMENTS = ("step", "exp_avg", "exp_avg_sq")
EPS = 1e-8  # of Adam, as its paper has it


def state_of(module: nn.Module, name: str) -> State:
    """Copies of the module's parameters and buffers on the CPU, under "<name>/<parameter>"."""
    return {f"{name}/{key}": value.detach().to(CPU, copy=True) for key, value in module.state_dict().items()}


def part(state: State, name: str) -> State:
    """The tensors of one module of a state, without its name: {"<parameter>": tensor}."""
    prefix = f"{name}/"
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def load(module: nn.Module, state: State, name: str) -> None:
    """Copy "<name>/*" of the state into the module. PluginError where keys or shapes differ."""
    try:
        module.load_state_dict(part(state, name))
    except RuntimeError as error:
        raise PluginError(
            f"state of module {name!r} does not fit {type(module).__name__}: {error}",
            "per-silo parameters may not change a state's keys or shapes",
        ) from error


def seeded(make: Callable[[], M], rng: Rng) -> M:
    """A module whose initial weights depend on `rng` alone; torch's global generator is left as it was."""
    seed = int(torch.randint(2**62, (), generator=rng))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def restored(make: Callable[[], M], state: State, name: str, device: str = CPU) -> M:
    """A module with the weights of "<name>/*", on the device; torch's global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        module = make()
    load(module, state, name)
    return module.to(device)


class Adam(optim.Optimizer):
    """Adam (Kingma & Ba, 2015) by torch's fused kernel, the same bits as `optim.Adam(fused=True)`.

    What that does around the kernel (labels for profilers, hooks, lists made anew) costs half as much as a small network's pass.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, betas: tuple[float, float]) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas})

    def zero_grad(self, set_to_none: bool = True) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Parameters without a gradient stay as they are."""
        for group in self.param_groups:
            moved = [p for p in group["params"] if p.grad is not None]
            states = [self.state[p] or self._started(p) for p in moved]
            steps, first, second = ([state[moment] for state in states] for moment in MOMENTS)
            adam_kernel(
                moved, [p.grad for p in moved], first, second, [], steps, fused=True, amsgrad=False, beta1=group["betas"][0],
                beta2=group["betas"][1], lr=group["lr"], weight_decay=0.0, eps=EPS, maximize=False,
            )  # fmt: skip

    step.hooked = True  # type: ignore[attr-defined]  # torch wraps `step` otherwise

    def _started(self, parameter: Tensor) -> dict[str, Tensor]:
        found = {moment: torch.zeros_like(parameter, memory_format=torch.preserve_format) for moment in MOMENTS[1:]}
        found["step"] = torch.zeros((), device=parameter.device)
        self.state[parameter] = found
        return found


def adam(modules: Mapping[str, nn.Module], lr: float, memory: State, betas: tuple[float, float] = (0.9, 0.999)) -> Adam:
    """Over the trainable parameters of modules by name, going on from what `keep` left in `memory`."""
    named = {f"{name}.adam/{key}": value for name, module in modules.items() for key, value in _trainable(module)}
    optimizer = Adam(named.values(), lr, betas)
    for key, parameter in named.items():
        kept = {moment: memory.get(f"{key}/{moment}") for moment in MOMENTS}
        if kept["step"] is not None:
            optimizer.state[parameter] = {
                m: value.to(parameter.device, copy=True) for m, value in kept.items() if value is not None
            }
    return optimizer


def optimizer_of(
    learner: Any, modules: Mapping[str, nn.Module], ctx: SiloContext, betas: tuple[float, float] = (0.9, 0.999)
) -> optim.Optimizer:
    """By the learner's parameters `optimizer` and `lr`: Adam of the silo's own, or plain steps for a merging rule with an optimiser."""
    lr = setting(learner, ctx, "lr")
    if setting(learner, ctx, "optimizer") == "sgd":
        return optim.SGD([value for module in modules.values() for _, value in _trainable(module)], lr)
    return adam(modules, lr, ctx.memory, betas)


def keep(optimizer: optim.Optimizer, module: nn.Module, memory: State, name: str) -> None:
    """Store the optimiser's tensors in `memory`, on the CPU, as "<name>.adam/<parameter>/<moment>"."""
    for key, parameter in _trainable(module):
        for moment, value in optimizer.state.get(parameter, {}).items():
            memory[f"{name}.adam/{key}/{moment}"] = value.detach().to(CPU, copy=True)


def fit(
    module: nn.Module,
    optimizer: optim.Optimizer,
    shard: Shard,
    ctx: SiloContext,
    private_loss: PerExample,
    public_loss: Public | None = None,
) -> dict[str, float]:
    """`ctx.steps` steps of the shard. {"loss": mean over steps}, or {} where every draw was empty or private."""
    return fit_anew(module, optimizer, shard, ctx, lambda: private_loss, public_loss)


def fit_anew(
    module: nn.Module,
    optimizer: optim.Optimizer,
    shard: Shard,
    ctx: SiloContext,
    new_loss: Callable[[], PerExample],
    public_loss: Public | None = None,
) -> dict[str, float]:
    """`fit` with a loss made for every step: what it draws at random is then the step's, however often the step asks for it."""
    module.train()
    losses = [shard.step(module, optimizer, new_loss(), public_loss).loss for _ in range(ctx.steps)]
    _finite(module, ctx)
    known = [loss for loss in losses if not math.isnan(loss)]
    return {"loss": math.fsum(known) / len(known)} if known else {}


def proximal(module: nn.Module, mu: float) -> Public | None:
    """FedProx (Li et al., 2020): mu/2 |x - x_ref|^2 to the weights at the time of this call; None for mu = 0."""
    if mu == 0:
        return None
    reference = {key: value.detach().clone() for key, value in _trainable(module)}

    def pull(now: nn.Module) -> Tensor:
        # a privacy wrapper prefixes parameter names, it keeps their order
        pairs = zip((value for _, value in _trainable(now)), reference.values(), strict=True)
        return mu / 2 * torch.stack([(value - at).square().sum() for value, at in pairs]).sum()

    return pull


def setting(learner: Any, ctx: SiloContext, name: str) -> Any:
    """A parameter of the learner, unless this silo overrides it."""
    return ctx.params.get(name, getattr(learner, name))


def _trainable(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((key, value) for key, value in module.named_parameters() if value.requires_grad)


def _finite(module: nn.Module, ctx: SiloContext) -> None:
    for key, value in module.named_parameters():
        if not bool(torch.isfinite(value).all()):
            raise TrialError(
                f"silo {ctx.silo}, round {ctx.round}: training diverged, {type(module).__name__}.{key} is not finite",
                "lower lr",
            )

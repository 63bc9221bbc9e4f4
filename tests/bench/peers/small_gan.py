"""The GAN that two engines train: 180 thousand parameters, five silos with data of their own, one local round for both."""

from functools import lru_cache

import torch
from torch import nn
from torch.nn import functional as F

SILOS, WIDTH, NOISE, HIDDEN, STEPS, LR = 5, 64, 64, 256, 4, 0.02
PATIENTS = [400, 250, 150, 120, 80]


def net(name):
    """generator: noise to rows; discriminator: rows to one logit."""
    inputs, outputs = (NOISE, WIDTH) if name == "generator" else (WIDTH, 1)
    body = [nn.Linear(inputs, HIDDEN), nn.LeakyReLU(0.2), nn.Linear(HIDDEN, HIDDEN), nn.LeakyReLU(0.2)]
    return nn.Sequential(*body, nn.Linear(HIDDEN, outputs))


def nets(state=None):
    """Both networks, with the state's weights ("<network>/<parameter>") if one is given."""
    made = {name: net(name) for name in ("generator", "discriminator")}
    for name, module in made.items() if state else ():
        module.load_state_dict({key.removeprefix(f"{name}/"): value for key, value in state.items() if key.startswith(name)})
    return made


def state_of(made):
    return {f"{name}/{key}": value.detach().clone() for name, m in made.items() for key, value in m.state_dict().items()}


def start():
    """The weights that everybody begins with."""
    torch.manual_seed(0)
    return state_of(nets())


@lru_cache
def rows(silo):
    """[patients, WIDTH]: a Gaussian of the silo's own."""
    rng = torch.Generator().manual_seed(100 + silo)
    mix = torch.randn(WIDTH, WIDTH, generator=rng) / WIDTH**0.5
    return torch.randn(PATIENTS[silo], WIDTH, generator=rng) @ mix + 0.3 * torch.randn(WIDTH, generator=rng)


def train(state, silo, round, batch):
    """A few plain SGD steps of either network from the state, the same for the same silo and round; the new state.

    Few, since a GAN's steps amplify the rounding by which two engines' means differ; the batch sets how long they take.
    """
    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(1000 * round + silo)
    made, data = nets(state), rows(silo)
    generator, discriminator = made["generator"], made["discriminator"]
    makes, judges = (torch.optim.SGD(m.parameters(), LR) for m in (generator, discriminator))
    for _ in range(STEPS):
        real = data[torch.randint(len(data), (batch,), generator=rng)]
        fake = generator(torch.randn(batch, NOISE, generator=rng))
        judges.zero_grad()
        (F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake.detach())).mean()).backward()
        judges.step()
        makes.zero_grad()
        F.softplus(-discriminator(fake)).mean().backward()
        makes.step()
    return state_of(made)

"""The baseline without a joint: one conditional GAN a modality, each with its own noise and discriminator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fpmg_plugins.generators.gan.conditional_gan import ConditionalGan

if TYPE_CHECKING:
    from fpmg_bench.types import Space
    from fpmg_plugins.generators.gan.networks import Group


class SingleModalCgan(ConditionalGan):
    """Modalities are tied by the condition alone; parameters as for parallel-cgan. Every modality's step touches patients."""

    def groups(self, space: Space) -> Sequence[Group]:
        return [(modality,) for modality in space.blocks]

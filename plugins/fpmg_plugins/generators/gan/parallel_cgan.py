"""FPMG's generator: parallel conditional generators, one a modality, and one joint discriminator."""

from __future__ import annotations

from fpmg_plugins.generators.gan.conditional_gan import ConditionalGan


class ParallelCgan(ConditionalGan):
    """All modalities share noise, condition and a discriminator that sees the concatenated vectors (FPMG).

    noise 0: as many dimensions as the vectors have. lipschitz "rescale": spectral bound 1 after every step. classify: weight of
    the auxiliary class loss; teach: "both" lets it pull at the generators too, which then exaggerate what tells classes apart. ema: decay
    of the released average. balance: classes weigh the same (under privacy per-example weights void the sensitivity:
    `privacy: {balanced: true}` draws rare classes more often instead). send: what travels and is merged; "generator" keeps every
    silo's discriminator at home. proximal: FedProx mu, for the networks that travel. restore: what is drawn has the means and the
    covariance that silos exchanged. watch: generators are released as far from their start as the federation's patients find them
    nearer (without privacy; one more pass over them a round).
    """

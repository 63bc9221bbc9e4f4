"""FPMG's generator: parallel conditional generators, one a modality, and one joint discriminator."""

from __future__ import annotations

from fpmg_plugins.generators.gan.conditional_gan import ConditionalGan


class ParallelCgan(ConditionalGan):
    """All modalities share noise, condition and a discriminator that sees the concatenated vectors (FPMG).

    noise 0: as many dimensions as the vectors have. Generators and discriminator work in units of the columns' spread within classes.
    lipschitz "r1": penalty / 2 times the squared slope of the discriminator at real records, under privacy "rescale", a spectral bound
    of 1 after every step. optimizer: "sgd" for an aggregator with an optimiser (fedadam), lr then a step's small size: silos send
    gradients, and what is released is the weights themselves, unwatched. classify: weight of
    the auxiliary class loss; teach: "both" lets it pull at the generators too, which then exaggerate what tells classes apart. ema: decay
    of the released average. balance: classes weigh the same (under privacy per-example weights void the sensitivity:
    `privacy: {balanced: true}` draws rare classes more often instead). send: what travels and is merged; "generator" keeps every
    silo's discriminator at home. discriminators: "universal" relays each silo's own to all others instead of averaging them, and
    generators face the mixture of their odds, by patients of the class (Zhang et al., 2021; loss: logistic only). scaffold: local
    steps are corrected towards all silos' gradients, whose means travel beside the networks that are averaged (see
    `fpmg_plugins.variates`). proximal: FedProx mu, for the networks that travel. sites: silos tell their own means by
    class, each judges draws moved to its own patients, and a release is drawn from all: a gain where hospitals differ, and masks hide
    no mean that is told (not under privacy). restore: what is drawn has the means and the
    covariance that silos exchanged. watch: generators are released as far from their start as the federation's patients find them
    nearer (without privacy; one more pass over them a round). order: diseases, by the names of flags, one after the other, `each` rounds
    a turn, of patients and draws that have no other of them (the poster's sequential training). untold: flags of which the exchanged means
    say nothing, so that training has to teach what they do; then nothing is restored, which would take it away again.
    """

from functools import cache

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.encoders.pca.pca import Pca
from fpmg_plugins.encoders.picture.cnn_ae import CnnAe
from fpmg_plugins.encoders.table.autoencoder import Autoencoder
from fpmg_plugins.encoders.transformer_ae import TransformerAe
from fpmg_plugins.topologies.ring import Ring
from sklearn.decomposition import PCA

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.privacy import LocalShard

ENCODERS = {"table": Autoencoder, "series": TransformerAe, "text": TransformerAe, "image": CnnAe, "video": CnnAe}


@pytest.fixture(scope="module")
def cohort():
    return Phantom(patients=600, silos=3).load()


def trained(cohort, modality, encoder, rounds=8):
    """The encoder as two silos of a relay ring learn it from the first 400 patients."""
    shards = {}
    for silo, half in enumerate((np.arange(200), np.arange(200, 400))):
        rows = half[cohort.present[modality][half]]
        shards[silo] = LocalShard(cohort.data[modality].take(rows), cohort.patient[rows], 0.2, "s")
    plan = Plan("s", Ring(), FedAvg(), rounds, {0: SiloPlan(20), 1: SiloPlan(20)}, 0)
    return run(encoder, cohort.schemas[modality], shards, plan, lambda record, now: None).states[0]


@pytest.fixture(scope="module")
def learned(cohort):
    """learned(modality) -> an encoder with its defaults, and its state; trained once for all tests."""

    @cache
    def of(modality):
        encoder = ENCODERS[modality]()
        return encoder, trained(cohort, modality, encoder)

    return of


def unseen(cohort, modality):
    rows = np.arange(400, 600)
    return rows[cohort.present[modality][rows]]


@pytest.mark.parametrize("modality", ENCODERS)
def test_the_label_survives_the_round_trip(cohort, learned, modality):
    """A linear classifier of the vectors of unseen patients is clearly better than chance."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    (encoder, state), schema = learned(modality), cohort.schemas[modality]
    rows = unseen(cohort, modality)
    seen = np.arange(400)[cohort.present[modality][:400]]
    fit, test = (encoder.encode(schema, state, cohort.data[modality].take(r)).numpy() for r in (seen, rows))
    model = LogisticRegression(max_iter=2000, C=0.1).fit(fit, cohort.label[seen])
    assert roc_auc_score(cohort.label[rows], model.predict_proba(test)[:, 1]) > 0.62


def test_images_are_reconstructed_better_than_by_the_mean_image(cohort, learned):
    (encoder, state), schema = learned("image"), cohort.schemas["image"]
    rows = unseen(cohort, "image")
    data = cohort.data["image"].take(rows)
    back = encoder.decode(schema, state, encoder.encode(schema, state, data)).array().astype(float)
    real = data.array().astype(float)
    mean = cohort.data["image"].take(np.arange(400)).array().astype(float).mean(0)
    assert ((back - real) ** 2).mean() < 0.8 * ((mean - real) ** 2).mean()


def test_tables_come_back_with_their_types_ranges_and_gaps(cohort, learned):
    (encoder, state), schema = learned("table"), cohort.schemas["table"]
    rows = unseen(cohort, "table")
    data = cohort.data["table"].take(rows)
    frame = encoder.decode(schema, state, encoder.encode(schema, state, data)).frame
    assert list(frame.columns) == [column.name for column in schema.columns]
    for column in schema.columns:
        values = frame[column.name].dropna()
        if column.type == "category":
            assert set(values) <= set(column.categories)
        elif column.type == "flag":
            assert set(values) <= {0.0, 1.0}
        else:
            assert values.between(column.low, column.high).all()


def test_pca_of_two_silos_is_the_pca_of_their_pooled_rows(cohort):
    schema, encoder = cohort.schemas["image"], Pca(dim=5)
    state = trained(cohort, "image", encoder)
    pixels = cohort.data["image"].take(np.arange(400)).array().reshape(400, -1).astype(float)
    ours = encoder.encode(schema, state, cohort.data["image"].take(np.arange(400))).double().numpy()
    theirs = PCA(5, svd_solver="full").fit_transform(pixels)
    for i in range(5):
        assert abs(np.corrcoef(ours[:, i], theirs[:, i])[0, 1]) > 0.98  # vectors of pixels are dithered


def test_pca_costs_one_exchange_and_no_rounds(cohort):
    assert Pca().rounds == 0
    for name, scores, counts in (("image", True, 0), ("table", False, 0), ("table", True, 1)):
        charges = Pca(scores=scores).charges(cohort.schemas[name], 0)
        assert (charges.private_steps, charges.moments, charges.counts) == (0, 1, counts)


@pytest.mark.parametrize("modality", ENCODERS)
def test_what_private_training_touches_is_what_was_declared(cohort, modality):
    from fpmg_bench.privacy import Ledger, Noise
    from fpmg_bench.spec import Privacy

    encoder, schema = ENCODERS[modality](), cohort.schemas[modality]
    planned = {"s": encoder.charges(schema, 6)}
    ledger = Ledger(0, "a", 100, 0.2, Privacy(8.0, 1e-3), Noise(1.0, 1.0, 1.0), planned)
    rows = np.arange(100)[cohort.present[modality][:100]]
    shard = LocalShard(cohort.data[modality].take(rows), cohort.patient[rows], 0.2, "s", ledger)
    plan = Plan("s", Ring(), FedAvg(), 2, {0: SiloPlan(3)}, 0)
    state = run(encoder, schema, {0: shard}, plan, lambda record, now: None).states[0]
    spent = {kind: count for (_, kind), count in ledger.spent.items()}
    assert spent.get("step", 0) == planned["s"].private_steps == 6
    assert (spent.get("moments", 0), spent.get("counts", 0)) == (planned["s"].moments, planned["s"].counts)
    assert all(bool(torch.isfinite(value).all()) for value in state.values() if value.is_floating_point())

import numpy as np
import pytest
import torch
from fpmg_plugins import findings
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.encoders.text import finding_planner, vocabulary
from fpmg_plugins.encoders.text.writer import _repeating
from fpmg_plugins.encoders.transformer_ae import TransformerAe
from fpmg_plugins.topologies.ring import Ring
from sklearn.decomposition import PCA

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Schema, Text

SCHEMA = Schema("text", (), (240,))
STRINGS = ("No pneumothorax. Small effusion.", "Lungs are clear.", "Cardiomegaly, no edema", "", "Nodule") * 4


def pieces(text):
    return torch.from_numpy(vocabulary.encode([text], 24))


def after(text, expected=None):
    """The plan of findings once this text was said."""
    logits = torch.full((1, 2 * len(finding_planner.names())), -4.0) if expected is None else expected
    said = finding_planner.FindingPlan(logits)
    for piece in pieces(text)[0]:
        if piece != vocabulary.END:
            said.hear(piece[None])
    return said.wanted()[0], said.state()[0]


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("effusion", 0),
        ("no effusion", 1),
        ("no effusion.", 0),
        ("no effusion, mass", 1),
        ("no effusion but", 0),
        ("there is no evidence of", 1),
        ("lungs are free of", 1),
        ("nodule in the node", 0),
        ("notch", 0),
    ],
)
def test_a_denial_holds_until_its_clause_ends(text, denied):
    assert float(after(text)[1][2]) == denied


def test_what_was_said_is_crossed_off_where_it_was_said():
    k = len(finding_planner.names())
    effusion, expected = finding_planner.names().index("effusion"), torch.full((1, 2 * len(finding_planner.names())), -4.0)
    expected[0, [effusion, k + effusion]] = 4.0
    assert float(after("lungs", expected)[0][effusion]) == 4.0
    assert float(after("effusion", expected)[0][effusion]) == finding_planner.DONE
    assert float(after("no effusion.", expected)[0][effusion]) == 4.0  # affirmed, it has not been said
    assert float(after("effusion. no", expected)[0][effusion]) == 4.0


def test_hearing_a_text_at_once_is_hearing_it_piece_by_piece():
    texts = ("no effusion, mass or effusion. mass, mass; no mass", *STRINGS[:4])
    tokens = torch.from_numpy(vocabulary.encode(texts, 24))
    expected = torch.randn(5, 2 * len(finding_planner.names()), generator=torch.Generator().manual_seed(0)) * 3
    one, whole = finding_planner.FindingPlan(expected), finding_planner.Followed(expected, tokens)
    state, wanted = whole.state(), whole.wanted(tokens >= 0).reshape(5, 24, -1)
    for step in range(24):
        assert torch.equal(wanted[:, step], one.wanted())
        assert torch.allclose(state[:, step], one.state(), atol=1e-4)
        one.hear(tokens[:, step])


def test_every_piece_says_one_finding_at_most_and_those_that_do_come_last():
    said = [{findings.finding(word) for word in piece.split()} - {None} for piece in vocabulary.pieces()]
    assert max(map(len, said)) == 1
    assert all(
        bool(names) == (at >= finding_planner.first()) for at, names in enumerate(said) if vocabulary.pieces()[at].startswith(" ")
    )


@pytest.mark.parametrize("text", ["no nodules seen", "notable non-specific change", "65-year-old; t 38.5 c (a/b)", "withouthold"])
def test_pieces_spell_every_text(text):
    assert vocabulary.decode(vocabulary.encode([text], 64)[0]) == text


def test_three_pieces_are_not_said_twice_nor_a_word_at_once_again():
    tokens = torch.tensor([[5, 6, 7, 5, 6], [5, 6, 7, 8, 6]])
    barred = _repeating(tokens)
    assert barred[0].nonzero().flatten().tolist() == [7]
    assert not barred[1].any()
    word, mark = vocabulary.pieces().index(" nodule"), vocabulary.pieces().index("1")
    assert _repeating(torch.tensor([[5, 6, word], [5, 6, mark]])).sum(dim=1).tolist() == [1, 0]


def test_what_is_left_unsaid_is_listed_within_the_characters():
    expected = finding_planner.bags(["Nodule, mass. No effusion."])[0].astype(bool)
    full = finding_planner.complete("the lungs show a nodule", expected, 80)
    assert full == "the lungs show a nodule. mass. no effusion."
    short = finding_planner.complete("the lungs show a nodule on the left side", expected, 36)
    assert len(short) <= 36
    assert findings.findings(short) == {("nodule", False), ("mass", False), ("effusion", True)}
    assert finding_planner.complete("clear", np.zeros_like(expected), 80) == "clear"


@pytest.mark.parametrize("start", ["public", "moments"])
def test_an_untrained_writer_says_what_the_vector_holds_and_nothing_else(start):
    encoder = TransformerAe(phrases="public", start=start, dim=24)
    stats = encoder.statistics(SCHEMA, LocalShard(Text(STRINGS), np.arange(20), 0.5, "s"), None)
    state = encoder.init(SCHEMA, stats, torch.Generator().manual_seed(0))
    z = torch.randn(30, 24, generator=torch.Generator().manual_seed(1)) * 2
    expected = encoder._restored(SCHEMA, state).say(z) > finding_planner.EXPECTED
    for row, string in zip(expected.numpy(), encoder.decode(SCHEMA, state, z).strings, strict=True):
        held = {
            (finding_planner.names()[at % len(finding_planner.names())], at >= len(finding_planner.names()))
            for at in np.flatnonzero(row)
        }
        assert len(string) <= 240
        if len(held) <= 6:  # more do not fit
            assert findings.findings(string) == held


def test_decoding_in_batches_is_decoding_one_by_one():
    encoder = TransformerAe(phrases="public", dim=8)
    state = encoder.init(SCHEMA, {}, torch.Generator().manual_seed(0))
    z = torch.randn(600, 8, generator=torch.Generator().manual_seed(1))
    whole = encoder.decode(SCHEMA, state, z).strings
    assert len(whole) == 600
    assert whole[510:514] == tuple(encoder.decode(SCHEMA, state, z[at : at + 1]).strings[0] for at in range(510, 514))
    assert encoder.decode(SCHEMA, state, z[:0]).strings == ()


def test_moments_of_two_silos_start_at_the_principal_components_of_both():
    encoder, plan = (
        TransformerAe(phrases="public", start="moments", dim=4, tokens=8),
        Plan("s", Ring(), FedAvg(), 0, {0: SiloPlan(1), 1: SiloPlan(1)}, 0),
    )
    shards = {i: LocalShard(Text(STRINGS[half]), np.arange(10), 0.5, "s") for i, half in enumerate((slice(10), slice(10, 20)))}
    state = run(encoder, SCHEMA, shards, plan, lambda record, now: None).states[0]
    ours = torch.from_numpy(finding_planner.bags(STRINGS)).float() @ state["encoder/found.weight"].T + state["encoder/found.bias"]
    theirs = PCA(3, svd_solver="full").fit_transform(finding_planner.bags(STRINGS).astype(float))
    assert ours.shape == (20, 3)
    for i in range(3):
        assert abs(np.corrcoef(ours[:, i], theirs[:, i])[0, 1]) > 0.999
    assert encoder.charges(SCHEMA, 6).moments == 1
    assert TransformerAe().charges(SCHEMA, 6).moments == 0


def test_findings_of_unseen_patients_come_back():
    cohort = Phantom(patients=300, silos=2).load()
    schema, data, encoder = cohort.schemas["text"], cohort.data["text"], TransformerAe(start="moments")
    rows = np.arange(200)
    shards = {silo: LocalShard(data.take(half), cohort.patient[half], 0.2, "s") for silo, half in enumerate(np.split(rows, 2))}
    plan = Plan("s", Ring(), FedAvg(), 4, {0: SiloPlan(15), 1: SiloPlan(15)}, 0)
    state = run(encoder, schema, shards, plan, lambda record, now: None).states[0]
    unseen = data.take(np.arange(200, 300))
    made = encoder.decode(schema, state, encoder.encode(schema, state, unseen)).strings
    rival = findings.f1(unseen.strings, [findings.commonest(data.take(rows).strings)] * 100)
    assert findings.f1(unseen.strings, made) > max(0.9, rival + 0.1)
    assert findings.well_formed(made, schema.shape[0]) > 0.95
    assert len(set(made)) > 20


@pytest.mark.parametrize("start", ["public", "moments"])
def test_long_texts_train_privately_within_what_was_declared(start):
    encoder = TransformerAe(start=start, tokens=80, dim=12)
    ledger = Ledger(0, "a", 20, 0.5, Privacy(8.0, 1e-3), Noise(1.0, 1.0, 1.0), {"s": encoder.charges(SCHEMA, 2)})
    shards = {0: LocalShard(Text(STRINGS), np.arange(20), 0.5, "s", ledger)}
    state = run(encoder, SCHEMA, shards, Plan("s", Ring(), FedAvg(), 1, {0: SiloPlan(2)}, 0), lambda record, now: None).states[0]
    spent = {kind: count for (_, kind), count in ledger.spent.items()}
    assert spent == {"step": 2, "counts": 5} | ({"moments": 1} if start == "moments" else {})
    assert all(bool(torch.isfinite(value).all()) for value in state.values())

import numpy as np
import pytest
import torch
from fpmg_plugins import findings
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.encoders.frozen import readers as frozen_readers
from fpmg_plugins.encoders.frozen import text as frozen_text
from fpmg_plugins.encoders.frozen.frozen import Frozen
from fpmg_plugins.encoders.picture import pixels

from fpmg_bench.errors import IncompatibleTrial
from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import Ledger, LocalShard, Noise, epsilon_of
from fpmg_bench.spec import Privacy
from fpmg_bench.testing.fakes import SCHEMAS, context
from fpmg_bench.types import KINDS, Schema, Series, Table, Text


@pytest.fixture(scope="module")
def cohort():
    return Phantom(patients=120, silos=2).load()


def ready(encoder, schema):
    return encoder.init(schema, {}, rng_for(0, "init"))


def there_and_back(encoder, schema, data):
    state = ready(encoder, schema)
    return encoder.decode(schema, state, encoder.encode(schema, state, data))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_charged_asked_or_learnt(cohort, kind):
    """No access of any sort is declared, the statistics are empty, and no round runs: the state is made before any row is there."""
    encoder, schema = Frozen(), cohort.schemas[kind]
    charges = encoder.charges(schema, 1000)
    assert (charges.private_steps, charges.moments, charges.counts) == (0, 0, 0)
    assert encoder.rounds == 0
    assert encoder.statistics(schema, None, context(schema)) == {}
    state = ready(encoder, schema)
    assert all(key.startswith("frozen/") for key in state)


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_decoder_is_charged_for_its_steps_and_leaves_the_vectors_alone(cohort, kind):
    encoder, schema = Frozen(decoder="trained"), cohort.schemas[kind]
    data = cohort.data[kind].take(np.arange(24))
    ledger = Ledger(0, "a", 24, 0.5, Privacy(8.0, 1e-3), Noise(1.0, 1.0, 1.0), {"s": encoder.charges(schema, 2)})
    state = ready(encoder, schema)
    update = encoder.train(state, LocalShard(data, np.arange(24), 0.5, "s", ledger).begin(0), context(schema))
    assert ledger.spent == {("s", "step"): 2}
    assert epsilon_of(ledger.entries(), 1e-3) > 0
    assert not [key for key in update.state if key.startswith("frozen/")]
    assert torch.equal(encoder.encode(schema, state | update.state, data), Frozen().encode(schema, ready(Frozen(), schema), data))


def test_a_table_comes_back_exactly_with_as_many_numbers_as_columns(cohort):
    schema, data = cohort.schemas["table"], cohort.data["table"]
    frame = there_and_back(Frozen(dim=len(schema.columns)), schema, data).frame
    for column in schema.columns:
        real, made = data.frame[column.name], frame[column.name]
        assert real.isna().equals(made.isna())
        if column.type == "number":
            np.testing.assert_allclose(made, real, rtol=1e-5, atol=1e-4 * (column.high - column.low))
        else:
            assert made.dropna().equals(real.dropna())
    short = there_and_back(Frozen(dim=3), schema, data)
    assert isinstance(short, Table) and len(short) == len(data)


def test_pictures_come_back_smooth_and_vectors_exactly(cohort):
    schema, data = cohort.schemas["image"], cohort.data["image"]
    encoder = Frozen(dim=64)
    state = ready(encoder, schema)
    z = encoder.encode(schema, state, data)
    back = encoder.decode(schema, state, z)
    real, made = data.array().astype(float), back.array().astype(float)
    assert ((made - real) ** 2).mean() < 0.15 * real.var()
    torch.testing.assert_close(encoder.encode(schema, state, back), z, rtol=0, atol=0.05)
    assert 0.1 < float(z.std()) < 2.0


def test_the_cosine_basis_is_orthonormal_in_space_and_time():
    head = frozen_readers.PixelReader(SCHEMAS["video"], 16).head(40, rng_for(0, "head"))
    torch.testing.assert_close(head["frozen/basis"].T @ head["frozen/basis"], torch.eye(40), rtol=0, atol=1e-5)
    assert head["frozen/size"].diff().max() <= 0


def test_series_come_back_closer_than_the_last_value_carried_forward(cohort):
    schema, data = cohort.schemas["series"], cohort.data["series"]
    made = there_and_back(Frozen(dim=64), schema, data)
    assert isinstance(made, Series)
    unit = np.array([data.values[..., j][data.seen[..., j]].std() for j in range(len(schema.columns))])
    carried = np.zeros_like(data.values)
    for t in range(1, data.values.shape[1]):
        carried[:, t] = np.where(data.seen[:, t - 1], data.values[:, t - 1], carried[:, t - 1])
    both = data.seen & made.seen
    both[:, 0] = False
    error, rival = (np.sqrt((((guess - data.values) / unit)[both] ** 2).mean()) for guess in (made.values, carried))
    assert error < 0.7 * rival


def test_a_text_comes_back_as_its_findings_with_their_negations(cohort):
    schema = SCHEMAS["text"]
    said = Text(("Large left pleural effusion, no pneumothorax.",))
    assert there_and_back(Frozen(dim=64), schema, said).strings == ("effusion. no pneumothorax.",)
    real = cohort.data["text"]
    made = there_and_back(Frozen(dim=64), cohort.schemas["text"], real)
    assert findings.f1(real.strings, made.strings) > 0.95
    assert findings.well_formed(made.strings) == 1.0
    assert findings.findings(frozen_text.NOTHING) == frozenset()


def test_a_text_without_findings_says_so_in_the_cohorts_own_words():
    encoder, silent = Frozen(), Text(("Herz und Lunge altersentsprechend",) * 3)
    for declared, said in (("o.B.", "o.B."), ("Kein auffälliger Befund", "Kein auffäll"), ("", "nothing to r")):
        schema = Schema("text", (), (12,), declared)
        assert there_and_back(encoder, schema, silent).strings == (said,) * 3


def test_findings_are_recovered_from_a_noisy_sketch():
    basis = torch.nn.functional.normalize(torch.randn(700, 64, generator=rng_for(0, "basis")), dim=1)
    wanted = torch.zeros(50, 700, dtype=torch.bool)
    for at, row in enumerate(wanted):
        row[torch.randperm(700, generator=rng_for(1, "set", at))[:5]] = True
    noise = 0.03 * torch.randn(50, 64, generator=rng_for(2, "noise"))
    assert torch.equal(frozen_text.recovered(basis, wanted.float() @ basis + noise), wanted)


def test_a_beam_finds_sets_that_greedy_steps_miss():
    """Five of 700 words from 32 numbers: the sums tell them apart, one step at a time does not."""
    basis = torch.nn.functional.normalize(torch.randn(700, 32, generator=rng_for(0, "basis")), dim=1)
    wanted = torch.zeros(40, 700, dtype=torch.bool)
    for at, row in enumerate(wanted):
        row[torch.randperm(700, generator=rng_for(1, "set", at))[:5]] = True
    sketch = wanted.float() @ basis
    greedy = (frozen_text._pursued(basis, sketch)[0] == wanted).all(1).float().mean()
    beam = (frozen_text.recovered(basis, sketch) == wanted).all(1).float().mean()
    assert greedy < 0.6
    assert beam > 0.85


def test_half_of_the_vector_is_the_public_networks(cohort):
    schema, data = cohort.schemas["image"], cohort.data["image"].take(np.arange(20))
    encoder = Frozen(dim=32, backbone="lcnet_035", side=32)
    state = ready(encoder, schema)
    z = encoder.encode(schema, state, data)
    assert torch.equal(z[:, :16], Frozen(dim=16, side=32).encode(schema, ready(Frozen(dim=16, side=32), schema), data))
    assert float(z[:, 16:].std(0).min()) > 0
    assert encoder.decode(schema, state, z).array().shape == data.array().shape


def test_a_transformers_directory_reads_texts(tmp_path):
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "no", "effusion", "edema", "."]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    BertTokenizerFast(vocab_file=str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    small = BertConfig(vocab_size=9, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    with torch.random.fork_rng():
        BertModel(small).save_pretrained(tmp_path)
    encoder, schema = Frozen(dim=48, backbone=str(tmp_path)), SCHEMAS["text"]
    data = Text(("no effusion.", "edema.", "no effusion. edema."))
    state = ready(encoder, schema)
    z = encoder.encode(schema, state, data)
    torch.testing.assert_close(encoder.encode(schema, state, data.take(np.array([1]))), z[1:2], rtol=1e-4, atol=1e-5)
    assert float(z[:, 24:40].std(0).max()) > 0.05
    assert encoder.decode(schema, state, z).strings == ("no effusion.", "edema.", "edema. no effusion.")


def test_no_public_network_reads_a_table(cohort):
    with pytest.raises(IncompatibleTrial, match="no public network reads a table"):
        Frozen(backbone="lcnet_035").charges(cohort.schemas["table"], 10)


def test_many_pictures_are_drawn_when_they_are_read(cohort, monkeypatch):
    schema, encoder = cohort.schemas["image"], Frozen()
    state = ready(encoder, schema)
    z = encoder.encode(schema, state, cohort.data["image"])
    at_once = encoder.decode(schema, state, z)
    monkeypatch.setattr(pixels, "KEPT_BYTES", 0)
    drawn, draw = [], frozen_readers.PixelReader.picture
    monkeypatch.setattr(
        frozen_readers.PixelReader, "picture", lambda self, head, part: drawn.append(len(part)) or draw(self, head, part)
    )
    lazy = encoder.decode(schema, state, z)
    assert drawn == []
    rows = np.array([70, 3])
    assert np.array_equal(lazy.take(rows).array(), at_once.take(rows).array())
    assert drawn == [64, 56]

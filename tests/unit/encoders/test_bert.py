import pytest
import torch
from fpmg_plugins.encoders.bert import UNSEEN, Layer


@pytest.mark.parametrize(("width", "heads"), [(48, 2), (32, 4)])
def test_layers_are_those_of_transformers_bit_for_bit(width, heads):
    from transformers import BertConfig
    from transformers.models.bert.modeling_bert import BertLayer

    config = BertConfig(
        hidden_size=width,
        num_attention_heads=heads,
        intermediate_size=2 * width,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
    )
    torch.manual_seed(0)
    ours = Layer(width, heads)
    torch.manual_seed(0)
    theirs = BertLayer(config).train()
    for (name, a), (other, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == other
        assert torch.equal(a, b)
    x = torch.randn(5, 7, width)
    mask = torch.zeros(5, 1, 1, 7)
    mask[2, :, :, 4:] = UNSEEN
    found, known = ours(x, mask), theirs(x, mask)
    assert torch.equal(found, known)
    found.square().mean().backward()
    known.square().mean().backward()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)

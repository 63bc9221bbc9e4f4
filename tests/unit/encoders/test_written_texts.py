"""Texts of made-up cohorts in several scripts, there and back through `transformer-ae`."""

from collections import Counter

import numpy as np
import pytest
import torch
from fpmg_plugins import findings
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.encoders.text import tallies, words
from fpmg_plugins.encoders.transformer_ae import TransformerAe
from fpmg_plugins.topologies.ring import Ring

from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.privacy import Ledger, LocalShard, Noise
from fpmg_bench.spec import Privacy
from fpmg_bench.types import Schema, Text

SCHEMA = Schema("text", (), (240,))
GERMAN = (
    ("Kein Pleuraerguss.", "Mäßiger Pleuraerguss links.", "Großer Pleuraerguss beidseits."),
    ("Herz normal groß.", "Herz deutlich vergrößert."),
    ("Lunge frei belüftet.", "Fleckige Verschattung im rechten Unterlappen.", "Rundherd im linken Oberlappen, Durchmesser 8 mm."),
    ("", "Zustand nach Thorakotomie.", "Übrige Strukturen unauffällig."),
)
CHINESE = (
    ("双侧胸腔未见积液。", "左侧胸腔少量积液。", "右侧胸腔大量积液。"),
    ("心影大小正常。", "心影明显增大。"),
    ("两肺纹理清晰。", "右肺下叶见斑片状实变影。", "左肺上叶见结节影,直径8毫米。"),
    ("", "建议随访复查。", "骨质未见异常。"),
)
ARABIC = (
    ("لا يوجد انصباب جنبي.", "انصباب جنبي أيسر خفيف.", "انصباب جنبي كبير في الجانبين."),
    ("حجم القلب طبيعي.", "تضخم واضح في القلب."),
    ("الرئتان صافيتان.", "عتامة في الفص السفلي الأيمن.", "عقيدة في الفص العلوي الأيسر."),
    ("", "يُنصح بالمتابعة."),
)
SCRIPTS = {"German": (GERMAN, " "), "Chinese": (CHINESE, ""), "Arabic": (ARABIC, " ")}


def cohort(script, n=400):
    """(strings, which part of each sentence every patient has)."""
    parts, between = SCRIPTS[script]
    rng = np.random.default_rng(0)
    sick = rng.random(n)
    which = np.stack(
        [np.clip((sick + 0.35 * rng.standard_normal(n)) * len(part), 0, len(part) - 1).astype(int) for part in parts], axis=1
    )
    return [between.join(part[i] for part, i in zip(parts, row, strict=True) if part[i]) for row in which], which


def trained(encoder, schema, strings, rounds=4, silos=2):
    shards = {
        silo: LocalShard(Text(tuple(half)), np.arange(len(half)), 0.2, "s")
        for silo, half in enumerate(np.array_split(np.array(strings, dtype=object), silos))
    }
    plan = Plan("s", Ring(), FedAvg(), rounds, {silo: SiloPlan(15) for silo in shards}, 0)
    return run(encoder, schema, shards, plan, lambda record, now: None).states[0]


@pytest.mark.parametrize("script", SCRIPTS)
def test_texts_come_back_in_their_script_and_say_what_they_said(script):
    strings, which = cohort(script)
    encoder = TransformerAe(dim=24)
    state = trained(encoder, SCHEMA, strings[:300])
    unseen = strings[300:]
    z = encoder.encode(SCHEMA, state, Text(tuple(unseen)))
    made = encoder.decode(SCHEMA, state, z).strings
    assert {c for text in made for c in text} <= {c for text in strings for c in text}
    said = np.array([_read(text, SCRIPTS[script][0]) for text in made])
    chance = (which[np.random.default_rng(1).permutation(300)[:100]] == which[300:]).mean()
    assert (said == which[300:]).mean() > max(0.7, chance + 0.25)
    assert len(set(made)) > 0.4 * len(set(unseen))


def _read(text, parts):
    """Which part of each sentence the text has, -1 where it has none of them."""
    return [max((i for i, said in enumerate(part) if said in text), key=lambda i: len(part[i]), default=-1) for part in parts]


@pytest.mark.parametrize("script", SCRIPTS)
def test_words_spell_their_text(script):
    for text in cohort(script, 40)[0]:
        assert "".join(words.words(text)).strip() == text
    assert words.words("T 38.5, 65-year-old") == [" T", " 3", "8", ".5", ",", " 6", "5", "-", "year", "-", "old"]
    assert words.words("  a\n b ") == [" a", " b"]
    assert words.words("") == words.words("  ") == []
    assert words.words("心影大") == [" 心", "影", "大"]


def test_every_frequent_word_and_sequence_is_found_with_its_count_and_nothing_else():
    strings, _ = cohort("German", 300)
    shards = [LocalShard(Text(tuple(half)), np.arange(len(half)), 0.5, "s") for half in (strings[:200], strings[200:])]
    sent = [tallies.counted(shard, 3) for shard in shards]
    agreed = tallies.agreed({key: sent[0][key].double() + sent[1][key].double() for key in sent[0]})
    alphabet = ("", *agreed.words)
    for order in (1, *tallies.ORDERS):
        true = Counter()
        for half in (strings[:200], strings[200:]):
            found = Counter(part for text in half for part in _sequences(text, order))
            true.update({part: many for part, many in found.items() if many >= 3})
        if order == 1:
            listed = dict(zip(((word,) for word in agreed.words), agreed.counts[1], strict=True))
        else:
            rows = [tuple(alphabet[number] for number in row) for row in agreed.sequences[order]]
            listed = dict(zip(rows, agreed.counts[order], strict=True))
        assert set(listed) == set(true)
        assert all(abs(listed[part] - many) <= 0.01 * many for part, many in true.items())  # 8 bits of a count travel


def _sequences(text, order):
    parts = words.words(text) if order == 1 else ["", *words.words(text), ""]
    return {tuple(parts[at : at + order]) for at in range(len(parts) - order + 1)}


def test_what_fewer_than_least_patients_have_does_not_travel():
    """Two patients of 60 have a name in their texts; one patient's five records are one patient."""
    strings = ["Lunge frei belüftet."] * 58 + ["Frau Zwickl, Lunge frei."] * 2 + ["Herr Quarx."] * 5
    patient = np.array([*range(60), *[60] * 5])
    sums = tallies.counted(LocalShard(Text(tuple(strings)), patient, 0.5, "s"), 3)
    without = tallies.counted(LocalShard(Text(tuple(strings[:58])), patient[:58], 0.5, "s"), 3)
    for order, key in enumerate(("words/1", "words/2", "words/3", "words/4"), 1):
        keys = [key for text in strings[58:] for key in _hidden(text, order)]
        assert (tallies.estimated(sums[key].float().numpy(), np.array(keys, dtype=np.uint64), order) == 0).all()
        assert int((sums[key] > 0).sum()) == int((without[key] > 0).sum())


def _hidden(text, order):
    """Keys of all in a text that only these texts have."""
    parts = [part for part in _sequences(text, order) if {" Frau", " Zwickl", " Herr", " Quarx"} & set(part)]
    for part in parts:
        keys = np.concatenate([words.EDGE if word == "" else words.spelled(word)[-1:] for word in part])
        yield tallies.joined(keys, order)[0]


def test_no_word_follows_what_it_never_followed():
    strings, _ = cohort("German")
    encoder = TransformerAe(dim=8, start="public")
    state = trained(encoder, SCHEMA, strings, rounds=1)
    z = torch.randn(200, 8, generator=torch.Generator().manual_seed(0)) * 2
    pairs = {pair for text in strings for pair in _sequences(text, 2)}
    for text in encoder.decode(SCHEMA, state, z).strings:
        assert _sequences(text, 2) <= pairs


def test_the_same_vector_writes_the_same_text_alone_and_in_company():
    strings, _ = cohort("Chinese")
    encoder = TransformerAe(dim=8)
    state = trained(encoder, SCHEMA, strings, rounds=1)
    z = torch.randn(600, 8, generator=torch.Generator().manual_seed(1))
    made = encoder.decode(SCHEMA, state, z).strings
    assert made[510:514] == tuple(encoder.decode(SCHEMA, state, z[at : at + 1]).strings[0] for at in range(510, 514))
    assert len(set(made)) > 100


@pytest.mark.parametrize("strings", [("a",) * 3, ("",) * 30, ("x",) * 30, ("a b", "c d", "e f") * 2])
def test_a_handful_of_texts_or_empty_ones_end_in_no_error(strings):
    encoder = TransformerAe(dim=4)
    state = trained(encoder, SCHEMA, strings, rounds=1, silos=1)
    made = encoder.decode(SCHEMA, state, encoder.encode(SCHEMA, state, Text(strings)))
    assert len(made) == len(strings)
    assert all(len(text) <= 240 for text in made.strings)


def test_texts_of_512_words_are_read_and_what_is_longer_is_counted():
    schema = Schema("text", (), (6000,))
    long = " ".join(f"Befund {i % 7} unverändert." for i in range(140))
    strings = [long, f"{long} {long}"] * 20
    assert [len(words.words(text)) for text in strings[:2]] == [560, 1120]
    for tokens, cut in ((1024, 20.0), (512, 40.0)):
        encoder = TransformerAe(dim=4, tokens=tokens)
        losses: list[dict[str, float]] = []
        shard = LocalShard(Text(tuple(strings)), np.arange(40), 0.2, "s")
        plan = Plan("s", Ring(), FedAvg(), 1, {0: SiloPlan(1)}, 0)
        run(encoder, schema, {0: shard}, plan, lambda record, now, losses=losses: losses.append(record["losses"]["0"]))
        assert losses[0]["cut"] == cut


def test_findings_of_unseen_patients_come_back_in_prose():
    """English: findings with their negations, a rare one too, in sentences that the simulator writes."""
    data = Phantom(patients=500, silos=2).load()
    schema, text = data.schemas["text"], data.data["text"]
    encoder = TransformerAe(dim=32)
    state = trained(encoder, schema, text.strings[:400])
    unseen = text.take(np.arange(400, 500))
    made = encoder.decode(schema, state, encoder.encode(schema, state, unseen)).strings
    assert findings.f1(unseen.strings, made) > 0.85
    assert findings.well_formed(made, schema.shape[0]) > 0.95
    pairs = {pair for string in text.strings for pair in _sequences(string, 2)}
    written = [pair for string in made for pair in _sequences(string, 2)]
    assert np.mean([pair in pairs for pair in written]) > 0.97


def test_under_privacy_counts_are_charged_and_little_of_them_is_left():
    strings, _ = cohort("German", 100)
    encoder = TransformerAe(dim=4)
    ledger = Ledger(0, "a", 100, 0.5, Privacy(8.0, 1e-3), Noise(1.0, 1.0, 1.0), {"s": encoder.charges(SCHEMA, 2)})
    stats = encoder.statistics(SCHEMA, LocalShard(Text(tuple(strings)), np.arange(100), 0.5, "s", ledger).begin(0), None)
    assert ledger.spent == {("s", "counts"): 5}
    assert all(int((stats[f"words/{order}"] > 0).sum()) < 10 for order in range(1, 5))
    state = encoder.init(SCHEMA, stats, torch.Generator().manual_seed(0))
    assert len(encoder.decode(SCHEMA, state, torch.randn(5, 4)).strings) == 5
    assert TransformerAe(phrases="public").charges(SCHEMA, 2).counts == 0

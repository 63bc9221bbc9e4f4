"""The sheet of a small run: nothing on it tells which case is which, all of it can be read without scripts."""

import base64
import html
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import fpmg_bench as fb
from fpmg_bench.cohorts.folder import write
from fpmg_bench.errors import DatasetError, StoreError
from fpmg_bench.evaluation import parted
from fpmg_bench.reader_study import make, read_answers, read_key, score
from fpmg_bench.reader_study.making import _drawn
from fpmg_bench.reader_study.sheet import FORMAT
from fpmg_bench.spec import Choice
from fpmg_bench.testing import fakes
from fpmg_bench.types import Pixels

PICTURE = re.compile(r'src="data:image/png;base64,([^"]+)"')


def page(study):
    return study.sheet.read_text(encoding="utf-8")


def sections(study):
    """case -> its part of the page."""
    parts = re.findall(r'<section class="case" id="case-(\d+)".*?</section>', page(study), re.S)
    whole = re.findall(r'(<section class="case".*?</section>)', page(study), re.S)
    return dict(zip(map(int, parts), whole, strict=True))


def chunks(png):
    """(type, length) of every chunk of a PNG."""
    at, found = 8, []
    while at < len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        found.append((png[at + 4 : at + 8], size))
        at += size + 12
    return tuple(found)


def test_every_kind_has_the_same_labels_and_the_order_is_mixed(study):
    by_kind = {}
    for case in study.cases.cases:
        by_kind.setdefault(case.kind, []).append(case.label)
    assert {kind: len(labels) for kind, labels in by_kind.items()} == {"real": 6, "synthetic": 12, "decoded": 6}
    assert all(labels.count("healthy") * 2 == len(labels) for labels in by_kind.values())
    kinds = [case.kind for case in study.cases.cases]
    assert kinds != sorted(kinds) and kinds != sorted(kinds, reverse=True)


def test_real_cases_are_patients_whom_the_trial_held_out_and_nobody_is_shown_twice(study, registry):
    split = parted(registry.build("dataset", Choice("phantom", {"patients": 120, "silos": 2})), 0)
    rows = [case.row for case in study.cases.cases if case.kind in ("real", "decoded")]
    assert {case.source for case in study.cases.cases if case.kind != "synthetic"} == {"held-out"}
    patients = split.held_out.patient[rows]
    assert len(set(patients)) == len(rows) == 12 and not set(patients) & set(split.train.patient)
    for case, section in sections(study).items():
        known = study.cases.cases[case - 1]
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(PICTURE.findall(section)[0]))))
        own = split.held_out.data["image"].take(np.array([known.row])).array()[0, 0] if known.kind != "synthetic" else None
        if known.kind == "real":
            assert np.array_equal(picture, own) and known.label == split.held_out.classes[split.held_out.label[known.row]]
        elif known.kind == "decoded":
            assert picture.shape == own.shape and not np.array_equal(picture, own)


def test_synthetic_cases_are_of_the_stored_release(study, run):
    release = fb.load(run).synthetic("fpmg", 0)
    for case, section in sections(study).items():
        known = study.cases.cases[case - 1]
        if known.kind == "synthetic":
            picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(PICTURE.findall(section)[0]))))
            assert np.array_equal(picture, release.data["image"].take(np.array([known.row])).array()[0, 0])
            assert release.classes[release.label[known.row]] == known.label


def test_all_pictures_have_one_format_one_size_and_one_length(study):
    forms = {}
    for case, section in sections(study).items():
        kind = study.cases.cases[case - 1].kind
        for at, text in enumerate(PICTURE.findall(section)):
            png = base64.b64decode(text)
            with Image.open(io.BytesIO(png)) as picture:
                form = (picture.format, picture.mode, picture.size, tuple(picture.info), chunks(png), len(png))
            forms.setdefault(at, {}).setdefault(form, set()).add(kind)
    assert len(forms) == 2  # a picture and a clip
    for found in forms.values():
        assert list(found.values()) == [{"real", "synthetic", "decoded"}]


def test_without_their_contents_all_cases_read_the_same(study):
    def skeleton(section):
        text = PICTURE.sub("", section)
        text = re.sub(r"<svg.*?</svg>", "<svg>", text, flags=re.S)
        text = re.sub(r"<blockquote>.*?<cite>", "<blockquote><cite>", text, flags=re.S)
        text = re.sub(r'<td class="muted">|<td>', "<td>", text)
        text = re.sub(r"(<td>)[^<]*(</td>)", r"\1\2", text)
        return re.sub(r"[Cc]ase[- ]\d+|Case \d+|data-case=\"\d+\"", "N", text)

    kinds = {}
    for case, section in sections(study).items():
        kinds.setdefault(skeleton(section), set()).add(study.cases.cases[case - 1].kind)
    assert list(kinds.values()) == [{"real", "synthetic", "decoded"}]


def test_the_page_knows_nothing_of_the_key(study, run):
    text = PICTURE.sub("", page(study))
    key = json.loads(study.key.read_text())
    assert key["study"] in text
    for secret in (str(key["draw"]), key["trial"], "held-out", "decoded", "fpmg/", str(run), "row", "silo", "seed"):
        assert secret not in re.sub(r"<style>.*?</style>|<script>.*?</script>", "", text, flags=re.S).replace(
            "browser", ""
        ).replace('scope="row"', "").replace("rows=", ""), secret


def test_how_a_record_is_drawn_does_not_depend_on_what_stands_beside_it_or_where(run, registry):
    real = parted(registry.build("dataset", Choice("phantom", {"patients": 120, "silos": 2})), 0).held_out
    made = fb.load(run).synthetic("fpmg", 0)
    records = [real.take(np.array([0])), made.take(np.array([0])), real.take(np.array([3])), made.take(np.array([5]))]
    shown = tuple(real.schemas)
    one, other = _drawn(records, shown), _drawn(records[::-1], shown)
    assert one == other[::-1]


def test_order_and_choice_come_of_the_draw_alone_and_a_study_has_a_draw_of_its_own(run, registry, tmp_path):
    first, again, other = (
        make(run, "fpmg", tmp_path / name, registry, cases=8, modalities=["table"], draw=draw)
        for name, draw in (("a", 1), ("b", 1), ("c", None))
    )
    assert first.cases.cases == again.cases.cases and first.cases.study != again.cases.study
    assert page(first).replace(first.cases.study, again.cases.study) == page(again)
    assert other.cases.draw > 1 and other.cases.cases != first.cases.cases
    assert "<img" not in page(first) and "Case 8" in page(first)


def test_a_clip_that_stands_still_is_as_wide_as_one_that_moves(registry):
    """A file keeps equal neighbours as one longer frame: the strip would be shorter, and tell."""
    cohort = registry.build("dataset", Choice("phantom", {"patients": 20, "silos": 2, "modalities": ["video"]})).load()
    clips = cohort.data["video"].array().copy()
    clips[0] = clips[0, :1]
    still = replace(cohort, data={"video": Pixels.of(clips)})
    moving, standing = (_drawn([c.take(np.array([0]))], ("video",))[0]["video"].items[0] for c in (cohort, still))
    assert moving[1] == standing[1] and len(moving[0]) == len(standing[0]) and moving != standing


class Text(HTMLParser):
    """What can be seen without scripts and styles."""

    def __init__(self):
        super().__init__()
        self.seen, self.hidden, self.links = [], 0, []

    def handle_starttag(self, tag, attributes):
        self.hidden += tag in ("style", "script")
        self.links += [
            value
            for name, value in attributes
            if name in ("src", "href", "action", "srcset") and not value.startswith(("data:", "#"))
        ]

    def handle_endtag(self, tag):
        self.hidden -= tag in ("style", "script")

    def handle_data(self, data):
        if not self.hidden:
            self.seen.append(data)


def test_the_page_is_whole_without_scripts_and_without_a_network(study):
    text = page(study)
    parser = Text()
    parser.feed(re.sub(r"<script>.*?</script>", "", text, flags=re.S))
    seen = " ".join(parser.seen)
    assert parser.links == [] and "http" not in re.sub(r"data:[^\"]*", "", text).replace("http-equiv", "")
    assert "default-src 'none'; script-src 'sha256-" in html.unescape(text)
    for n in range(1, 25):
        assert re.search(rf"Case {n}\s+of 24", seen)
    assert text.count('name="remark"') == text.count('value="synthetic"') == 24
    assert text.count('name="confidence"') == 24 * 5 and text.count('value="pneumonia"') == 24
    section = sections(study)[1]
    assert section.count("<img") == 2 and section.count("<svg") == 5 and "<blockquote>" in section and "bmi" in section


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on PATH")
def test_keys_answer_and_what_is_saved_can_be_scored(study, tmp_path):
    drive = """<script>
    let kept; URL.createObjectURL = (blob) => { kept = blob; return "blob:x"; }; HTMLAnchorElement.prototype.click = () => {};
    const key = (k) => document.dispatchEvent(new KeyboardEvent("keydown", {key: k, bubbles: true, cancelable: true}));
    for (let i = 0; i < 24; i++) { key(i % 3 ? "s" : "r"); key(String(1 + i % 5)); key("ArrowRight"); }
    document.getElementById("reader").value = "A B"; document.getElementById("save").click();
    kept.text().then((x) => { const pre = document.createElement("pre"); pre.id = "kept"; pre.textContent = btoa(x); document.body.append(pre); });
    </script></body>"""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page(study)).replace("</body>", drive)
    (tmp_path / "drive.html").write_text(text)
    command = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=3000",
        "--dump-dom",
    ]
    seen = subprocess.run(
        [*command, f"file://{tmp_path / 'drive.html'}"], capture_output=True, text=True, timeout=120, check=True
    ).stdout
    kept = re.search(r'<pre id="kept">(.*?)</pre>', seen)[1]
    (tmp_path / "answers.json").write_bytes(base64.b64decode(kept))
    (reader,) = read_answers([tmp_path / "answers.json"], read_key(study.key))
    assert reader.name == "A B" and [reader.answers[n].verdict for n in (1, 2, 3, 4)] == [
        "real",
        "synthetic",
        "synthetic",
        "real",
    ]
    assert [reader.answers[n].confidence for n in (1, 5, 6)] == [1, 5, 1]
    assert "24 answered" in seen and score(read_key(study.key), [reader]).missing[0].label == 24


def write_answers(path, key, of, reader="A", labels=True):
    answers = [{"case": c.case, "verdict": of(c), "confidence": 4, "label": c.label if labels else None} for c in key.cases]
    path.write_text(json.dumps({"format": FORMAT, "version": 1, "study": key.study, "reader": reader, "answers": answers}))
    return path


def test_the_command_line_makes_and_scores(run, tmp_path, program):
    code, printed = program(
        "reader-study", "make", run, "--method", "fpmg", "--modality", "image", "--cases", "20", "--to", tmp_path / "s"
    )
    assert code == 0, printed
    assert (
        "20 cases of phantom/fpmg/0 (10 real, 10 synthetic); shown: image" in printed and "give them sheet.html alone" in printed
    )
    key = read_key(tmp_path / "s" / "key.json")
    good = write_answers(tmp_path / "a.json", key, lambda c: c.kind)
    poor = write_answers(tmp_path / "b.json", key, lambda c: "real" if c.case % 2 else "synthetic", "B")
    code, printed = program("reader-study", "score", tmp_path / "s" / "key.json", good, poor)
    assert code == 0, printed
    assert "A: synthetic cases are told from real ones" in printed and "Cohen" in printed
    code, printed = program("reader-study", "score", tmp_path / "s" / "key.json", good, "--json")
    assert code == 0 and json.loads(printed)["telling"][0]["sensitivity"]["value"] == 1.0


def test_encoders_alone_and_folders_in_the_run_are_refused(run, registry, tmp_path):
    with pytest.raises(StoreError, match="real patients, changed"):
        make(run, "decoded", tmp_path / "s", registry)
    with pytest.raises(StoreError, match="must lie outside the run"):
        make(run, "fpmg", run / "s", registry)
    with pytest.raises(StoreError, match=r"has no such modality\. Did you mean 'image'"):
        make(run, "fpmg", tmp_path / "s", registry, modalities=["imag"])
    with pytest.raises(StoreError, match="there are enough for"):
        make(run, "fpmg", tmp_path / "s", registry, cases=400)
    assert not (tmp_path / "s").exists()


OWN = """version: 1
name: own
seeds: [0]
datasets: [{name: folder, as: own, root: ROOT}]
budget: {rounds: 1, local_steps: 1, sampling_rate: 0.3, encoder_rounds: 1}
methods:
  alone: {encoders: {table: pca}, generator: gaussian-copula, topology: isolated, aggregator: fedavg}
metrics: [co]
"""


def test_patients_who_may_not_be_shown_are_not_unless_it_is_said_and_never_where_the_cohort_changed(registry, run_here, tmp_path):
    cohort = registry.build("dataset", Choice("phantom", {"patients": 100, "silos": 2, "modalities": ["table"]})).load()
    write(cohort, tmp_path / "own", publishable=False)
    run = run_here(OWN.replace("ROOT", str(tmp_path / "own")))
    with pytest.raises(DatasetError, match="own holds real patients and is not publishable") as caught:
        make(run, "alone", tmp_path / "s", registry, cases=8)
    assert "--allow-real" in caught.value.hint and not (tmp_path / "s").exists()
    made = make(run, "alone", tmp_path / "s", registry, cases=20, allow_real=True)
    assert {case.source for case in made.cases.cases} == {"held-out", "site-1", "site-2"}  # silos that share nothing release each
    manifest = tmp_path / "own" / "manifest.parquet"
    pd.read_parquet(manifest).iloc[:-1].to_parquet(manifest, index=False)
    with pytest.raises(DatasetError, match="the cohort has changed since own/alone/0 ran"):
        make(run, "alone", tmp_path / "t", registry, cases=8, allow_real=True)


LABELS = {  # labelled how -> what the reader is asked
    fakes.by_number: ("lactate by cuts", 3),
    fakes.by_event: ("died", 2),
    fakes.unlabelled: ("", 0),
}


@pytest.mark.parametrize("labelled", LABELS, ids=lambda labelled: labelled.__name__)
def test_strata_events_and_no_label_at_all_are_asked_for_as_they_are(labelled, registry, run_here, tmp_path):
    write(labelled(fakes.cohort(90, modalities=("table", "image"), silos=2)), tmp_path / "own", publishable=True)
    methods = "both: {encoders: {table: pca, image: dct}, generator: gaussian-copula, topology: star, aggregator: fedavg}"
    run = run_here(re.sub("alone: .*", methods, OWN.replace("ROOT", str(tmp_path / "own"))))
    made = make(run, "both", tmp_path / "s", registry, cases=12, against="decoded")
    question, answers = LABELS[labelled]
    assert len(made.cases.labels) == answers and page(made).count('name="label"') == 12 * answers
    assert not answers or (f"<legend>{question}</legend>" in page(made) and made.cases.labels != ("0", "1"))
    reader = read_answers([write_answers(tmp_path / "a.json", made.cases, lambda c: "synthetic", labels=answers > 0)], made.cases)
    found = score(made.cases, reader)
    assert len(found.labels) == (3 if answers else 0) and all(seen.right.value == 1 for seen in found.labels)


def test_what_is_made_elsewhere_is_judged_too_and_has_no_decoded_patients(registry, run_here, tmp_path):
    cohort = fakes.cohort(90, modalities=("table",), silos=2)
    write(cohort, tmp_path / "own", publishable=True)
    theirs = f"theirs: {{external: {{release: {tmp_path / 'own'}}}, partition: pooled}}"
    run = run_here(re.sub("alone: .*", theirs, OWN.replace("ROOT", str(tmp_path / "own")).replace("[co]", "[rg]")))
    assert len(make(run, "theirs", tmp_path / "s", registry, cases=12).cases.cases) == 12
    with pytest.raises(StoreError, match="there are no encoders"):
        make(run, "theirs", tmp_path / "t", registry, cases=12, against="decoded")

"""A toy of each kind that CONTRIBUTING.md names, added as it says.

Each toy stands between two of its lines below, is short, and uses public names
alone. Its test takes it the whole way.
"""

import ast
import csv
import json
from pathlib import Path

import pytest
import soundfile
import torch
from pyannote.core import Annotation, Segment
from tiny_student import CONFIG, make_student, save_student, tones

from explainable_seg import ExplainableSegmenter, Segmentation
from explainable_seg.annotation import label_mapping, uri_of
from explainable_seg.audio import read_header
from explainable_seg.commands import main
from explainable_seg.corpora import (
    PARTS,
    Recording,
    check_classes,
    clip_turns,
    find_files,
    listed_spans,
    make_recording,
    read_parts,
    write_corpus,
)
from explainable_seg.decisions import WRITERS, Writer
from explainable_seg.errors import ModelError
from explainable_seg.evaluation import (
    MEASURES,
    OWN,
    Comparison,
    HeardFrames,
    Measure,
    Passage,
)
from explainable_seg.explanation import predictor
from explainable_seg.features import (
    FRONTENDS,
    FrontEndKind,
    LogPowerSpectrogram,
)
from explainable_seg.files import atomic_write_text
from explainable_seg.interpreters import METHODS, ClassScore, attribute
from explainable_seg.models import build_model, save_pretrained
from explainable_seg.pages import render_page

LONGEST = 30  # lines of a toy


# ---- corpus
def read_toy(wav: Path) -> Recording:
    """Lines ``start end label`` beside the sound."""
    path = wav.with_suffix(".txt")
    header = read_header(wav)
    turns = Annotation(uri=uri_of(wav))
    for number, line in enumerate(path.read_text().splitlines()):
        start, end, label = line.split()
        turns[Segment(float(start), float(end)), number] = label
    turns = clip_turns(turns, header.duration, str(path))
    spans = listed_spans(turns, label_mapping(["speech", "music"]), str(path))
    return make_recording(uri_of(wav), wav, header, spans)


def prepare_toy(
    data_folder: Path, output_folder: Path, skip_prep: bool = False
) -> None:
    """A folder for each part."""
    if skip_prep:
        return
    wavs = {part: find_files(data_folder / part, [".wav"]) for part in PARTS}
    parts = read_parts(wavs, read_toy)
    check_classes(parts)
    write_corpus("toy", output_folder, parts, data_root=data_folder)


# ---- front end
class Bands(torch.nn.Module):
    """Mean of the spectrogram over bands of equal width."""

    def __init__(self, n_bands: int = 8):
        super().__init__()
        self.n_features = n_bands
        self.config = {"type": "bands", "n_bands": n_bands}
        self.spectrogram = LogPowerSpectrogram()

    def forward(self, wav: torch.Tensor) -> torch.Tensor:
        """Features [B, T, n_bands] of audio [B, N]."""
        bands = self.spectrogram(wav).tensor_split(self.n_features, dim=2)
        return torch.stack([band.mean(dim=2) for band in bands], dim=2)


# ---- explanation method
def gradient_times_input(
    score: ClassScore, X: torch.Tensor, frames: torch.Tensor, c: int
) -> torch.Tensor:
    """First term of the Taylor series around silence."""
    (gradient,) = torch.autograd.grad(score(X, frames, c).sum(), X)
    return gradient * X


# ---- measure
def log_odds_lost(heard: HeardFrames) -> torch.Tensor:
    """Logit that goes with the explanation."""
    return heard.p.logit() - heard.q_out.logit()


# ---- format
def write_lines(segmentation: Segmentation, path: Path) -> None:
    """Write a sentence a segment."""
    lines = [
        f"{segment.label} from {segment.start:.2f} to {segment.end:.2f} s\n"
        for segment in segmentation.segments
    ]
    atomic_write_text(path, "".join(lines))


# ---- page
HOURS = """{% extends "page.html.j2" %}
{% block title %}Hours of {{ archive }}{% endblock %}
{% block content %}
<h1>{{ archive }}</h1>
{% for row in rows %}<p>{{ row.file }}: {{ row.music }} s of music</p>
{% endfor %}
{% endblock %}
"""


def render_hours(archive: str, summary: Path, templates: Path) -> str:
    """Page of an archive: how much music each recording has."""
    with open(summary, newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return render_page("hours.html.j2", templates, archive=archive, rows=rows)


# ---- how they are used
@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """Folder of the tiny student."""
    return save_student(tmp_path_factory.mktemp("model") / "student")


def write_toy_corpus(data: Path) -> None:
    """A show a part: speech, then music."""
    for part in PARTS:
        (data / part).mkdir(parents=True)
        soundfile.write(data / part / f"{part} show.wav", tones(4.0), 16000)
        text = "0.5 1.5 speech\n2.0 3.5 music\n"
        (data / part / f"{part} show.txt").write_text(text)


def test_each_toy_is_short() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    toys = source.split("\n# ---- ")[1:-1]
    assert len(toys) == 6
    for toy in toys:
        name, _, code = toy.partition("\n")
        assert len(code.strip().splitlines()) < LONGEST, name
        ast.parse(code)


def test_a_corpus_is_checked_and_explained(model, tmp_path) -> None:
    write_toy_corpus(tmp_path / "data")
    prepare_toy(tmp_path / "data", tmp_path / "out")
    manifests = [str(tmp_path / "out" / f"{part}.csv") for part in PARTS]
    assert main(["check", *manifests]) == 0
    why = tmp_path / "why"
    options = ["--output", str(why), "--model", str(model)]
    assert main(["prototypes", manifests[2], *options]) == 0
    document = json.loads((why / "prototypes.json").read_text())
    assert "music" in json.dumps(document)


def test_a_front_end_is_built_saved_and_loaded(tmp_path, monkeypatch) -> None:
    kind = FrontEndKind(Bands, {"n_bands": (1, 64)})
    monkeypatch.setitem(FRONTENDS, "bands", kind)
    model = build_model(
        {
            "type": "student",
            "frontend": {"type": "bands", "n_bands": 12},
            "tcn": {"n_blocks": 1, "n_layers": 2, "n_channels": 8},
            "n_atoms": 6,
        }
    )
    save_pretrained(tmp_path, model, CONFIG, "# Bands\n")
    segmenter = ExplainableSegmenter.from_pretrained(tmp_path)
    assert isinstance(segmenter.model.frontend, Bands)
    assert segmenter.segment(tones(3.0), sample_rate=16000)
    config = json.loads((tmp_path / "config.json").read_text())
    config["model"]["frontend"]["n_bands"] = 65
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="from 1 to 64"):
        ExplainableSegmenter.from_pretrained(tmp_path)


def test_a_method_and_a_measure_are_compared(monkeypatch) -> None:
    monkeypatch.setitem(METHODS, "gradient_times_input", gradient_times_input)
    monkeypatch.setitem(MEASURES, "log odds", Measure(log_odds_lost))
    student, audio = make_student(), tones(2.0)
    predict = predictor(student)
    wav = torch.from_numpy(audio)[None]
    X, p = student.spectrogram(wav), predict(wav)[0]
    values = attribute(student, X, "music", "gradient_times_input")[0]
    passage = Passage("show", "music", audio, X[0], p, p[:, 1] >= 0.5)
    comparison = Comparison(predict, CONFIG["thresholds"])
    comparison.add_ranking("ours", passage, values)
    comparison.add_ranking("theirs", passage, -values)
    comparison.add_mask("ours", passage, (values > 0).float())
    summary = comparison.pooled("ours", OWN).summary()
    assert summary["music"]["log odds"] > 0
    assert summary["macro"]["log odds"] is not None
    verdict = comparison.verdict("ours", "theirs", 0.4, "log odds")
    assert verdict[0] is None and verdict[1] == "better"


def test_a_format_is_written_by_the_command(
    model, tmp_path, monkeypatch
) -> None:
    monkeypatch.setitem(WRITERS, "lines", Writer(".lines", write_lines))
    soundfile.write(tmp_path / "show.wav", tones(3.0), 16000)
    out = tmp_path / "out"
    options = ["--model", str(model), "--format", "rttm,lines"]
    show = str(tmp_path / "show.wav")
    assert main(["segment", show, "--output", str(out), *options]) == 0
    lines = (out / "show.lines").read_text().splitlines()
    assert any(line.startswith("music from ") for line in lines)
    assert len(lines) == len((out / "show.rttm").read_text().splitlines())


def test_a_page_is_one_file(model, tmp_path) -> None:
    (tmp_path / "hours.html.j2").write_text(HOURS)
    soundfile.write(tmp_path / "a&b.wav", tones(3.0), 16000)
    options = ["--output", str(tmp_path / "out"), "--model", str(model)]
    assert main(["segment", str(tmp_path / "a&b.wav"), *options]) == 0
    summary = tmp_path / "out" / "summary.csv"
    page = render_hours("my <archive>", summary, tmp_path)
    assert "default-src 'none'" in page and "a&amp;b.wav: " in page
    assert "<h1>my &lt;archive&gt;</h1>" in page

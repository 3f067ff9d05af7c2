"""The front door: depends on the audio only, and explains what it says."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tiny_student import CONFIG, make_student, save_student, tones

import explainable_seg
import explainable_seg.inference.loading as loading
from explainable_seg.audio import resample
from explainable_seg.classes import CLASSES
from explainable_seg.decisions.segmentation import Segmentation
from explainable_seg.errors import AudioError, ExplainableSegError, ModelError
from explainable_seg.frames import FRAME_RATE, num_frames, num_samples
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.models.runner import choose_precision
from explainable_seg.models.student import Teacher
from explainable_seg.pages.report import save_explanations


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A pretrained folder."""
    return save_student(tmp_path_factory.mktemp("model") / "student")


@pytest.fixture(scope="module")
def segmenter(folder) -> ExplainableSegmenter:
    """The tiny student behind its front door."""
    return explainable_seg.ExplainableSegmenter.from_pretrained(
        folder, device="cpu"
    )


def same(ours: Segmentation, theirs: Segmentation) -> bool:
    """Whether two results agree in all but the uri."""
    return (
        ours.segments == theirs.segments
        and ours.duration == theirs.duration
        and np.array_equal(ours.probabilities, theirs.probabilities)
    )


def test_result_of_a_file(segmenter, tmp_path):
    path = tmp_path / "late night show.v2.wav"
    soundfile.write(path, tones(5.0, 44100), 44100)
    result = segmenter.segment(path)
    assert result.uri == "late_night_show.v2"
    assert result.duration == 5.0
    assert result.probabilities.shape == (num_frames(80000), 4)
    assert result.probabilities.dtype == np.float32
    assert result.spans("speech") == [(0.0, 5.0)]  # its threshold is 0
    assert result.spans("overlap") == []  # and this one is 1
    # The tones sound in the first half of each period of 1 / 0.7 s.
    expected = [(k / 0.7, (k + 0.5) / 0.7) for k in range(4)]
    np.testing.assert_allclose(result.spans("music"), expected, atol=0.04)
    assert all(s.end <= 5.0 for s in result.segments)


def test_the_result_depends_on_the_audio_only(segmenter, folder, tmp_path):
    sound = (2**15 * tones(3.3)).astype(np.int16)
    stereo = np.stack([sound, sound], axis=1)
    soundfile.write(tmp_path / "a.wav", sound, 16000)
    soundfile.write(tmp_path / "b.flac", stereo, 16000)
    soundfile.write(tmp_path / "other.wav", tones(7.0), 16000)
    first = segmenter.segment(tmp_path / "a.wav")
    segmenter.segment(tmp_path / "other.wav")
    torch.manual_seed(5)
    again = ExplainableSegmenter.from_pretrained(folder, device="cpu")
    for result in (
        segmenter.segment(str(tmp_path / "b.flac")),
        segmenter.segment(sound, sample_rate=16000),
        segmenter.segment(torch.from_numpy(stereo.T.copy()), 16000),
        again.segment(tmp_path / "a.wav"),
    ):
        assert same(first, result)


@pytest.mark.parametrize(
    "n_samples", [400, 719, 720, 1600, 31999, 32000, 32001, 80000]
)
def test_every_length_gives_its_frames(segmenter, n_samples):
    result = segmenter.segment(tones(6.0)[:n_samples], 16000)
    assert len(result.probabilities) == num_frames(n_samples)
    assert result.duration == n_samples / 16000
    assert result.spans("speech") == [(0.0, result.duration)]


def test_silence(segmenter):
    result = segmenter.segment(np.zeros(48000, dtype=np.float32), 16000)
    assert np.isfinite(result.probabilities).all()


@pytest.mark.parametrize("n_samples", [0, 1, 399])
def test_less_than_a_frame_is_an_error(segmenter, n_samples):
    with pytest.raises(AudioError, match="in the array"):
        segmenter.segment(np.zeros(n_samples, dtype=np.float32), 16000)


def test_sample_rates(segmenter, tmp_path):
    with pytest.raises(AudioError, match="expected a sample rate"):
        segmenter.segment(tones(1.0))
    with pytest.raises(AudioError, match="leave it out"):
        segmenter.segment(tmp_path / "a.wav", sample_rate=8000)


def test_a_name_that_is_not_utf8(segmenter, tmp_path):
    path = Path(str(tmp_path) + "/b\udce9.wav")
    soundfile.write(tmp_path / "a.wav", tones(1.0), 16000)
    (tmp_path / "a.wav").rename(path)
    assert segmenter.segment(path).uri == "b?"


def test_explanation_of_a_span_adds_up(segmenter):
    explanation = segmenter.explain(
        tones(5.0), "mu", start=1.0, end=2.5, sample_rate=16000
    )
    assert explanation.class_name == "music"
    assert (explanation.start, explanation.end) == (1.0, 2.5)
    total = explanation.bias + explanation.relevance.sum()
    assert abs(total - explanation.logit_mean) < 1e-4
    assert len(explanation.audio) == 24000
    result = segmenter.segment(tones(5.0), 16000)
    inside = (result.frame_times >= 1.0) & (result.frame_times < 2.5)
    p = result.probabilities[inside, CLASSES.index("music")].astype(float)
    logits = np.log(p / (1 - p))
    np.testing.assert_allclose(logits.mean(), explanation.logit_mean, atol=1e-4)


def high_tones(seconds, sample_rate):
    """The tones, and one at 12 kHz, far softer than the model's level."""
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    high = 0.3 * np.sin(2 * np.pi * 12000 * times)
    sound = tones(seconds, sample_rate) + high
    return (0.05 * sound).astype(np.float32)


@pytest.mark.parametrize("kind", ["file", "samples", "excerpt"])
def test_an_explanation_sounds_as_good_as_the_recording(
    segmenter, tmp_path, kind
):
    sound = high_tones(4.0, 44100)
    source, options = sound, {"sample_rate": 44100}
    if kind != "samples":
        source, options = tmp_path / "a.flac", {}
        soundfile.write(source, sound, 44100)
    span = (1.0, 2.5) if kind == "excerpt" else (0.0, 4.0)
    explanation = segmenter.explain(source, "music", *span, **options)
    heard, rate = explanation.sound
    seconds = span[1] - span[0]
    assert rate == 44100 and len(heard) == round(seconds * 44100)
    assert len(explanation.audio) == round(seconds * 16000)
    # The same sound, at the model's level, and what lies above 8 kHz.
    resampled = resample(heard, 44100)
    error = resampled - explanation.audio
    assert np.square(error).mean() < 0.02 * np.square(explanation.audio).mean()
    whole, _ = explanation.passage.as_recorded
    first, last = (round(second * 44100) for second in span)
    assert np.corrcoef(whole, sound[first:last])[0, 1] > 0.999
    (written,) = (
        p for p in explanation.save(tmp_path / "e") if p.suffix == ".wav"
    )
    assert soundfile.info(written).samplerate == 44100


def test_what_can_be_read_once_sounds_as_the_model_heard_it(
    segmenter, tmp_path
):
    soundfile.write(tmp_path / "a.flac", high_tones(4.0, 44100), 44100)
    with open(tmp_path / "a.flac", "rb") as file:
        explanation = segmenter.explain(file, "music", 0.0, 4.0)
    heard, rate = explanation.sound
    assert rate == 16000 and np.array_equal(heard, explanation.audio)


def test_a_recording_that_is_gone_is_one_line(segmenter, tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, high_tones(4.0, 44100), 44100)
    explanation = segmenter.explain(path, "music", 0.0, 4.0)
    path.unlink()
    with pytest.raises(AudioError, match=r"a\.flac") as raised:
        explanation.save(tmp_path / "e")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "e").exists() or not any((tmp_path / "e").iterdir())


def test_explanation_covers_what_the_segmentation_found(segmenter):
    analysis = segmenter.analyse(tones(5.0), 16000)
    explanation = segmenter.explain(analysis, "music")
    spans = analysis.segmentation.spans("music")
    assert explanation.start == spans[0][0]
    assert explanation.end == spans[-1][1]
    times = analysis.segmentation.frame_times
    frames = sum(
        int(((start <= times) & (times < end)).sum()) for start, end in spans
    )
    assert explanation.to_dict()["frames"] == frames
    assert explanation.grounding is not None


def test_activations_are_handed_over_as_they_come(folder, tmp_path):
    segmenter = ExplainableSegmenter.from_pretrained(
        folder, device="cpu", batch_size=2
    )
    soundfile.write(tmp_path / "a.wav", tones(9.0), 16000, subtype="FLOAT")
    parts = []
    found = segmenter.segment_activations(
        tmp_path / "a.wav", parts.append, 1.5, 8.5
    )
    assert len(parts) > 2
    whole = segmenter.analyse(tones(9.0)[24000:136000], 16000)
    inside = slice(60, -60)  # near its ends an array is not the file
    torch.testing.assert_close(
        torch.cat(parts)[inside], whole.decomposition.activations[inside]
    )
    assert (found.start, found.end) == (1.5, 8.5)
    later = [(a + 1.5, b + 1.5) for a, b in whole.segmentation.spans("music")]
    np.testing.assert_allclose(found.spans("music"), later, atol=1e-6)


def test_pauses_and_short_runs_follow_the_settings():
    sound = tones(3.5)
    long = {**CONFIG, "min_on": {"music": 2.0}}
    segmenter = ExplainableSegmenter(make_student(), long)
    assert segmenter.segment(sound, 16000).spans("music") == []
    joined = {**CONFIG, "min_off": {"music": 1.0}}
    segmenter = ExplainableSegmenter(make_student(), joined)
    analysis = segmenter.analyse(sound, 16000)
    ((start, end),) = analysis.segmentation.spans("music")
    explanation = segmenter.explain(analysis, "music")
    assert (explanation.start, explanation.end) == (start, end)
    assert explanation.explained.all()


def test_explanations_that_cannot_be(segmenter):
    sound = tones(1.0)
    for arguments, words in [
        (("overlap",), "expected overlap to be found"),
        (("singing",), "expected a class among"),
        (("music", 0.5, 0.2), "expected an end after the start"),
        (("music", 0.5, 0.5), "expected an end after the start"),
        (("music", 2.0, 3.0), "expected a span"),
        (("music", -1.0, 0.5), "expected a span"),
        (("music", float("nan"), 0.5), "expected an end after the start"),
    ]:
        with pytest.raises(ExplainableSegError, match=words):
            segmenter.explain(sound, *arguments, sample_rate=16000)


def test_a_class_that_was_not_found_can_be_explained_on_a_span(segmenter):
    explanation = segmenter.explain(
        tones(1.0), "overlap", 0.0, 1.0, sample_rate=16000
    )
    assert len(explanation.relevance) == 6


def test_save_and_load(segmenter, tmp_path):
    segmenter.save_pretrained(tmp_path / "copy")
    copy = ExplainableSegmenter.from_pretrained(tmp_path / "copy", "cpu")
    sound = tones(2.0)
    assert same(copy.segment(sound, 16000), segmenter.segment(sound, 16000))
    assert copy.card == "# A tiny student\n"


def test_no_model_and_no_device(folder, monkeypatch):
    monkeypatch.setattr(loading, "DEFAULT_MODEL", Path("none"))
    with pytest.raises(ModelError, match="no model ships with this version"):
        ExplainableSegmenter.from_pretrained()
    monkeypatch.setattr(loading, "DEFAULT_MODEL", folder)
    default = ExplainableSegmenter.from_pretrained()
    assert default.name == "the default model"
    with pytest.raises(ExplainableSegError, match="expected cpu, cuda or auto"):
        ExplainableSegmenter.from_pretrained(folder, device="tpu")
    if not torch.cuda.is_available():
        with pytest.raises(ExplainableSegError, match="expected a CUDA device"):
            ExplainableSegmenter.from_pretrained(folder, device="cuda")


def test_only_students_explain_themselves():
    teacher = Teacher({"type": "spectrogram"}, {"n_blocks": 1, "n_layers": 1})
    with pytest.raises(ModelError, match="expected a student, got a Teacher"):
        ExplainableSegmenter(teacher, CONFIG)
    ExplainableSegmenter(make_student(), CONFIG)


def test_windows_may_be_further_apart_but_must_meet(folder):
    window = ExplainableSegmenter.from_pretrained(folder).config["window"]
    coarse = ExplainableSegmenter.from_pretrained(folder, step=window)
    audio = tones(2.5 * window)
    n_frames = round(window * FRAME_RATE)
    whole = coarse.segment(audio, 16000).probabilities
    end = num_samples(n_frames) / 16000
    first = coarse.segment(audio, 16000, end=end).probabilities
    # Nothing is averaged: the first window says what it says alone.
    np.testing.assert_allclose(whole[:n_frames], first, atol=1e-5)
    for step in (0.0, -1.0, window + 0.1):
        with pytest.raises(ExplainableSegError, match="expected a step above"):
            ExplainableSegmenter.from_pretrained(folder, step=step)


def test_precision(folder):
    with pytest.raises(ExplainableSegError, match="expected fp32, bf16 or"):
        ExplainableSegmenter.from_pretrained(folder, "cpu", precision="fp8")
    exact = ExplainableSegmenter.from_pretrained(folder, "cpu")
    rounded = ExplainableSegmenter.from_pretrained(
        folder, "cpu", precision="fp32"
    )
    # Emulated where the hardware has none.
    rounded.runner = dataclasses.replace(rounded.runner, bf16=True)
    sound = tones(3.0)
    ours, theirs = (s.segment(sound, 16000) for s in (rounded, exact))
    np.testing.assert_allclose(
        ours.probabilities, theirs.probabilities, atol=0.05
    )
    assert not np.array_equal(ours.probabilities, theirs.probabilities)


def test_what_is_asked_of_an_explanation_is_what_it_shows(tmp_path):
    """Shown are the threshold and the spans that decided."""
    segmenter = ExplainableSegmenter(make_student(), CONFIG)
    sound = tones(4.0)
    own = segmenter.analyse(sound, 16000)
    asked = segmenter.analyse(
        sound, 16000, thresholds={"music": 0.05}, min_on={"music": 0.3}
    )
    assert asked.segmentation.rules.thresholds["music"] == 0.05
    for analysis, threshold in ((own, 0.5), (asked, 0.05)):
        explanation = segmenter.explain(analysis, "music")
        assert explanation.threshold == threshold
        assert explanation.found_spans == analysis.segmentation.spans("music")
        save_explanations(
            tmp_path, [explanation], segmenter.report_data(analysis)
        )
        document = json.loads((tmp_path / "explanation.json").read_text())
        assert document["classifier"]["thresholds"]["music"] == threshold
        assert document["rules"] == analysis.segmentation.rules.to_dict()
        margins = [
            segment["margin"]
            for segment in document["segments"]
            if segment["class"] == "music"
        ]
        assert margins and min(margins) >= 0


@pytest.mark.parametrize("device", [torch.device("cpu"), "cpu"])
def test_a_device_by_name_or_as_pytorch_has_it(tmp_path, device):
    folder = save_student(tmp_path / "student")
    segmenter = ExplainableSegmenter.from_pretrained(folder, device)
    assert segmenter.device.type == "cpu"


@pytest.mark.parametrize("device", [0, 99, torch.device("meta"), "tpu", True])
def test_a_device_that_is_not_there_is_one_line(tmp_path, device):
    if device == 0 and torch.cuda.is_available():
        pytest.skip("there is a card")
    folder = save_student(tmp_path / "student")
    with pytest.raises(ExplainableSegError, match="for the device"):
        ExplainableSegmenter.from_pretrained(folder, device)


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "4"])
def test_a_batch_of_none_is_one_line(batch_size):
    with pytest.raises(ExplainableSegError, match="1 window or more"):
        ExplainableSegmenter(make_student(), CONFIG, batch_size=batch_size)


def test_a_class_that_is_none_is_one_line():
    segmenter = ExplainableSegmenter(make_student(), CONFIG)
    with pytest.raises(ExplainableSegError, match="got 'jingle'"):
        segmenter.explain(tones(1.0), "jingle", sample_rate=16000)


def test_a_platform_without_onednn_has_no_bf16(monkeypatch):
    """As on macOS with an ARM processor: the question itself is unknown."""

    class Unknown:
        """Operators of a build without oneDNN."""

    monkeypatch.setattr(torch.ops, "mkldnn", Unknown())
    cpu = torch.device("cpu")
    assert not choose_precision("auto", cpu, "wavlm")
    assert not choose_precision("auto", cpu)
    with pytest.raises(ExplainableSegError, match="a device with bf16"):
        choose_precision("bf16", cpu)

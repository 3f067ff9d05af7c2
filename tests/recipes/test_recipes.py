"""The recipes on little data: what they leave, and what they refuse."""

import json
import re

import pytest
import torch
from recipe_runs import (
    LITTLE,
    LITTLE_DICTIONARY,
    of_stage,
    run_recipe,
    run_script,
)
from safetensors.torch import load_file
from tiny_student import save_student
from toy_clips import write_toy_clips

from explainable_seg.composer.clips import write_clips


def test_every_stage_leaves_what_the_next_one_needs(trained):
    for stage in ("teacher", "student"):
        scores = json.loads((trained / stage / "test/scores.json").read_text())
        assert set(scores["classes"]) == {
            "speech",
            "music",
            "noise",
            "overlap",
        }
        log = (trained / stage / "train_log.txt").read_text()
        assert log.count("epoch:") == 2 and "macro_f1" in log
        assert any((trained / stage / "tensorboard").rglob("events*"))
    grounding = json.loads((trained / "student/grounding.json").read_text())
    assert grounding["test"]["error_ratio"] > 0
    rebuilt = json.loads(
        (trained / "dictionary/reconstruction.json").read_text()
    )
    assert 0 < rebuilt["test"]["error"] < 1
    assert set(rebuilt["test"]["classes"]) == set(scores["classes"])
    for picture in ("dictionary", "reconstruction"):
        assert (trained / f"dictionary/{picture}.png").stat().st_size > 1000


def test_the_export_segments_and_explains(trained, corpus):
    from explainable_seg import ExplainableSegmenter

    segmenter = ExplainableSegmenter.from_pretrained(trained / "student/export")
    wav = corpus / "audio/AragonRadio/test_show.flac"
    result = segmenter.segment(wav)
    assert result.probabilities.shape == (499, 4)
    explanation = segmenter.explain(wav, "music", start=2.5, end=4.5)
    total = explanation.bias + explanation.relevance.sum()
    assert total == pytest.approx(explanation.logit_mean, abs=1e-4)


def test_a_student_by_design_that_learns_its_dictionary(
    trained, corpus, tmp_path
):
    start = trained / "dictionary/dictionary.safetensors"
    run_recipe(
        "student",
        corpus,
        tmp_path,
        *LITTLE,
        "--teacher=null",
        "--learn_dictionary=True",
        f"--dictionary={start}",
    )
    learned = load_file(tmp_path / "student/export/model.safetensors")
    W = learned["dictionary"]
    torch.testing.assert_close(W.norm(dim=0), torch.ones(W.shape[1]))
    assert bool((W >= 0).all())
    assert not torch.equal(W, load_file(start)["dictionary"])


def test_a_finished_run_takes_no_other_settings(trained, corpus):
    before = contents(trained / "teacher", "hyperparams.yaml")
    message = run_recipe(
        "teacher", corpus, trained, *LITTLE, "--lr=1", expect=2
    )
    assert "another lr (0.003 there, 1 now)" in message.splitlines()[-1]
    assert "Traceback" not in message
    assert contents(trained / "teacher", "hyperparams.yaml") == before


def test_a_trial_leaves_a_finished_run_as_it_was(trained, corpus):
    kept = ["export/*", "test/*", "train_log.txt", "hyperparams.yaml"]
    before = contents(trained / "teacher", *kept)
    run_recipe("teacher", corpus, trained, *LITTLE, "--debug", "--seed=3")
    assert contents(trained / "teacher", *kept) == before and len(before) > 4
    assert (trained / "teacher-debug/export/config.json").is_file()


def test_a_schedule_that_does_not_fit_is_one_line(corpus, tmp_path):
    options = [o for o in LITTLE if "cooldown" not in o]
    message = run_recipe(
        "teacher", corpus, tmp_path, *options, "--cooldown_steps=6", expect=2
    )
    assert "Traceback" not in message
    assert "6 updates" in message.splitlines()[-1]


def test_the_rate_follows_accumulation_and_ends_at_nothing(corpus, tmp_path):
    options = [o for o in LITTLE if "_steps" not in o]
    options += ["--grad_accumulation_factor=3"]
    options += ["--warmup_steps=0", "--cooldown_steps=1"]
    run_recipe("teacher", corpus, tmp_path, *options)
    log = (tmp_path / "teacher/train_log.txt").read_text()
    assert [float(r) for r in re.findall("lr: (.*?) ", log)] == [0.003, 0.0]


def test_a_dictionary_of_atoms_for_each_class(corpus, tmp_path):
    options = [*LITTLE_DICTIONARY, "--atoms_per_class=[3, 0, 5, 0]"]
    run_recipe("dictionary", corpus, tmp_path, *options)
    path = tmp_path / "dictionary/dictionary.safetensors"
    W = load_file(path)["dictionary"]
    hz = W.argmax(dim=0) * 8000 / (len(W) - 1)
    # Speech is a tone of 200 Hz in this corpus, noise one of 1800 Hz.
    assert bool((hz[:3] - 200 < 40).any()) and bool(
        ((hz[3:] - 1800).abs() < 40).any()
    )
    assert not bool(((hz[:3] - 1800).abs() < 40).any())


def test_a_student_learns_from_stems_what_is_whose(trained, corpus, tmp_path):
    clips = tmp_path / "clips.csv"
    write_clips(clips, write_toy_clips(tmp_path / "clips"))
    options = [*LITTLE_DICTIONARY, "--atoms_per_class=[3, 2, 2, 1]"]
    run_recipe("dictionary", corpus, tmp_path, *options)
    others = ("--composed_share", "--clips", "--chunks_folder")
    words = of_stage("student", corpus, tmp_path, *LITTLE)
    options = [
        "--composed_share=0.8",
        "--stems=True",
        "--stem_mixing=1.0",
        "--style=[on_air]",
        "--force=True",
        f"--clips={clips}",
        f"--chunks_folder={tmp_path / 'student_chunks'}",
        f"--teacher={trained / 'teacher/export'}",
        f"--dictionary={tmp_path / 'dictionary/dictionary.safetensors'}",
    ]
    words = [word for word in words if not word.startswith(others)]
    run_script([*words, *options], tmp_path)
    log = (tmp_path / "student/train_log.txt").read_text()
    errors = [float(x) for x in re.findall("train mask_error: (.*?) ", log)]
    assert len(errors) == 2 and all(0 < error < 5 for error in errors)
    export = tmp_path / "student/export"
    config = json.loads((export / "config.json").read_text())
    assert config["model"]["atoms_per_class"] == [3, 2, 2, 1]
    weights = load_file(export / "model.safetensors")
    assert weights["sight.weight"].any()


def test_a_missing_teacher_is_one_line(corpus, trained, tmp_path):
    message = run_recipe(
        "student",
        corpus,
        tmp_path,
        *LITTLE,
        "--teacher=nowhere",
        f"--dictionary={trained / 'dictionary/dictionary.safetensors'}",
        expect=2,
    )
    assert "Traceback" not in message
    assert "nowhere" in message.splitlines()[-1]


@pytest.mark.parametrize("options", [["--depth=3"], ["--lr=1", "--lr=2"]])
def test_a_wrong_option_is_one_line(corpus, tmp_path, options):
    message = run_recipe("teacher", corpus, tmp_path, *options, expect=2)
    assert "Traceback" not in message
    assert options[0][2:].split("=")[0] in message.splitlines()[-1]


def test_a_student_goes_on_from_another(corpus, tmp_path):
    """Its architecture and dictionary are kept, a class may be left out."""
    from explainable_seg.models.pretrained import load_pretrained

    start = save_student(tmp_path / "start")
    options = [
        *("--teacher=null", "--dictionary=none", f"--start={start}"),
        *("--classes=[speech, noise]", "--lr=1e-12", "--weight_decay=0.0"),
    ]
    run_recipe("student", corpus, tmp_path, *LITTLE, *options, "--level=null")
    model, _ = load_pretrained(tmp_path / "student/export")
    before, _ = load_pretrained(start)
    assert model.classes == ("speech", "noise")
    assert model.config["tcn"] == before.config["tcn"]
    wav = torch.randn(1, 16000, generator=torch.Generator().manual_seed(0))
    ours, theirs = model(wav), before(wav)
    torch.testing.assert_close(ours.activations, theirs.activations)
    torch.testing.assert_close(ours.logits, theirs.logits[..., [0, 2]])


def contents(folder, *patterns):
    """Bytes of the files that fit, by name."""
    paths = [path for pattern in patterns for path in folder.glob(pattern)]
    return {p.name: p.read_bytes() for p in paths if p.is_file()}

"""The recipes as users run them: in processes of their own, on little data."""

import json
import re

import pytest
import torch
from recipe_runs import (
    LITTLE as FEW_STEPS,
    LITTLE_DICTIONARY,
    kill_recipe,
    logs_an_epoch,
    make_corpus,
    run_recipe,
)
from safetensors.torch import load_file
from tiny_student import save_student

# After six steps, half of the atoms may be dead.
LITTLE = [*FEW_STEPS, "--force=True"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A corpus in the layout of AragonRadio: a tone, a hum and a hiss."""
    root = tmp_path_factory.mktemp("corpus")
    make_corpus(root)
    return root


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    """A folder in which all three stages were run."""
    work = tmp_path_factory.mktemp("work")
    run_recipe("teacher", corpus, work, *LITTLE)
    run_recipe("dictionary", corpus, work, *LITTLE_DICTIONARY)
    run_recipe(
        "student",
        corpus,
        work,
        *LITTLE,
        f"--teacher={work / 'teacher/export'}",
        f"--dictionary={work / 'dictionary/dictionary.safetensors'}",
    )
    return work


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


def test_a_training_killed_after_an_epoch_ends_as_if_it_had_not_been(
    trained, corpus, tmp_path
):
    kill_recipe(
        "teacher",
        corpus,
        tmp_path,
        *LITTLE,
        when=lambda: logs_an_epoch(tmp_path, "teacher"),
    )
    run_recipe("teacher", corpus, tmp_path, *LITTLE)
    log = (tmp_path / "teacher/train_log.txt").read_text()
    whole = (trained / "teacher/train_log.txt").read_text()
    assert log.splitlines()[-1] == whole.splitlines()[-1]
    assert_same_weights(tmp_path / "teacher", trained / "teacher")


def test_a_training_killed_in_mid_epoch_ends_as_if_it_had_not_been(
    trained, corpus, tmp_path
):
    kill_recipe(
        "teacher",
        corpus,
        tmp_path,
        *LITTLE,
        *("--ckpt_interval_minutes=0", "--ckpt_interval_steps=1"),
        when=lambda: list(tmp_path.glob("teacher/save/CKPT*")),
    )
    assert not (tmp_path / "teacher/train_log.txt").exists()  # mid-epoch
    run_recipe("teacher", corpus, tmp_path, *LITTLE)
    assert_same_weights(tmp_path / "teacher", trained / "teacher")


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


def contents(folder, *patterns):
    """Bytes of the files that fit, by name."""
    paths = [path for pattern in patterns for path in folder.glob(pattern)]
    return {p.name: p.read_bytes() for p in paths if p.is_file()}


@pytest.mark.parametrize("stage", ["teacher", "student"])
def test_two_processes_learn_what_one_does(stage, trained, corpus, tmp_path):
    inputs = [
        f"--teacher={trained / 'teacher/export'}",
        f"--dictionary={trained / 'dictionary/dictionary.safetensors'}",
    ]
    options = LITTLE + (inputs if stage == "student" else [])
    run_recipe(stage, corpus, tmp_path, *options, processes=2)
    found, expected = (
        logged(folder / stage / "train_log.txt")
        for folder in (tmp_path, trained)
    )
    assert len(expected) > 10
    # Three digits are printed: the last one may be another for a rounding.
    assert found == pytest.approx(expected, rel=5e-3)


def test_two_processes_learn_the_dictionary_of_one(trained, corpus, tmp_path):
    run_recipe("dictionary", corpus, tmp_path, *LITTLE_DICTIONARY, processes=2)
    found, expected = (
        load_file(folder / "dictionary/dictionary.safetensors")["dictionary"]
        for folder in (tmp_path, trained)
    )
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("killed", [False, True])
def test_an_interrupted_dictionary_ends_as_if_it_had_not_been(
    trained, corpus, tmp_path, killed
):
    fewer = [o for o in LITTLE_DICTIONARY if "number_of_epochs" not in o]
    if killed:
        kill_recipe(
            "dictionary",
            corpus,
            tmp_path,
            *LITTLE_DICTIONARY,
            when=lambda: logs_an_epoch(tmp_path, "dictionary"),
        )
    else:
        run_recipe(
            "dictionary", corpus, tmp_path, *fewer, "--number_of_epochs=1"
        )
    run_recipe("dictionary", corpus, tmp_path, *LITTLE_DICTIONARY)
    found, expected = (
        load_file(folder / "dictionary/dictionary.safetensors")["dictionary"]
        for folder in (tmp_path, trained)
    )
    assert torch.equal(found, expected)


def test_a_dictionary_of_atoms_for_each_class(corpus, tmp_path):
    options = [*LITTLE_DICTIONARY, "--atoms_per_class=[6, 0, 10, 0]"]
    run_recipe("dictionary", corpus, tmp_path, *options)
    path = tmp_path / "dictionary/dictionary.safetensors"
    W = load_file(path)["dictionary"]
    hz = W.argmax(dim=0) * 8000 / (len(W) - 1)
    # Speech is a tone of 200 Hz in this corpus, noise one of 1800 Hz.
    assert bool((hz[:6] - 200 < 40).any()) and bool(
        ((hz[6:] - 1800).abs() < 40).any()
    )
    assert not bool(((hz[:6] - 1800).abs() < 40).any())


def test_processes_that_cannot_share_a_batch_are_told_so(corpus, tmp_path):
    message = run_recipe(
        "teacher",
        corpus,
        tmp_path,
        *[o for o in LITTLE if "batch_size" not in o],
        "--batch_size=3",
        expect=1,
        processes=2,
    )
    assert "multiple of 2" in message


def logged(path):
    """All numbers of a training log, in order."""
    text = path.read_text()
    return [float(x) for x in re.findall(r": ([-+.0-9e]+)", text)]


def assert_same_weights(first, second):
    """That two trainings exported the same model, to the bit."""
    ours, theirs = (
        load_file(folder / "export/model.safetensors")
        for folder in (first, second)
    )
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name


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

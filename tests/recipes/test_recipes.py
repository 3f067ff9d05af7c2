"""The recipes as users run them: in processes of their own, on little data."""

import json
import re

import pytest
import torch
from recipe_runs import LITTLE, make_corpus, run_recipe
from safetensors.torch import load_file


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
    run_recipe(
        "dictionary",
        corpus,
        work,
        "--n_chunks=8",
        "--n_distinct=8",
        "--n_atoms=16",
        "--composed_share=0.0",
        "--device=cpu",
    )
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
    assert 0 < rebuilt["test"]["relative_error"] < 1


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


def test_an_interrupted_training_ends_as_if_it_had_not_been(
    trained, corpus, tmp_path
):
    for epochs in (1, 2):
        run_recipe(
            "teacher",
            corpus,
            tmp_path,
            *[o for o in LITTLE if "number_of_epochs" not in o],
            f"--number_of_epochs={epochs}",
        )
    log = (tmp_path / "teacher/train_log.txt").read_text()
    assert len(re.findall("^epoch: ", log, flags=re.M)) == 2
    whole = (trained / "teacher/train_log.txt").read_text()
    assert log.splitlines()[-1] == whole.splitlines()[-1]
    resumed, straight = (
        load_file(folder / "teacher/export/model.safetensors")
        for folder in (tmp_path, trained)
    )
    for name, tensor in straight.items():
        assert torch.equal(resumed[name], tensor), name


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

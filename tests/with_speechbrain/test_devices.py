"""Every stage on a device that does not mix with the CPU, as no GPU does."""

import runpy
import sys

import pytest
import torch
from noise_chunks import TINY_WAVLM
from recipe_runs import LITTLE, LITTLE_DICTIONARY, make_corpus, of_stage
from safetensors.torch import load_file
from stand_in import DEVICE, StandIn, stand_in_device
from transformers import WavLMConfig, WavLMModel

WAVLM = "--frontend={type: wavlm, source: %s}"


def run(script, stage, corpus, work, *overrides):
    """Run a recipe in this process, on the device."""
    words = of_stage(stage, corpus, work, *overrides, script=script)
    words = [word for word in words if word != "--device=cpu"]
    words.append(f"--device={DEVICE}")
    if not any("loader_options" in word for word in words):
        words.append("--loader_options={num_workers: 0}")
    with stand_in_device(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", words)
        patch.setattr(sys, "path", list(sys.path))
        runpy.run_path(words[0], run_name="__main__")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A tone, a hum and a hiss."""
    root = tmp_path_factory.mktemp("corpus")
    make_corpus(root)
    return root


@pytest.fixture(scope="module")
def wavlm(tmp_path_factory):
    """A tiny WavLM as it lies on a disk."""
    folder = tmp_path_factory.mktemp("wavlm")
    torch.manual_seed(0)
    WavLMModel(WavLMConfig(**TINY_WAVLM)).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(
        '{"feature_extractor_type": "Wav2Vec2FeatureExtractor", '
        '"do_normalize": true, "feature_size": 1, "sampling_rate": 16000, '
        '"padding_value": 0.0, "return_attention_mask": true}'
    )
    return folder


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    """A teacher and a dictionary of the device."""
    work = tmp_path_factory.mktemp("work")
    run("train_teacher", "teacher", corpus, work, *LITTLE)
    run("train_dictionary", "dictionary", corpus, work, *LITTLE_DICTIONARY)
    return work


def inputs(teacher, dictionary):
    """Where a student finds what it needs."""
    folder = "null" if teacher is None else teacher / "teacher/export"
    file = dictionary / "dictionary/dictionary.safetensors"
    return [f"--teacher={folder}", f"--dictionary={file}", "--force"]


def exported(work):
    """The weights of a student that was exported."""
    return load_file(work / "student/export/model.safetensors")


def test_the_stand_in_does_not_mix():
    with stand_in_device():
        there = torch.ones(2, device=DEVICE)
        assert isinstance(there, StandIn) and there.sum().item() == 2.0
        with pytest.raises(RuntimeError, match="same device"):
            there + torch.ones(2)
        with pytest.raises(TypeError, match="cpu"):
            there.numpy()
        assert (there.cpu() + torch.ones(2)).tolist() == [2.0, 2.0]


def test_teacher_and_dictionary(trained):
    assert (trained / "teacher/test/scores.json").is_file()
    assert (trained / "dictionary/reconstruction.png").is_file()


def test_student(trained, corpus, tmp_path):
    run(
        "train_student",
        "student",
        corpus,
        tmp_path,
        *LITTLE,
        *inputs(trained, trained),
    )
    assert (tmp_path / "student/test/scores.json").is_file()
    exported(tmp_path)


def test_student_by_design_that_learns_its_dictionary(
    trained, corpus, tmp_path
):
    run(
        "train_student",
        "student",
        corpus,
        tmp_path,
        *LITTLE,
        *inputs(None, trained),
        "--learn_dictionary=True",
    )
    start = load_file(trained / "dictionary/dictionary.safetensors")
    assert not torch.equal(
        exported(tmp_path)["dictionary"], start["dictionary"]
    )


def test_it_goes_on_from_a_checkpoint(trained, corpus, tmp_path):
    for limit in ("--debug_epochs=1", "--debug_epochs=2"):
        run(
            "train_dictionary",
            "dictionary",
            corpus,
            tmp_path,
            *LITTLE_DICTIONARY,
            *("--debug", "--debug_persistently", limit),
        )
    log = (tmp_path / "dictionary-debug/train_log.txt").read_text()
    assert log.count("epoch: 2") == 1


def test_wavlm_and_its_cache(trained, wavlm, corpus, tmp_path):
    frontend = WAVLM % wavlm
    run("train_teacher", "teacher", corpus, tmp_path, *LITTLE, frontend)
    options = [
        *LITTLE,
        frontend,
        *inputs(tmp_path, trained),
        f"--feature_cache={tmp_path / 'features'}",
    ]
    run(
        "cache_features",
        "student",
        corpus,
        tmp_path,
        *options,
        "--precision=fp32",
    )
    run("train_student", "student", corpus, tmp_path, *options)
    ours, theirs = (
        load_file(tmp_path / stage / "export/model.safetensors")
        for stage in ("student", "teacher")
    )
    name = "frontend.state_weights"
    assert torch.equal(ours[name], theirs[name])

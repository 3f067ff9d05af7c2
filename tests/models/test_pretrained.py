"""A pretrained folder comes back the same, or fails in one line."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from tiny_student import CONFIG, make_student, save_student, tones

from explainable_seg.errors import ExplainableSegError, ModelError
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.models.pretrained import (
    load_pretrained,
    read_card,
    save_pretrained,
)
from explainable_seg.models.student import build_model


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    """A pretrained folder that no test changes."""
    return save_student(tmp_path_factory.mktemp("model") / "student")


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A copy of it to break."""
    return Path(shutil.copytree(saved, tmp_path / "student"))


def change_config(folder: Path, **entries) -> None:
    """Write other values into config.json; None removes an entry."""
    path = folder / "config.json"
    config = {**json.loads(path.read_text()), **entries}
    kept = {key: value for key, value in config.items() if value is not None}
    path.write_text(json.dumps(kept))


def change_weights(folder: Path, **tensors: torch.Tensor | None) -> None:
    """Write other tensors; names with _ for a dot. The checksum goes."""
    path = folder / "model.safetensors"
    weights = load_file(path)
    for name, tensor in tensors.items():
        weights.pop(name.replace("_", "."), None)
        if tensor is not None:
            weights[name.replace("_", ".")] = tensor
    save_file(weights, path)
    change_config(folder, weights_sha256=None)


def error_of(folder: Path) -> str:
    """The one line that loading a folder fails with."""
    with pytest.raises(ModelError) as caught:
        load_pretrained(folder)
    message = str(caught.value)
    assert "\n" not in message and message.startswith("expected ")
    assert f"in {folder}" in message and ";" in message
    return message


def test_the_student_comes_back_bit_by_bit(saved):
    model, config = load_pretrained(saved)
    audio = torch.randn(2, 16000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for ours, theirs in zip(model(audio), make_student()(audio)):
            assert torch.equal(ours, theirs)
    assert {key: config[key] for key in CONFIG} == CONFIG
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    assert sorted(p.name for p in saved.iterdir()) == [
        "README.md",
        "config.json",
        "custom.py",
        "hyperparams.yaml",
        "model.safetensors",
    ]
    assert read_card(saved) == "# A tiny student\n"


def test_saving_what_was_loaded_gives_the_same_bytes(saved, tmp_path):
    model, config = load_pretrained(saved)
    save_pretrained(tmp_path / "b", model, config, read_card(saved))
    for path in saved.iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "empty", "half", "garbage"])
def test_a_missing_or_corrupt_file(folder, name, damage):
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if damage != "missing":
        damaged = {
            "half": content[: len(content) // 2],
            "garbage": b"\x80" * 99,
        }
        path.write_bytes(damaged.get(damage, b""))
    assert name in error_of(folder)


@pytest.mark.parametrize("position", [40, -3])
def test_one_changed_byte_of_the_weights(folder, position):
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[position] ^= 0x40
    path.write_bytes(content)
    assert "other bytes" in error_of(folder)


def test_without_a_checksum_the_weights_are_still_checked(folder):
    change_weights(folder)
    load_pretrained(folder)
    change_weights(folder, classifier_bias=torch.zeros(3))
    assert "'classifier.bias' of shape [4], got [3]" in error_of(folder)
    change_weights(folder, classifier_bias=torch.full((4,), torch.nan))
    assert "NaN or infinity in the tensor 'classifier.bias'" in error_of(folder)
    change_weights(folder, classifier_bias=None)
    assert "got none" in error_of(folder)
    change_weights(folder, classifier_bias=torch.zeros(4), extra=torch.ones(1))
    assert "'extra' of shape none" in error_of(folder)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    assert "model.safetensors" in error_of(folder)


@pytest.mark.parametrize(
    "entries, words",
    [
        ({"format_version": 2}, "pip install --upgrade"),
        ({"format_version": None}, "format_version"),
        ({"format_version": "1"}, "format_version"),
        ({"model": None}, "'model'"),
        ({"model": {"type": "oracle"}}, "oracle"),
        ({"model": {"type": "student"}}, "the key 'frontend'"),
        (
            {"model": {"type": "student", "frontend": 1, "tcn": {}}},
            "'model.frontend'",
        ),
        (
            {
                "model": {
                    "type": "student",
                    "frontend": {"type": "spectrogram", "source": "org/name"},
                    "tcn": {},
                }
            },
            "without 'source'",
        ),
        ({"classes": ["music", "speech", "noise", "overlap"]}, "'classes'"),
        ({"window": 0}, "'window'"),
        ({"window": "4"}, "'window'"),
        ({"window": True}, "'window'"),
        ({"window": float("inf")}, "'window'"),
        ({"step": 99}, "'step'"),
        ({"step": None}, "'step'"),
        ({"context": -1}, "'context'"),
        ({"context": 1000}, "beside 'context'"),
        ({"level": 3.0}, "'level'"),
        ({"level": "loud"}, "'level'"),
        ({"thresholds": {"speech": 0.5}}, "'thresholds'"),
        (
            {"thresholds": dict.fromkeys(CONFIG["thresholds"], 2)},
            "'thresholds.speech'",
        ),
        ({"thresholds": [0.5] * 4}, "'thresholds'"),
        ({"min_on": {"music": -1}}, "'min_on.music'"),
        ({"min_off": {"singing": 1}}, "'min_off'"),
        ({"max_on": {"music": "1"}}, "'max_on.music'"),
        ({"hysteresis": {"music": 1.1}}, "'hysteresis.music'"),
        ({"operating_points": 3}, "'operating_points'"),
        ({"operating_points": {"recall": {"speech": 0.5}}}, "points.recall'"),
    ],
)
def test_settings_that_cannot_be(folder, entries, words):
    change_config(folder, **entries)
    message = error_of(folder)
    assert words in message and "config.json" in message


def test_a_model_that_runs_in_one_pass_has_no_windows(tmp_path):
    student = make_student()
    tcn = {**student.config["tcn"], "norm": "local", "box": 100}
    config = {**CONFIG, "window": None, "step": None}
    model = build_model({**student.config, "tcn": tcn})
    save_pretrained(tmp_path / "model", model, config, "")
    segmenter = ExplainableSegmenter.from_pretrained(tmp_path / "model")
    assert segmenter.runner.window is None
    assert segmenter.segment(tones(3.0), 16000).duration == 3.0
    with pytest.raises(ExplainableSegError, match="in one pass, got 1"):
        ExplainableSegmenter.from_pretrained(tmp_path / "model", step=1.0)
    with pytest.raises(ModelError, match="a window and a step, or neither"):
        save_pretrained(tmp_path / "b", model, {**config, "step": 1.0}, "")
    with pytest.raises(ModelError, match="with WavLM or the norm global"):
        save_pretrained(tmp_path / "b", student, config, "")


def test_a_list_is_no_config(folder):
    (folder / "config.json").write_text("[1, 2]")
    assert "an object" in error_of(folder)


def test_settings_that_could_not_be_loaded_are_not_written(tmp_path):
    config = {**CONFIG, "step": 3.0}
    with pytest.raises(ModelError, match="'step'"):
        save_pretrained(tmp_path / "a", make_student(), config, "")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("score", [float("nan"), torch.tensor(0.5)])
def test_settings_that_are_no_json_leave_the_old_model(folder, score):
    with pytest.raises(ModelError, match="'f1', got"):
        save_pretrained(folder, make_student(), {**CONFIG, "f1": score}, "new")
    load_pretrained(folder)
    assert read_card(folder) == "# A tiny student\n"
    assert len(list(folder.iterdir())) == 5


def test_a_folder_that_is_none(tmp_path):
    assert "neither" in error_of(tmp_path / "missing" / "student")
    (tmp_path / "file").write_text("")
    assert "neither" in error_of(tmp_path / "file")


def test_a_hub_id_offline(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match="no-such-org/student; check"):
        load_pretrained("no-such-org/student")


def test_a_folder_without_card(folder):
    (folder / "README.md").unlink()
    with pytest.raises(ModelError, match="model card"):
        read_card(folder)


def test_nothing_is_fetched_for_a_folder(folder, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.chdir(folder.parent)
    load_pretrained("student")

"""Exports with WavLM in them, and exports that name it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file
from tiny_student import CONFIG, make_student, make_wavlm_student

from explainable_seg.commands.cli import main
from explainable_seg.errors import ModelError
from explainable_seg.models.pretrained import load_pretrained, save_pretrained


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No test here reaches a hub."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """An export that holds WavLM."""
    folder = tmp_path_factory.mktemp("model") / "whole"
    save_pretrained(folder, make_wavlm_student(), CONFIG, "# A student\n")
    return folder


@pytest.fixture
def published(tmp_path) -> Path:
    """WavLM as others publish it."""
    make_wavlm_student().frontend.encoder.save_pretrained(tmp_path / "wavlm")
    return tmp_path / "wavlm"


def export(whole: Path, folder: Path, *options: object) -> int:
    """The command ``export``."""
    arguments = ["export", "--model", whole, "--output", folder, *options]
    return main([str(argument) for argument in arguments])


def logits(folder: Path) -> torch.Tensor:
    """What a model says of some noise."""
    model, _ = load_pretrained(folder)
    audio = torch.randn(1, 16000, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return model(audio).logits


def test_wavlm_is_left_out_and_found_again(whole, published, tmp_path):
    small = tmp_path / "small"
    assert export(whole, small, "--no-frontend", "--wavlm", published) == 0
    held = load_file(small / "model.safetensors")
    assert "frontend.state_weights" in held
    assert not any(name.startswith("frontend.encoder") for name in held)
    assert torch.equal(logits(small), logits(whole))
    assert export(small, tmp_path / "again") == 0  # with it
    for path in whole.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == (
            path.read_bytes()
        )
    assert export(small, tmp_path / "as small", "--no-frontend") == 0
    assert torch.equal(logits(tmp_path / "as small"), logits(whole))


def test_a_folder_beside_the_weights(whole, published, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, config = load_pretrained(whole)
    save_pretrained("small", model, config, "", False, "wavlm")
    shutil.move("wavlm", "small/wavlm")
    assert torch.equal(logits(tmp_path / "small"), logits(whole))


@pytest.mark.parametrize("damage", ["missing", "empty", "other", "shape"])
def test_a_wavlm_that_is_not_the_one(whole, published, tmp_path, capfd, damage):
    small = tmp_path / "small"
    export(whole, small, "--no-frontend", "--wavlm", published)
    encoder = make_wavlm_student().frontend.encoder
    if damage == "missing":
        shutil.rmtree(published)
    elif damage == "empty":
        (published / "model.safetensors").write_text("")
    else:
        weight = encoder.encoder.layers[1].attention.out_proj.weight
        if damage == "other":
            weight.view(-1)[3] += 1e-3
        else:
            weight.data = torch.zeros(8, 9)
        encoder.save_pretrained(published)
    with pytest.raises(ModelError, match=f"{published}; ") as caught:
        load_pretrained(small)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_left_out(whole, tmp_path, capsys):
    assert export(whole, tmp_path / "a", "--no-frontend") == 2
    assert "expected where WavLM is to be had" in capsys.readouterr().err
    with pytest.raises(ModelError, match="expected a model on WavLM"):
        save_pretrained(tmp_path / "a", make_student(), CONFIG, "", False, "b")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    "source",
    [
        3,
        {},
        {"name": "org/wavlm"},
        {"name": "", "sha256": "0"},
        {"name": "a", "sha256": "0", "revision": "x"},
    ],
)
def test_a_source_that_cannot_be(whole, tmp_path, source):
    folder = Path(shutil.copytree(whole, tmp_path / "student"))
    config = json.loads((folder / "config.json").read_text())
    config["frontend_source"] = source
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="'frontend_source.*', got"):
        load_pretrained(folder)


LOAD = """
import socket, sys
def refuse(*arguments, **options):
    raise AssertionError("the network was asked")
socket.socket.connect = socket.getaddrinfo = refuse
from explainable_seg.models.pretrained import load_pretrained
load_pretrained(sys.argv[1])
"""


def test_an_export_with_wavlm_asks_no_network(whole):
    subprocess.run([sys.executable, "-c", LOAD, str(whole)], check=True)

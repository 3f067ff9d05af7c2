"""WavLM as a frozen front end, with a tiny random encoder."""

import subprocess
import sys
import textwrap

import pytest
import torch

from explainable_seg.errors import AudioError, ModelError
from explainable_seg.features.wavlm import WavLMFeatures
from explainable_seg.frames import HOP, num_frames

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
}


@pytest.fixture(scope="module")
def features():
    torch.manual_seed(0)
    return WavLMFeatures(architecture=TINY)


@pytest.mark.parametrize("n_samples", [400, 719, 720, 16000])
def test_frames_are_those_of_the_grid(features, n_samples):
    out = features(torch.randn(2, n_samples))
    assert out.shape == (2, num_frames(n_samples), 16)


def test_a_click_stirs_its_own_frames_first(features):
    t = 30
    wav = torch.zeros(1, 16000)
    wav[0, 200 + HOP * t] = 1.0
    convolved = features.encoder.feature_extractor(wav)[0]
    still = features.encoder.feature_extractor(torch.zeros(1, 16000))[0]
    stirred = (convolved - still).abs().sum(dim=0)
    # The group norm of the first layer spreads a little over all frames.
    assert int(stirred.argmax()) == t


def test_encoder_stays_frozen_and_in_evaluation_mode(features):
    features.train()
    assert features.training and not features.encoder.training
    wav = torch.randn(1, 4000)
    torch.testing.assert_close(features(wav), features(wav))
    features(wav).square().sum().backward()
    trained = [n for n, p in features.named_parameters() if p.requires_grad]
    assert trained == ["state_weights"]


def test_config_rebuilds_the_same_module(features):
    config = dict(features.config)
    assert config.pop("type") == "wavlm"
    copy = WavLMFeatures(**config)
    copy.load_state_dict(features.state_dict())
    wav = torch.randn(1, 4000)
    torch.testing.assert_close(copy(wav), features(wav))


def test_wrong_use_is_refused(features):
    with pytest.raises(AudioError, match="at least 400"):
        features(torch.zeros(1, 399))
    with pytest.raises(ModelError, match="either"):
        WavLMFeatures()


def test_weights_are_loaded_from_a_folder(tmp_path):
    # In a process of its own: SpeechBrain's lazy modules upset hypothesis.
    program = f"""
    import torch
    from transformers import (
        Wav2Vec2FeatureExtractor, WavLMConfig, WavLMModel
    )
    from explainable_seg.models import build_model

    folder = {str(tmp_path / "wavlm")!r}
    encoder = WavLMModel(WavLMConfig(**{TINY!r}))
    encoder.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    teacher = build_model({{
        "type": "teacher",
        "frontend": {{"type": "wavlm", "source": folder}},
        "tcn": {{"n_blocks": 1, "n_layers": 2}},
    }})
    loaded = teacher.frontend.encoder.state_dict()
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(loaded[name], tensor), name
    assert teacher.frontend.normalize
    copy = build_model(teacher.config)
    copy.load_state_dict(teacher.state_dict())
    wav = torch.randn(1, 8000)
    assert torch.allclose(copy.eval()(wav), teacher.eval()(wav), atol=1e-5)
    """
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr

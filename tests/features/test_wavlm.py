"""WavLM as a frozen front end, with a tiny random encoder."""

import subprocess
import sys
import textwrap

import pytest
import torch

from explainable_seg.errors import AudioError, ModelError
from explainable_seg.features.frontend import WavLMFeatures
from explainable_seg.frames import HOP, num_frames

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16,
    # oneDNN 3.10 convolves groups of up to 8 channels wrongly in bf16 on CPUs
    # with AMX; WavLM has 48 and more.
    "num_conv_pos_embedding_groups": 1,
}
LAYER_NORM = {
    **TINY,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
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


def test_features_are_the_weighted_sum_of_all_states_normalised(features):
    wav = torch.randn(2, 8000)
    states = features.encoder(wav, output_hidden_states=True).hidden_states
    assert len(states) == 1 + TINY["num_hidden_layers"]
    copy = WavLMFeatures(architecture=TINY)
    copy.load_state_dict(features.state_dict())
    # Softmax of these logarithms: shares of 1/6, 2/6 and 3/6.
    copy.state_weights.data = torch.tensor([1.0, 2.0, 3.0]).log() + 5
    mixed = states[0] / 6 + states[1] / 3 + states[2] / 2
    expected = torch.nn.functional.instance_norm(mixed.transpose(1, 2))
    torch.testing.assert_close(
        copy(wav), expected.transpose(1, 2), atol=1e-4, rtol=1e-4
    )


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("architecture", [TINY, LAYER_NORM])
def test_what_is_in_the_padding_changes_nothing(architecture, normalize):
    torch.manual_seed(0)
    front_end = WavLMFeatures(architecture=architecture, normalize=normalize)
    lengths = torch.tensor([8000, 5000])
    wav = torch.randn(2, 8000)
    other = wav.clone()
    other[1, 5000:] = 7.0
    out = front_end(wav, lengths)
    torch.testing.assert_close(front_end(other, lengths), out)
    n_known = num_frames(5000)
    assert not out[1, n_known:].any()
    torch.testing.assert_close(
        out[1, :n_known].mean(dim=0), torch.zeros(16), atol=1e-5, rtol=0
    )
    alone = front_end(wav[1:, :5000])[0]
    if architecture is LAYER_NORM:  # a norm over time sees how long it is
        torch.testing.assert_close(
            out[1, :n_known], alone, atol=1e-4, rtol=1e-4
        )
    with pytest.raises(AudioError, match="got 399"):
        front_end(wav, torch.tensor([8000, 399]))


def test_bf16_changes_little_and_stays_out_of_the_norm(features):
    wav = torch.randn(2, 16000)
    exact = features(wav)
    with torch.autocast("cpu", torch.bfloat16):
        rough = features(wav)
    assert rough.dtype == torch.float32
    error = (rough - exact).norm() / exact.norm()
    assert 0 < error < 0.05


def run_apart(program):
    """Run a program in a process of its own.

    SpeechBrain's lazy modules upset hypothesis.
    """
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr


def test_weights_and_normalisation_are_those_of_a_folder(tmp_path):
    run_apart(
        f"""
    import torch
    from transformers import (
        Wav2Vec2FeatureExtractor, WavLMConfig, WavLMModel
    )
    from explainable_seg.errors import ModelError
    from explainable_seg.models import build_model

    encoder = WavLMModel(WavLMConfig(**{LAYER_NORM!r}))
    wav = torch.randn(1, 8000)
    for normalize in (True, False):
        folder = {str(tmp_path)!r} + f"/wavlm_{{normalize}}"
        encoder.save_pretrained(folder)
        Wav2Vec2FeatureExtractor(do_normalize=normalize).save_pretrained(folder)
        teacher = build_model({{
            "type": "teacher",
            "frontend": {{"type": "wavlm", "source": folder}},
            "tcn": {{"n_blocks": 1, "n_layers": 2}},
        }}).eval()
        loaded = teacher.frontend.encoder.state_dict()
        for name, tensor in encoder.state_dict().items():
            assert torch.equal(loaded[name], tensor), name
        assert teacher.frontend.normalize is normalize
        seen, other = (teacher.frontend(x) for x in (wav, 0.1 * wav + 1))
        assert torch.allclose(seen, other, atol=1e-2) is normalize
        copy = build_model(teacher.config).eval()
        copy.load_state_dict(teacher.state_dict())
        assert torch.allclose(copy(wav), teacher(wav), atol=1e-5)
        assert copy.config == teacher.config
    try:
        build_model({{
            "type": "teacher",
            "frontend": {{"type": "wavlm", "source": {str(tmp_path)!r}}},
            "tcn": {{}},
        }})
        raise SystemExit("a folder without a model was taken")
    except ModelError as error:
        assert len(str(error).splitlines()) == 1
        assert "local folder" in str(error)
    """
    )


def test_a_brain_leaves_the_encoder_frozen_and_in_evaluation_mode():
    run_apart(
        f"""
    import torch
    import speechbrain as sb
    from explainable_seg.models import build_model

    teacher = build_model({{
        "type": "teacher",
        "frontend": {{"type": "wavlm", "architecture": {TINY!r}}},
        "tcn": {{"n_blocks": 1, "n_layers": 2}},
    }})
    encoder = teacher.frontend.encoder
    before = {{n: t.clone() for n, t in teacher.state_dict().items()}}

    class Brain(sb.Brain):
        def compute_forward(self, batch, stage):
            assert self.modules.model.training
            assert not any(m.training for m in encoder.modules())
            return self.modules.model(batch)

        def compute_objectives(self, predictions, batch, stage):
            return predictions.square().mean()

    brain = Brain(
        {{"model": teacher}},
        lambda parameters: torch.optim.Adam(parameters, 0.1),
        run_opts={{"device": "cpu", "noprogressbar": True}},
    )
    brain.modules.train()
    assert not any(m.training for m in encoder.modules())
    chunks = torch.utils.data.DataLoader(torch.randn(4, 4000), batch_size=2)
    brain.fit([1, 2], chunks)
    changed = {{
        n for n, t in teacher.state_dict().items()
        if not torch.equal(t, before[n])
    }}
    assert "frontend.state_weights" in changed
    assert not any(n.startswith("frontend.encoder") for n in changed)
    """
    )

"""One grid of frames for audio, spectrogram, WavLM and labels."""

import pytest
import torch

from explainable_seg.features.frontend import WavLMFeatures
from explainable_seg.features.spectrogram import LogPowerSpectrogram
from explainable_seg.frames import (
    HOP,
    SAMPLE_RATE,
    WINDOW,
    frame_targets,
    num_frames,
)

# Normalised frame by frame, so that a click stirs no frame but its own.
ENCODER = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "feat_extract_norm": "layer",
}


def frames_stirred(front_end, wav):
    """Frames that differ from those of silence."""
    out, still = front_end(wav), front_end(torch.zeros_like(wav))
    return set((out - still).abs().sum(dim=-1)[0].nonzero().flatten().tolist())


@pytest.mark.parametrize("t", [0, 1, 24, 48])
def test_a_click_falls_into_the_same_frame_everywhere(t):
    torch.manual_seed(0)
    sample = WINDOW // 2 + HOP * t
    wav = torch.zeros(1, SAMPLE_RATE)
    wav[0, sample] = 1.0
    encoder = WavLMFeatures(architecture=ENCODER).encoder.feature_extractor
    seconds = sample / SAMPLE_RATE
    # Labels: the frame whose time holds the click, a hop around its centre.
    span = [(seconds - HOP / 2 / SAMPLE_RATE, seconds + HOP / 2 / SAMPLE_RATE)]
    labels = frame_targets(span, num_frames(SAMPLE_RATE))
    assert frames_stirred(LogPowerSpectrogram(), wav) == {t}
    assert frames_stirred(lambda x: encoder(x).transpose(1, 2), wav) == {t}
    assert labels.nonzero()[0].tolist() == [t]


@pytest.mark.parametrize("offset", [-160, -100, 100, 159])
def test_a_click_off_the_centre_is_seen_by_the_same_frames(offset):
    torch.manual_seed(0)
    wav = torch.zeros(1, SAMPLE_RATE)
    wav[0, WINDOW // 2 + HOP * 20 + offset] = 1.0
    encoder = WavLMFeatures(architecture=ENCODER).encoder.feature_extractor
    # Windows of 400 samples every 320: those that hold the click.
    holding = {
        t
        for t in range(num_frames(SAMPLE_RATE))
        if 0 <= WINDOW // 2 + HOP * 20 + offset - HOP * t < WINDOW
    }
    assert 20 in holding
    assert frames_stirred(LogPowerSpectrogram(), wav) == holding
    assert frames_stirred(lambda x: encoder(x).transpose(1, 2), wav) == holding

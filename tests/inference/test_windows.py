"""Windows cover a recording, and stitching averages them."""

import pytest
import torch
from hypothesis import (
    given,
    strategies as st,
)

from explainable_seg.frames import num_frames, num_samples
from explainable_seg.inference.windows import (
    stitch,
    window_starts,
    window_weights,
)


def frame_means(wav):
    return (wav.unfold(1, 400, 320).mean(dim=-1, keepdim=True),)


@given(st.integers(1, 500), st.integers(1, 60), st.integers(1, 60))
def test_windows_cover_every_frame_and_never_pad(n_frames, window, step):
    step = min(step, window)
    starts = window_starts(n_frames, window, step)
    covered = {t for s in starts for t in range(s, min(s + window, n_frames))}
    assert covered == set(range(n_frames))
    assert starts == sorted(set(starts))
    assert max(starts) + window <= max(window, n_frames)


@pytest.mark.parametrize("n_samples", [400, 719, 63999, 64000, 64001, 160011])
@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_what_frames_alone_decide_survives_stitching(n_samples, batch_size):
    wav = torch.randn(n_samples)
    (stitched,) = stitch(frame_means, wav, 4.0, 2.0, batch_size)
    assert len(stitched) == num_frames(n_samples)
    torch.testing.assert_close(
        stitched, frame_means(wav[None])[0][0], atol=1e-6, rtol=1e-5
    )


def test_linear_relations_survive():
    def predict(wav):
        (H,) = frame_means(wav)
        H = H - H.mean(dim=1, keepdim=True)  # depends on the window
        return H, 3 * H + 1

    H, logits = stitch(predict, torch.randn(200_000), 4.0, 1.0)
    torch.testing.assert_close(logits, 3 * H + 1)


def test_weights_are_positive_and_leave_the_context_out():
    assert bool((window_weights(7) > 0).all())
    inner = window_weights(10, context=3)
    assert torch.nonzero(inner).flatten().tolist() == [3, 4, 5, 6]


def test_windows_that_leave_gaps_are_refused():
    wav = torch.zeros(num_samples(100))
    with pytest.raises(ValueError, match="step"):
        stitch(frame_means, wav, 0.4, 0.4, context=5)
    with pytest.raises(ValueError, match="step"):
        window_starts(100, window=10, step=11)

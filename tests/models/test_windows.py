"""Windows cover a recording, and stitching averages them."""

import numpy as np
import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from tiny_student import CONFIG, make_student

from explainable_seg.errors import AudioError
from explainable_seg.frames import FRAME_RATE, HOP, num_frames, num_samples
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.models.windows import (
    FramesFirst,
    cut_windows,
    joined,
    stitch,
    stitch_blocks,
    window_weights,
)


def frame_means(wav):
    return (wav.unfold(1, 400, 320).mean(dim=-1, keepdim=True),)


@given(
    n_samples=st.integers(0, num_samples(500)),
    window=st.integers(1, 60),
    step=st.integers(1, 60),
    size=st.integers(1, 5000),
)
@settings(deadline=None)
def test_windows_cover_every_frame_and_never_pad(n_samples, window, step, size):
    wav = torch.arange(n_samples)
    step, n_frames = min(step, window), num_frames(n_samples)
    found = list(cut_windows(wav.split(size), window, step))
    starts = [w.start for w in found]
    assert starts == sorted(set(starts))
    covered = {t for s in starts for t in range(s, min(s + window, n_frames))}
    assert covered == set(range(n_frames))
    assert [w.at_end for w in found] == [s == starts[-1] for s in starts]
    for start, audio, _ in found:
        assert num_frames(len(audio)) == min(window, n_frames)
        assert audio[0] == start * HOP and audio[-1] < n_samples


@given(st.lists(st.integers(0, 9000), max_size=20), st.integers(0, 400))
@settings(deadline=None, max_examples=50)
def test_how_a_recording_is_split_into_reads_does_not_matter(cuts, extra):
    generator = torch.Generator().manual_seed(0)
    wav = torch.randn(sum(cuts) + 400 + extra, generator=generator)
    blocks = wav.split([*cuts, 400 + extra])
    expected = stitch(frame_means, wav, 0.4, 0.3)
    parts = list(stitch_blocks(frame_means, blocks, 0.4, 0.3, batch_size=2))
    for ours, theirs in zip(joined(parts), expected):
        assert torch.equal(ours, theirs)


def test_frames_come_out_as_soon_as_no_window_can_reach_them():
    blocks = torch.randn(num_samples(1000)).split(320)
    held = 0
    for part in stitch_blocks(frame_means, iter(blocks), 0.4, 0.2, 2):
        held = max(held, len(part[0]))
    assert held <= 40


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
        list(cut_windows([wav], window=10, step=11))


@given(
    n_samples=st.integers(400, num_samples(120)),
    window=st.integers(1, 40),
    step=st.integers(1, 40),
    batch_size=st.integers(1, 9),
)
@settings(deadline=None)
def test_frames_that_windows_share_are_seen_once(
    n_samples, window, step, batch_size
):
    generator = torch.Generator().manual_seed(n_samples)
    wav = torch.randn(n_samples, generator=generator)
    seen = []

    def of_frames(audio):
        (means,) = frame_means(audio)
        seen.append(means.shape[1])
        return means, 2 * means

    def of_windows(means, doubled):
        # Depends on the whole window, as a global norm does.
        return (means - doubled.mean(dim=1, keepdim=True),)

    step, n_frames = min(step, window), num_frames(n_samples)
    where = window / FRAME_RATE, step / FRAME_RATE, batch_size
    predict = FramesFirst(of_frames, of_windows)
    (shared,) = stitch(predict, wav, *where)
    n_windows = len(list(cut_windows([wav], window, step)))
    # Batches have the frames between their ends once.
    again = (window - 1) * -(-n_windows // batch_size)
    assert sum(seen) <= n_frames + again
    (apart,) = stitch(lambda audio: predict(audio), wav, *where)
    torch.testing.assert_close(shared, apart, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("lengths", [[], [0], [399], [100, 0, 299]])
def test_a_recording_without_a_frame_is_one_line(lengths):
    blocks = [torch.zeros(n) for n in lengths]
    with pytest.raises(AudioError, match="400 samples") as raised:
        joined(stitch_blocks(frame_means, blocks, 0.4, 0.3))
    assert "\n" not in str(raised.value)
    with pytest.raises(AudioError, match="400 samples"):
        stitch(frame_means, torch.zeros(sum(lengths)), 0.4, 0.3)


def test_blocks_without_a_frame_are_one_line_of_the_segmenter():
    segmenter = ExplainableSegmenter(make_student(), CONFIG)
    for blocks in ([], [np.zeros(399, dtype=np.float32)]):
        with pytest.raises(AudioError, match="400 samples"):
            segmenter.segment_blocks(blocks)
    found = segmenter.segment_blocks([np.zeros(400, dtype=np.float32)])
    assert found.probabilities.shape == (1, 4)

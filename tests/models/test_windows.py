"""Windows cover a recording, and weigh what is averaged."""

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.frames import HOP, num_frames, num_samples
from explainable_seg.models.windows import (
    cut_windows,
    one_stretch,
    window_weights,
)


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


def test_weights_are_positive_and_leave_the_context_out():
    assert bool((window_weights(7) > 0).all())
    inner = window_weights(10, context=3)
    assert torch.nonzero(inner).flatten().tolist() == [3, 4, 5, 6]


def test_windows_that_leave_gaps_are_refused():
    wav = torch.zeros(num_samples(100))
    with pytest.raises(ValueError, match="step"):
        list(cut_windows([wav], window=10, step=11))


@given(
    n_frames=st.integers(1, 120),
    window=st.integers(1, 40),
    step=st.integers(1, 40),
    count=st.integers(1, 9),
)
@settings(deadline=None)
def test_windows_as_one_stretch_are_where_they_say(
    n_frames, window, step, count
):
    wav = torch.arange(num_samples(n_frames)).float()
    windows = list(cut_windows([wav], window, min(step, window)))[-count:]
    stretch, places = one_stretch(windows)
    first = windows[0].start * HOP
    assert torch.equal(stretch, wav[first : first + len(stretch)])
    for (_, audio, _), place in zip(windows, places):
        start = place.start * HOP
        assert num_frames(len(audio)) == place.stop - place.start
        assert torch.equal(stretch[start : start + len(audio)], audio)

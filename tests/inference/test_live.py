"""Live is the same as afterwards, and no later than it says."""

import numpy as np
import pytest
from tiny_student import CONFIG, make_student, tones

from explainable_seg.errors import AudioError, ModelError
from explainable_seg.frames import num_frames
from explainable_seg.inference.live import LiveSegmenter
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.models.student import build_model


@pytest.fixture(scope="module")
def segmenter() -> ExplainableSegmenter:
    """The tiny student with the norm of each frame, as one long window."""
    student = make_student()
    tcn = {**student.config["tcn"], "norm": "frame"}
    local = build_model({**student.config, "tcn": tcn})
    local.load_state_dict(student.state_dict())
    config = {**CONFIG, "window": 60.0, "step": 1.0, "min_on": {}}
    return ExplainableSegmenter(local.eval(), {**config, "min_off": {}})


@pytest.mark.parametrize("size", [1, 100, 320, 5000, 10**6])
@pytest.mark.parametrize("step", [0.02, 0.5])
def test_blocks_do_not_matter(segmenter, size, step):
    sound = tones(2.3)[: 3000 if size == 1 else None]
    live = LiveSegmenter(segmenter, step, hysteresis=0.1)
    blocks = [sound[i : i + size] for i in range(0, len(sound), size)]
    parts = [*map(live.feed, blocks), live.finish()]
    whole = segmenter.segment(sound, 16000, hysteresis=0.1)
    found = np.concatenate([part.probabilities for part in parts])
    np.testing.assert_allclose(found, whole.probabilities, atol=1e-5)
    times = np.concatenate([part.times for part in parts])
    np.testing.assert_allclose(times, whole.frame_times)
    active = np.concatenate([part.active for part in parts])
    inside = np.zeros(len(times), dtype=bool)
    for start, end in whole.spans("music"):
        inside |= (start <= times) & (times < end)
    np.testing.assert_array_equal(active[:, 1], inside)


def test_the_latency_is_what_is_stated_and_is_reached(segmenter):
    live = LiveSegmenter(segmenter, step=0.2)
    sound, latest = tones(4.0), 0.0
    for end in range(80, len(sound), 80):
        part = live.feed(sound[end - 80 : end])
        if len(part.times):
            latest = max(latest, end / 16000 - part.times[0])
    assert live.latency - 0.02 < latest <= live.latency + 80 / 16000
    assert live.latency < 0.4


def test_memory_is_that_of_a_few_steps(segmenter):
    live = LiveSegmenter(segmenter)
    for _ in range(20):
        live.feed(tones(1.0))
        assert len(live._audio) < 3 * 16000


def test_a_stream_without_a_frame(segmenter):
    live = LiveSegmenter(segmenter)
    assert len(live.feed(np.zeros(399)).times) == 0
    assert len(live.finish().times) == num_frames(399) == 0


def test_a_model_that_needs_its_window():
    with pytest.raises(ModelError, match="got 'global' on spectrogram"):
        LiveSegmenter(ExplainableSegmenter(make_student(), CONFIG))


@pytest.mark.parametrize(
    "block",
    [
        np.zeros(400, dtype=np.int16),  # not told apart from faint floats
        np.zeros((400, 2)),
        np.full(400, np.nan),
        np.full(400, np.inf, dtype=np.float32),
        np.float32(0.0),
    ],
)
def test_what_is_no_sound_is_refused_in_one_line(segmenter, block):
    live = LiveSegmenter(segmenter)
    live.feed(np.zeros(100))
    with pytest.raises(AudioError, match="live stream") as raised:
        live.feed(block)
    assert "\n" not in str(raised.value)
    assert live.feed(np.zeros(0)).times.size == 0  # and goes on


@pytest.mark.parametrize("step", [0.0, -1.0, np.nan, np.inf])
def test_a_step_that_is_none(segmenter, step):
    with pytest.raises(ValueError, match="`step`"):
        LiveSegmenter(segmenter, step)

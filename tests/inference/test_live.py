"""Live depends on the sound alone, and is no later than it says."""

import numpy as np
import pytest
from tiny_student import CONFIG, make_student, tones

from explainable_seg.errors import AudioError
from explainable_seg.frames import num_frames
from explainable_seg.inference.live import LiveSegmenter
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.models.student import build_model


def segmenter_of(norm: str, **config: object) -> ExplainableSegmenter:
    """The tiny student with a norm, as one long window."""
    student = make_student()
    tcn = {**student.config["tcn"], "norm": norm}
    changed = build_model({**student.config, "tcn": tcn})
    changed.load_state_dict(student.state_dict())
    long = {**CONFIG, "window": 60.0, "step": 1.0, "min_on": {}, "min_off": {}}
    return ExplainableSegmenter(changed.eval(), {**long, **config})


@pytest.fixture(scope="module")
def segmenter() -> ExplainableSegmenter:
    """The tiny student as it is, at a level."""
    return segmenter_of("global", level=-20.0)


def fed(live: LiveSegmenter, sound: np.ndarray, size: int) -> list:
    """What a stream gives for a sound in blocks of a size."""
    blocks = [sound[i : i + size] for i in range(0, len(sound), size)]
    return [*map(live.feed, blocks), live.finish()]


def joined(parts: list, name: str) -> np.ndarray:
    """One output over the whole stream."""
    return np.concatenate([getattr(part, name) for part in parts])


@pytest.mark.parametrize("size", [1, 100, 320, 5000, 10**6])
@pytest.mark.parametrize("step", [0.1, 0.5])
def test_blocks_do_not_matter(segmenter, size, step):
    sound = tones(2.3)[: 9000 if size == 1 else None]
    settings = {"step": step, "lookahead": 0.2, "window": 1.0}
    parts = fed(LiveSegmenter(segmenter, **settings), sound, size)
    once = fed(LiveSegmenter(segmenter, **settings), sound, 4000)
    for name in ("times", "active"):
        np.testing.assert_array_equal(joined(parts, name), joined(once, name))
    np.testing.assert_allclose(
        joined(parts, "probabilities"),
        joined(once, "probabilities"),
        atol=1e-5,  # the filter of rumble rounds by the block
    )
    n_frames = num_frames(len(sound))
    np.testing.assert_allclose(
        joined(parts, "times"), 0.0125 + 0.02 * np.arange(n_frames)
    )


def test_with_all_that_it_reaches_it_is_the_result_afterwards():
    segmenter = segmenter_of("frame")
    ahead = segmenter.model.tcn.reach * 0.02
    live = LiveSegmenter(segmenter, 0.3, ahead, 2 * ahead + 0.3, hysteresis=0.1)
    sound = tones(2.3)
    parts = fed(live, sound, 1000)
    whole = segmenter.segment(sound, 16000, hysteresis=0.1)
    np.testing.assert_allclose(
        joined(parts, "probabilities"), whole.probabilities, atol=1e-5
    )
    times = joined(parts, "times")
    inside = np.zeros(len(times), dtype=bool)
    for start, end in whole.spans("music"):
        inside |= (start <= times) & (times < end)
    np.testing.assert_array_equal(joined(parts, "active")[:, 1], inside)


@pytest.mark.parametrize("gain", [0.3, 3.0])
def test_the_level_of_the_stream_does_not_matter(segmenter, gain):
    sound = 0.2 * tones(2.0)
    found, louder = (
        joined(fed(LiveSegmenter(segmenter), x, 1600), "probabilities")
        for x in (sound, np.float32(gain) * sound)
    )
    np.testing.assert_allclose(found, louder, atol=1e-3)


def test_the_future_beyond_the_latency_does_not_matter(segmenter):
    sound = tones(4.0)
    other = sound.copy()
    other[48000:] = 0.3 * np.sin(np.arange(16000))
    live = LiveSegmenter(segmenter)
    parts = [
        joined(fed(LiveSegmenter(segmenter), x, 800), "probabilities")
        for x in (sound, other)
    ]
    known = int((3.0 - live.latency) / 0.02)
    np.testing.assert_array_equal(parts[0][:known], parts[1][:known])
    assert not np.array_equal(*parts)


@pytest.mark.parametrize("settings", [{}, {"step": 0.2, "lookahead": 0.3}])
def test_the_latency_is_what_is_stated_and_is_reached(segmenter, settings):
    live = LiveSegmenter(segmenter, **settings)
    sound, latest = tones(4.0), 0.0
    for end in range(80, len(sound), 80):
        part = live.feed(sound[end - 80 : end])
        if len(part.times):
            latest = max(latest, end / 16000 - part.times[0])
    assert live.latency - 0.02 < latest <= live.latency + 80 / 16000
    assert live.latency < 1.5


def test_memory_is_that_of_a_window(segmenter):
    live = LiveSegmenter(segmenter)
    for _ in range(20):
        live.feed(tones(1.0))
        assert len(live._audio) < 6 * 16000
        assert len(live._unmeasured) < 3 * 16000


def test_a_stream_without_a_frame(segmenter):
    live = LiveSegmenter(segmenter)
    assert len(live.feed(np.zeros(399)).times) == 0
    assert len(live.finish().times) == num_frames(399) == 0


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


@pytest.mark.parametrize(
    "settings", [{"lookahead": -0.1}, {"window": 1.0}, {"window": np.nan}]
)
def test_a_window_that_is_too_short(segmenter, settings):
    with pytest.raises(ValueError, match="`lookahead`"):
        LiveSegmenter(segmenter, **settings)

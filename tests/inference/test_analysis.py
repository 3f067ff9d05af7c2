"""What is held to explain a recording has a limit, and may be a part of it."""

import numpy as np
import pytest
from tiny_student import CONFIG, make_student, tones

from explainable_seg.errors import AudioError
from explainable_seg.inference import pipeline as analysis
from explainable_seg.inference.segmenter import ExplainableSegmenter


@pytest.fixture(scope="module")
def segmenter() -> ExplainableSegmenter:
    """A tiny student."""
    return ExplainableSegmenter(make_student(), CONFIG)


def test_a_recording_beyond_the_limit_is_one_line(segmenter, monkeypatch):
    monkeypatch.setattr(analysis, "LONGEST_EXPLAINED", 3.0)
    assert segmenter.analyse(tones(3.0), 16000).decomposition.n_frames == 149
    for span in ((None, None), (0.5, None), (0.0, 3.09)):
        with pytest.raises(AudioError, match="--start and --end") as raised:
            segmenter.explain(tones(3.6), "music", *span, sample_rate=16000)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("start, end", [(2.0, 3.5), (None, 2.0), (6.1, None)])
def test_a_part_of_a_long_one_is_explained_as_of_the_whole(
    segmenter, monkeypatch, start, end
):
    sound = tones(8.0)
    whole = segmenter.explain(sound, "music", start, end, sample_rate=16000)
    monkeypatch.setattr(analysis, "LONGEST_EXPLAINED", 3.0)
    part = segmenter.analyse(sound, 16000, start=start, end=end)
    assert part.decomposition.duration < 3.0
    assert part.segmentation.duration == 8.0
    explained = segmenter.explain(sound, "music", start, end, sample_rate=16000)
    assert explained.start == pytest.approx(whole.start)
    assert explained.end == pytest.approx(whole.end)
    for name, spans in whole.spans.items():
        np.testing.assert_allclose(explained.spans[name], spans, atol=1e-6)
    np.testing.assert_allclose(explained.relevance, whole.relevance, atol=1e-6)
    np.testing.assert_array_equal(explained.found, whole.found)
    size = min(len(explained.audio), len(whole.audio))
    assert size == len(whole.audio)
    np.testing.assert_allclose(
        explained.passage.audio, whole.passage.audio, atol=1e-6
    )
    np.testing.assert_allclose(
        explained.passage.frame_seconds, whole.passage.frame_seconds
    )


def test_two_hours_are_the_limit_and_no_more_is_held():
    held = analysis.Held("long.flac")
    block = np.zeros(16000 * 3600, dtype=np.float32)
    held.hear(block)
    held.hear(block)
    with pytest.raises(AudioError, match="up to 2 h .* in long.flac"):
        held.hear(block[:1])
    assert held.n_samples == 2 * len(block) + 1

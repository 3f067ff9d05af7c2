"""What is held to explain a recording has a limit."""

import numpy as np
import pytest
from tiny_student import CONFIG, make_student, tones

from explainable_seg.errors import AudioError
from explainable_seg.inference import analysis
from explainable_seg.inference.segmenter import ExplainableSegmenter


def test_a_recording_beyond_the_limit_is_one_line(monkeypatch):
    segmenter = ExplainableSegmenter(make_student(), CONFIG)
    monkeypatch.setattr(analysis, "LONGEST", 3.0)
    assert segmenter.analyse(tones(3.0), 16000).reading.n_frames == 149
    with pytest.raises(AudioError, match="cut out the part") as raised:
        segmenter.explain(tones(3.1), "music", sample_rate=16000)
    assert "\n" not in str(raised.value)


def test_two_hours_are_the_limit_and_no_more_is_held():
    held = analysis.HeldSound("long.flac")
    block = np.zeros(16000 * 3600, dtype=np.float32)
    held.add(block)
    held.add(block)
    with pytest.raises(AudioError, match="up to 2 h .* in long.flac"):
        held.add(block[:1])
    assert len(held.joined()) == 2 * len(block)

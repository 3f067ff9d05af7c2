"""Amounts of a part."""

from pathlib import Path

from pyannote.core import Segment, Timeline

from explainable_seg.audio.sound_files import AudioHeader
from explainable_seg.corpora.recording import make_recording, summarise


def recording(uri, n_samples, known, **spans):
    """A recording at 100 samples a second, known in some spans."""
    return make_recording(
        uri,
        Path(f"{uri}.wav"),
        AudioHeader(100, n_samples),
        {n: Timeline([Segment(*s) for s in rows]) for n, rows in spans.items()},
        Timeline([Segment(*span) for span in known]),
    )


def test_only_annotated_time_inside_the_audio_counts():
    recordings = [
        recording("a", 1000, [(0, 5)], speech=[(0, 30)], music=[(1, 3)]),
        recording("b", 2000, [(15, 40)], speech=[(0, 16), (17, 30)]),
    ]
    summary = summarise(recordings)
    assert (summary["files"], summary["seconds"]) == (2, 30.0)
    assert summary["hours"] == 0.0083
    assert summary["classes"] == {
        "speech": {
            "seconds": 9.0,  # 0 to 5, 15 to 16 and 17 to 20
            "annotated_seconds": 10.0,
            "unknown_seconds": 20.0,
            "positive_rate": 0.9,
        },
        "music": {
            "seconds": 2.0,
            "annotated_seconds": 5.0,
            "unknown_seconds": 25.0,
            "positive_rate": 0.4,
        },
        "noise": None,
        "overlap": None,
    }


def test_an_annotated_class_may_be_absent():
    summary = summarise([recording("a", 1000, [(0, 9)], noise=[])])
    assert summary["classes"]["noise"] == {
        "seconds": 0.0,
        "annotated_seconds": 9.0,
        "unknown_seconds": 1.0,
        "positive_rate": 0.0,
    }

"""Length, reads, batches and neighbours: the result depends on the audio."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_student import CONFIG, make_student, tones

from explainable_seg.audio import load_audio
from explainable_seg.audio.level import at_level
from explainable_seg.frames import num_frames
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.models.student import build_model

WINDOW = round(CONFIG["window"] * 16000)
LENGTHS = [400, 401, 719, 720, 1600, WINDOW - 1, WINDOW, WINDOW + 1]
RANDOM = np.random.default_rng(7).integers(400, 3 * WINDOW, 20).tolist()


@pytest.fixture(scope="module")
def segmenter() -> ExplainableSegmenter:
    """The tiny student."""
    return ExplainableSegmenter(make_student(), CONFIG)


@pytest.mark.parametrize("n_samples", [*LENGTHS, 5 * WINDOW // 2, *RANDOM])
def test_every_length_gives_the_frames_of_the_grid(segmenter, n_samples):
    sound = tones(6.0)[:n_samples]
    result = segmenter.segment(sound, 16000)
    assert len(result.probabilities) == num_frames(n_samples)
    assert result.duration == n_samples / 16000
    assert result.spans("speech") == [(0.0, result.duration)]


def test_the_result_does_not_depend_on_reads_and_batches(segmenter):
    sound = tones(11.3)
    expected = segmenter.segment(sound, 16000)
    heard = load_audio(sound, sample_rate=16000)
    rng = np.random.default_rng(0)
    for batch_size in (1, 5, 64):
        other = ExplainableSegmenter(
            make_student(), CONFIG, batch_size=batch_size
        )
        cuts = np.sort(rng.integers(0, len(sound), 30))
        result = other.segment_blocks(np.split(heard, cuts))
        # Products of matrices are rounded by the shape of the batch.
        np.testing.assert_allclose(
            result.probabilities, expected.probabilities, atol=1e-6
        )
        assert result.segments == expected.segments


def test_a_window_does_not_depend_on_its_neighbours(segmenter):
    sound = tones(9.0)
    other = sound.copy()
    other[5 * 16000 :] = np.random.default_rng(1).standard_normal(4 * 16000)
    frames = slice(0, 190)  # before 5 s, less a window's overlap of 1 s
    first = segmenter.segment(sound, 16000).probabilities[frames]
    second = segmenter.segment(other, 16000).probabilities[frames]
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_with_a_norm_of_frames_the_window_does_not_matter():
    student = make_student()
    tcn = {**student.config["tcn"], "norm": "frame"}
    local = build_model({**student.config, "tcn": tcn})
    local.load_state_dict(student.state_dict())
    local.eval()
    sound, reach = tones(9.0), local.tcn.reach
    results = [
        ExplainableSegmenter(
            local, {**CONFIG, "window": window, "step": step, "context": reach}
        ).segment(sound, 16000)
        for window, step in [(9.0, 8.0), (2.0, 1.5), (0.7, 0.2)]
    ]
    for result in results[1:]:
        np.testing.assert_allclose(
            result.probabilities, results[0].probabilities, atol=1e-5
        )


MEASURE = """
import sys
import numpy as np, soundfile, torch
from explainable_seg.audio import AudioStream
from explainable_seg.decisions import make_rules
from explainable_seg.inference.pipeline import run_model
from explainable_seg.models import Runner

class NoModel(torch.nn.Module):  # what is measured is all around it
    def forward(self, wav):
        return wav.unfold(1, 400, 320)[..., :4] - 1.0

def peak(minutes):
    path = f"{sys.argv[1]}/{minutes}.flac"
    minute = np.zeros(60 * 8000, dtype=np.int16)
    with soundfile.SoundFile(path, "w", 8000, 1) as sound:
        for _ in range(minutes):
            sound.write(minute)
    rules = make_rules({"thresholds": dict.fromkeys(
        ("speech", "music", "noise", "overlap"), 0.5)})
    runner = Runner(NoModel(), window=4.0, step=4.0, level=-20.0)
    result, _ = run_model(runner, AudioStream(path), rules, "a")
    assert result.duration == 60.0 * minutes
    # Not that of `getrusage`, which begins with the peak of the parent.
    status = open("/proc/self/status").read()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024

print(peak(10), peak(180))
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="no /proc to ask"
)
def test_memory_does_not_grow_with_the_recording(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    short, long = map(float, done.stdout.split())
    # Logits and probabilities of 3 h are 8 MB each, and joining copies them;
    # the audio would be 690 MB.
    assert long - short < 60, (short, long)


@pytest.mark.parametrize("gain_db", [-20.0, -7.0, 10.0])
def test_with_a_level_loudness_does_not_matter(gain_db):
    segmenter = ExplainableSegmenter(make_student(), {**CONFIG, "level": -20.0})
    sound = at_level(tones(5.0), -24.0)
    factor = np.float32(10 ** (gain_db / 20))
    expected = segmenter.analyse(sound, 16000)
    result = segmenter.analyse(factor * sound, 16000)
    np.testing.assert_allclose(
        result.segmentation.probabilities,
        expected.segmentation.probabilities,
        atol=1e-5,
    )
    # Explanations show and sound what the model heard.
    np.testing.assert_allclose(
        result.decomposition.audio, expected.decomposition.audio, atol=1e-6
    )
    bare = ExplainableSegmenter(make_student(), CONFIG).segment(sound, 16000)
    assert (
        np.abs(bare.probabilities - expected.segmentation.probabilities).max()
        > 1e-3
    )

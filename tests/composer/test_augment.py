"""Level and tone keep the targets; what is laid over a chunk sets them."""

import numpy as np
import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from toy_clips import write_toy_clips

from explainable_seg.classes import CLASSES
from explainable_seg.composer.augment import Augment
from explainable_seg.composer.composer import Overlays, overlay
from explainable_seg.composer.pool import ClipPool
from explainable_seg.composer.style import Style
from explainable_seg.frames import num_frames

RATE = 16000
SPEECH, MUSIC, NOISE, OVERLAP = range(4)
NOTHING = {
    "music_probability": 0.0,
    "noise_probability": 0.0,
    "voice_probability": 0.0,
}


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    return ClipPool(write_toy_clips(tmp_path_factory.mktemp("clips")))


@pytest.fixture
def chunk():
    time = np.arange(4 * RATE) / RATE
    return (0.2 * np.sin(2 * np.pi * 5000 * time)).astype(np.float32)


def targets_of(audio, **values):
    """Targets that are the same in every frame."""
    targets = np.zeros((num_frames(len(audio)), 4), dtype=np.float16)
    for name, value in values.items():
        targets[:, CLASSES.index(name)] = value
    return targets


def test_gain_is_exact(chunk):
    quieter = Augment(
        gain_db=(-6.0, -6.0), tone_probability=0.0, telephone_probability=0.0
    )
    changed = quieter(chunk, np.random.default_rng(0))
    np.testing.assert_allclose(changed, chunk * 10 ** (-6 / 20), rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_augment_keeps_length_and_peak(seed):
    rng = np.random.default_rng(seed)
    audio = rng.standard_normal(7000).astype(np.float32)
    before = audio.copy()
    changed = Augment(tone_probability=1.0)(audio, rng)
    assert changed.shape == audio.shape and changed.dtype == np.float32
    assert np.abs(changed).max() <= 0.9701
    np.testing.assert_array_equal(audio, before)


def test_tone_changes_the_spectrum(chunk):
    toned = Augment(
        gain_db=(0.0, 0.0), tone_probability=1.0, telephone_probability=0.0
    )
    changed = toned(chunk, np.random.default_rng(0))
    assert np.abs(changed - chunk).max() > 0.01


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_nothing_is_heard_beyond_the_band_of_a_telephone(seed):
    audio = np.zeros(RATE, dtype=np.float32)
    audio[RATE // 2] = 0.9  # all frequencies alike
    called = Augment(
        gain_db=(0.0, 0.0),
        rare_probability=0.0,
        tone_probability=0.0,
        telephone_probability=1.0,
        click_probability=0.0,
    )
    gains = np.abs(np.fft.rfft(called(audio, np.random.default_rng(seed))))
    decibels = 20 * np.log10(gains / 0.9 + 1e-9)  # 1 Hz a bin
    assert decibels[600:2800].min() > -1.0
    assert decibels[:120].max() < -16.0
    assert decibels[4800:].max() < -40.0


def test_no_overlay_changes_nothing(pool, chunk):
    targets = targets_of(chunk, speech=1, noise=-1)
    audio, new = overlay(
        chunk, targets, pool, np.random.default_rng(0), Overlays(**NOTHING)
    )
    np.testing.assert_array_equal(audio, chunk)
    np.testing.assert_array_equal(new, targets)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_targets_follow_what_was_added(pool, seed):
    rng = np.random.default_rng(seed)
    chunk = (0.01 * rng.standard_normal(4 * RATE)).astype(np.float32)
    targets = targets_of(chunk, speech=1, music=-1)
    before = chunk.copy(), targets.copy()
    dry = Style(room_probability=0.0, source_tone_probability=0.0)
    added = Overlays(**{**NOTHING, "voice_probability": 1.0}, style=dry)
    audio, new = overlay(chunk, targets, pool, rng, added)
    np.testing.assert_array_equal(chunk, before[0])
    np.testing.assert_array_equal(targets, before[1])
    assert set(np.unique(new[:, OVERLAP])) <= {0, 1}
    np.testing.assert_array_equal(new[:, :OVERLAP], targets[:, :OVERLAP])
    difference = np.abs(audio - chunk)
    frames = np.stack(
        [difference[320 * t + 40 : 320 * t + 360] for t in range(len(new))]
    ).max(axis=1)
    # A voice may reach into a frame whose centre it does not reach.
    marked = new[:, OVERLAP] == 1
    grown = np.convolve(marked, [1, 1, 1], "same") > 0
    grown[[0, -1]] = True
    assert (frames[~grown] < 5e-4).all()


@pytest.mark.parametrize(
    "speech, overlap, expected",
    [(1, 0, 1), (1, -1, 1), (0, 0, 0), (-1, 0, -1), (-1, 1, 1), (0, -1, -1)]
    # A score of speech says as surely that two voices meet.
    + [(0.75, 0, 0.75), (0.75, -1, 0.75), (0.25, 0.5, 0.5)],
)
def test_overlap_of_a_new_voice(pool, chunk, speech, overlap, expected):
    added = Overlays(**{**NOTHING, "voice_probability": 1.0})
    targets = targets_of(chunk, speech=speech, overlap=overlap)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        _, new = overlay(chunk, targets, pool, rng, added)
        changed = (new != targets).any(axis=1)
        assert (new[changed, SPEECH] == 1).all()
        assert (new[changed, OVERLAP] == expected).all()
        assert (new[~changed, OVERLAP] == overlap).all()


@pytest.mark.parametrize("label, column", [("music", MUSIC), ("noise", NOISE)])
def test_bed_has_its_level_and_sets_its_target(pool, chunk, label, column):
    added = Overlays(
        **{
            **NOTHING,
            f"{label}_probability": 1.0,
            f"{label}_below_db": (12.0, 12.0),
        }
    )
    targets = targets_of(chunk, music=-1, noise=-1)
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        audio, new = overlay(chunk, targets, pool, rng, added)
        set_to_1 = new[:, column] == 1
        assert (new[~set_to_1, column] == -1).all()
        inside = np.repeat(set_to_1, 320)
        if inside.sum() > RATE:
            bed = (audio - chunk)[40 : 40 + len(inside)][inside]
            found.append(10 * np.log10(np.square(bed).mean() / 0.02))
    assert len(found) > 5
    assert np.median(found) == pytest.approx(-12.0, abs=1.5)


def test_targets_of_another_length_are_refused(pool, chunk):
    with pytest.raises(ValueError, match=r"expected targets \[199, 4\]"):
        overlay(
            chunk,
            np.zeros((200, 4), dtype=np.int8),
            pool,
            np.random.default_rng(0),
        )

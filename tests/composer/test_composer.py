"""Programmes: the same from the same seed, and true labels for every sound."""

import numpy as np
import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from toy_clips import write_toy_clips

from explainable_seg.classes import CLASSES
from explainable_seg.composer.clips import read_clips
from explainable_seg.composer.composer import Composer
from explainable_seg.composer.pool import ClipPool
from explainable_seg.composer.style import SceneKind, Style
from explainable_seg.errors import CorpusError
from explainable_seg.frames import frame_targets, num_frames

RATE = 16000
# Shares of the seconds of the training part of the recorded programmes.
RECORDED_STATES = {
    "speech": 0.201,
    "noise": 0.175,
    "speech noise": 0.164,
    "music": 0.156,
    "speech music": 0.149,
    "": 0.080,
    "speech overlap": 0.046,
    "music noise": 0.018,
    "speech music overlap": 0.011,
}


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    pool = ClipPool(write_toy_clips(tmp_path_factory.mktemp("clips")))
    pool.preload()
    return pool


def active_samples(spans, n_samples, grow=0.0):
    """True inside the spans, each made longer by ``grow`` at both ends."""
    active = np.zeros(n_samples, dtype=bool)
    for start, end in spans:
        first = max(0, round((start - grow) * RATE))
        active[first : max(first, round((end + grow) * RATE))] = True
    return active


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), duration=st.floats(0.1, 30.0))
def test_programme_is_well_formed(pool, seed, duration):
    rng = np.random.default_rng(seed)
    programme = Composer(pool).compose(duration, rng)
    assert programme.audio.dtype == np.float32
    assert len(programme.audio) == round(duration * RATE)
    assert np.abs(programme.audio).max() <= 0.97
    assert tuple(programme.spans) == CLASSES
    for spans in programme.spans.values():
        flat = [0.0, *(t for span in spans for t in span), duration]
        assert flat == sorted(flat)
    n = len(programme.audio)
    speech = active_samples(programme.spans["speech"], n)
    assert not (active_samples(programme.spans["overlap"], n) & ~speech).any()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_same_seed_gives_the_same_bytes(pool, seed):
    one, two = (
        Composer(pool).compose(4.0, np.random.default_rng(seed))
        for _ in range(2)
    )
    assert one.audio.tobytes() == two.audio.tobytes()
    assert one.spans == two.spans
    other = Composer(pool).compose(4.0, np.random.default_rng(seed + 1))
    assert one.audio.tobytes() != other.audio.tobytes()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_stems_sum_to_the_audio(pool, seed):
    # Loud programmes exceed the peak and are turned down, stems and all.
    style = Style(
        clip_probability=0.0, floor_probability=0.0, voice_db=(-30.0, 10.0)
    )
    rng = np.random.default_rng(seed)
    programme = Composer(pool, style).compose(6.0, rng, stems=True)
    total = sum(programme.stems.values())
    np.testing.assert_allclose(total, programme.audio, atol=1e-5)


def test_stems_leave_hiss_and_clipping_out(pool):
    style = Style(
        scenes=(SceneKind("silence", 1, (5.0, 6.0)),),
        floor_probability=1.0,
        floor_db=(-60.0, -60.0),
        clip_probability=0.0,
    )
    rng = np.random.default_rng(0)
    programme = Composer(pool, style).compose(4.0, rng, stems=True)
    assert not any(stem.any() for stem in programme.stems.values())
    level = 20 * np.log10(programme.audio.std())
    assert level == pytest.approx(-60, abs=0.2)


def test_asking_for_stems_changes_the_mix_by_rounding_only(pool):
    composer = Composer(pool)
    for seed in range(10):
        plain = composer.compose(4.0, np.random.default_rng(seed))
        split = composer.compose(4.0, np.random.default_rng(seed), stems=True)
        np.testing.assert_allclose(plain.audio, split.audio, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_labels_are_where_the_energy_is(pool, seed):
    """Every stem is active in its spans and, beyond 20 ms, only there."""
    style = Style(
        room_probability=0.0,
        clip_probability=0.0,
        floor_probability=0.0,
        channel_probability=0.0,
        source_tone_probability=0.0,
    )
    rng = np.random.default_rng(seed)
    programme = Composer(pool, style).compose(12.0, rng, stems=True)
    for label, stem in programme.stems.items():
        spans = programme.spans[label]
        outside = ~active_samples(spans, len(stem), grow=0.02)
        # Taking rumble out smears a toy clip's hard edges a little: by 3.5 % in
        # the worst of 400 seeds.
        loudest = max(np.abs(stem).max(initial=0.0), 0.05)
        assert np.abs(stem[outside]).max(initial=0.0) <= 0.05 * loudest
        inside = active_samples(spans, len(stem), grow=-0.02)
        blocks = stem[: len(stem) // 160 * 160].reshape(-1, 160)
        whole = inside[: len(stem) // 160 * 160].reshape(-1, 160).all(axis=1)
        assert (np.abs(blocks[whole]).max(axis=1, initial=0.0) > 1e-5).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_overlap_is_where_two_pitches_sound(pool, seed):
    """Toy voices are tones 100 Hz apart: together they beat, alone not."""
    style = Style(
        scenes=(SceneKind("two", 1, (5.0, 9.0), 2),),
        second_voice_db=(0.0, 0.0),
        scene_db=(0.0, 0.0),
        speed_probability=0.0,
        room_probability=0.0,
        clip_probability=0.0,
        floor_probability=0.0,
        channel_probability=0.0,
        source_tone_probability=0.0,
    )
    rng = np.random.default_rng(seed)
    programme = Composer(pool, style).compose(10.0, rng)
    block = 800  # 50 ms: bins of 20 Hz, all the pitches fall on one
    sound = programme.audio.reshape(-1, block)
    spectrum = np.abs(np.fft.rfft(sound, axis=1))[:, [15, 20, 25, 30]]
    voices = (spectrum > 0.5 * spectrum.max()).sum(axis=1)
    n = len(programme.audio)
    for label, least in (("speech", 1), ("overlap", 2)):
        active = active_samples(programme.spans[label], n).reshape(-1, block)
        assert (voices[active.all(axis=1)] >= least).all()
        assert (voices[~active.any(axis=1)] < least).all()


def test_bed_lies_as_far_below_the_voice_as_asked(pool):
    style = Style(
        scenes=(SceneKind("bed", 1, (20.0, 20.0), 1, ("noise",)),),
        bed_below_db=(9.0, 9.0),
        bed_cut_probability=0.0,
        channel_probability=0.0,
        source_tone_probability=0.0,
        speed_probability=0.0,
        room_probability=0.0,
        clip_probability=0.0,
        floor_probability=0.0,
    )
    rng = np.random.default_rng(1)
    programme = Composer(pool, style).compose(8.0, rng, stems=True)
    levels = {}
    for label in ("speech", "noise"):
        stem = programme.stems[label]
        inside = active_samples(programme.spans["speech"], len(stem), -0.02)
        levels[label] = 10 * np.log10(np.square(stem[inside]).mean())
    assert levels["speech"] - levels["noise"] == pytest.approx(9.0, abs=0.5)


def test_pool_without_a_label_or_without_anything(pool):
    speech = ClipPool([c for c in pool.clips if c.label == "speech"])
    rng = np.random.default_rng(0)
    programme = Composer(speech).compose(60.0, rng)
    assert programme.spans["speech"] and programme.spans["overlap"]
    assert not programme.spans["music"] and not programme.spans["noise"]
    hushed = Composer(ClipPool([]), Style()).compose(4.0, rng)
    assert not any(hushed.spans.values())
    spoken = Style(scenes=(SceneKind("speech", 1, (1.0, 2.0), 1),))
    with pytest.raises(CorpusError, match="got clips of nothing"):
        Composer(ClipPool([]), spoken).compose(4.0, rng)


def test_default_style_has_the_joint_states_of_recorded_programmes(corpora):
    clips = read_clips(corpora / "clips/clips.csv")
    # One clip of twelve is enough here, and quick to decode.
    composer = Composer(ClipPool(clips[::12]))
    seconds = dict.fromkeys(RECORDED_STATES, 0)
    rng = np.random.default_rng(0)
    n_frames = num_frames(8 * RATE)
    number = 250
    for _ in range(number):
        spans = composer.compose(8.0, rng).spans
        active = {c: frame_targets(spans[c], n_frames) for c in CLASSES}
        for frame in range(n_frames):
            state = " ".join(c for c in CLASSES if active[c][frame])
            seconds[state] = seconds.get(state, 0) + 1
    for state, wanted in RECORDED_STATES.items():
        found = seconds[state] / (n_frames * number)
        assert found == pytest.approx(wanted, abs=0.05), state

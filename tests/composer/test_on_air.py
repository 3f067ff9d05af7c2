"""What the style of the air adds, one by one, and whether its truth is true."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from toy_clips import RATE, bursts, save, write_toy_clips

from explainable_seg.classes import CLASSES
from explainable_seg.composer.clips import Clip, read_clips, write_clips
from explainable_seg.composer.composer import Composer
from explainable_seg.composer.on_air import ON_AIR
from explainable_seg.composer.pool import ClipPool, voiced_spans
from explainable_seg.composer.scenes import ScenePlanner, conversation
from explainable_seg.composer.style import SceneKind, Style
from explainable_seg.composer.textures import TEXTURES, make_texture
from explainable_seg.composer.tracks import merge_spans, programme_spans
from explainable_seg.frames import UNKNOWN
from explainable_seg.training.chunks import ComposedChunks

DRY = {
    "room_probability": 0.0,
    "bed_room_probability": 0.0,
    "clip_probability": 0.0,
    "floor_probability": 0.0,
    "channel_probability": 0.0,
    "source_tone_probability": 0.0,
    "speed_probability": 0.0,
    "ground_probability": 0.0,
}
STYLED = {
    "solo": ("music", "a cappella [en]", 700.0),
    "song": ("music", "song with vocals (pop) [en]", 1200.0),
    "ident": ("music", "jingle / ringtone", 1700.0),
    "hall": ("noise", "applause", 3300.0),
}


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    """Toy clips, and one of each sort that scenes may ask for."""
    folder = tmp_path_factory.mktemp("clips")
    clips = write_toy_clips(folder)
    for name, (label, style, hertz) in STYLED.items():
        audio = bursts(20.0, ((0.0, 20.0),), hertz)
        clip = save(folder / f"{name}.wav", audio, label, name)
        clips.append(replace(clip, style=style))
    return ClipPool(clips)


def only(kind, **changes):
    """The style of the air with one kind of scene, dry."""
    return replace(ON_AIR, scenes=(kind,), **{**DRY, **changes})


def named(name):
    """A kind of scene of the air."""
    return next(kind for kind in ON_AIR.scenes if kind.name == name)


def covered(spans, n_samples, grow):
    """Samples inside the spans, each longer by ``grow`` seconds."""
    inside = np.zeros(n_samples, dtype=bool)
    for start, end in spans:
        first = max(0, round((start - grow) * RATE))
        inside[first : max(first, round((end + grow) * RATE))] = True
    return inside


def powers(audio):
    """Mean square of each 10 ms, dB."""
    blocks = np.square(audio[: len(audio) // 160 * 160]).reshape(-1, 160)
    return 10 * np.log10(blocks.mean(axis=1) + 1e-12)


def test_every_scene_can_be_played(pool):
    kinds, _ = ON_AIR.playable(pool.sorts())
    assert len(kinds) == len(ON_AIR.scenes)
    few, _ = ON_AIR.playable({"speech", "music"})
    assert {bed for kind in few for bed in kind.beds} == {
        "music",
        "tonal",
        "babble",
    }


@pytest.mark.parametrize("kind", ON_AIR.scenes, ids=lambda kind: kind.name)
def test_labels_are_where_the_energy_is(pool, kind):
    # Babble is always in a room, whose tail goes beyond the voices.
    beds = tuple(bed for bed in kind.beds if bed != "babble")
    dry = replace(kind, in_room=0.0, in_band=0.0, beds=beds)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        programme = Composer(pool, only(dry)).compose(8.0, rng, stems=True)
        again = Composer(pool, only(dry)).compose(
            8.0, np.random.default_rng(seed), stems=True
        )
        assert programme.audio.tobytes() == again.audio.tobytes()
        for label, stem in programme.stems.items():
            spans = programme.spans[label]
            outside = ~covered(spans, len(stem), 0.03)
            loudest = max(np.abs(stem).max(initial=0.0), 0.02)
            assert np.abs(stem[outside]).max(initial=0.0) <= 0.02 * loudest
            inside = covered(spans, len(stem), -0.03)
            whole = inside[: len(stem) // 160 * 160].reshape(-1, 160)
            if kind.beds != ("tonal",):  # beeps have pauses
                assert (powers(stem)[whole.all(axis=1)] > -100).all()


def test_spans_follow_the_voice():
    """A joined span falls apart at its pauses, to 50 ms."""
    said = [(0.5, 1.4), (1.5, 2.5), (2.8, 4.0)]
    audio = bursts(5.0, said, 300.0)
    audio += np.random.default_rng(0).normal(0, 1e-4, len(audio))
    found = voiced_spans(10 ** (powers(audio) / 10), [(0.1, 4.9)], 28.0, 0.2)
    wanted = [(0.5, 2.5), (2.8, 4.0)]  # 0.1 s are no pause
    np.testing.assert_allclose(found, wanted, atol=0.05)


def test_spans_follow_a_voice_that_becomes_soft():
    audio = bursts(8.0, ((0.0, 3.0),), 300.0)
    audio += 0.06 * bursts(8.0, ((5.0, 6.0), (6.5, 8.0)), 300.0)
    found = voiced_spans(10 ** (powers(audio) / 10), [(0, 8.0)], 20.0, 0.2)
    wanted = [(0.0, 3.0), (5.0, 6.0), (6.5, 8.0)]
    np.testing.assert_allclose(found, wanted, atol=0.05)


def test_spans_in_noise_are_cut_where_the_voice_is_well_above_it():
    audio = bursts(6.0, ((0.0, 2.0), (3.0, 6.0)), 300.0)
    noise = np.random.default_rng(0).normal(0, 1.0, len(audio))
    for below_db, expected in ((24.0, 2), (15.0, 1)):
        heard = audio + 0.07 * 10 ** (-below_db / 20) * noise
        mean = 10 ** (powers(heard) / 10)
        found = voiced_spans(mean, [(0.0, 6.0)], 28.0, 0.2)
        assert len(found) == expected


def test_pauses_are_as_they_were_unless_the_style_says(pool):
    clip = pool.draw(np.random.default_rng(0), "speech")
    joined = replace(clip, spans=((clip.spans[0][0], clip.spans[-1][1]),))
    for style, n_spans in ((Style(), 1), (ON_AIR, 2)):
        planner = ScenePlanner(pool, style, np.random.default_rng(0))
        assert len(planner.followed(joined).spans) == n_spans


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_nobody_speaks_over_oneself(pool, seed):
    planner = ScenePlanner(pool, ON_AIR, np.random.default_rng(seed))
    tracks = conversation(planner, 4, 1.0, 16.0, -25.0)
    assert 2 <= len({t.group for t in tracks}) == len(tracks) <= 4
    for track in tracks:
        for before, after in zip(track.pieces, track.pieces[1:]):
            assert after.at >= before.end - 1e-9
        assert all(p.seconds > 0 for p in track.pieces)
        assert track.pieces[-1].end <= 17.2 + 1e-9
        loudness = {round(p.gain_db) for p in track.pieces}
        assert max(loudness) - min(loudness) <= 14


def test_talk_is_mostly_one_voice_and_overlaps_in_half_of_the_chunks(pool):
    composer = Composer(pool, only(named("talk")))
    overlapping, speech, overlap = 0, 0.0, 0.0
    for seed in range(200):
        spans = composer.compose(4.0, np.random.default_rng(seed)).spans
        overlapping += bool(spans["overlap"])
        speech += sum(e - s for s, e in spans["speech"])
        overlap += sum(e - s for s, e in spans["overlap"])
    assert 0.35 < overlapping / 200 < 0.7
    assert 0.02 < overlap / speech < 0.2


def test_one_room_for_all_of_a_scene(pool):
    for seed in range(20):
        planner = ScenePlanner(pool, ON_AIR, np.random.default_rng(seed))
        kind = replace(named("talk"), in_room=1.0, in_band=1.0)
        tracks = planner.scene(kind, 0.0, 8.0)
        voices = [t for t in tracks if t.label == "speech"]
        assert len({t.room[0] for t in voices}) == 1
        assert len({t.room[1] for t in voices}) == len(voices)
        assert len({t.tone for t in tracks}) == 1
        assert [t.label for t in tracks].count("floor") == 1


def test_bed_lies_low_under_the_voice_and_rises_in_pauses(pool):
    kind = SceneKind("bed", 1, (30.0, 30.0), 1, ("music",))
    style = only(
        kind,
        duck_probability=1.0,
        duck_db=(12.0, 12.0),
        ducked_below_db=(15.0, 15.0),
        bed_cut_probability=0.0,
        long_pause_probability=1.0,
        long_pause=(2.4, 2.5),
    )
    programme = Composer(pool, style).compose(
        12.0, np.random.default_rng(2), stems=True
    )
    voice = programme.spans["speech"]
    bed = powers(programme.stems["music"])
    n = len(programme.audio)
    spoken = covered(voice, n, -0.1)[: len(bed) * 160].reshape(-1, 160)
    silent = ~covered(voice, n, 0.7)[: len(bed) * 160].reshape(-1, 160)
    low, high = bed[spoken.all(axis=1)], bed[silent.all(axis=1)]
    assert np.median(high) - np.median(low) == pytest.approx(12.0, abs=0.5)
    speech = powers(programme.stems["speech"])[spoken.all(axis=1)]
    assert np.median(speech) - np.median(low) == pytest.approx(15.0, abs=1.0)
    assert np.abs(np.diff(bed[10:-10])).max() < 1.5  # no step
    assert merge_spans(programme.spans["music"]) == [(0.0, 12.0)]


def test_an_intro_is_followed_by_speech_at_once(pool):
    planner = ScenePlanner(pool, only(named("jingle, speech")), rng(0))
    for _ in range(20):
        tracks = planner.scene(named("jingle, speech"), 0.0, 10.0)
        spans = programme_spans(tracks, 10.0)
        (music,) = spans["music"]
        assert music[0] < 0.05 and 0.6 < music[1] <= 4.0
        assert -0.35 < spans["speech"][0][0] - music[1] < 0.7


def rng(seed):
    """A generator of a seed."""
    return np.random.default_rng(seed)


def test_singing_is_music_and_drawn_more_often(pool):
    draws = rng(0)
    counts = [
        sum(pool.draw(draws, "music", (), f).sung for _ in range(4000)) / 4000
        for f in (1.0, 3.0)
    ]
    # Two of six tracks, of 20 s each, are sung.
    np.testing.assert_allclose(counts, [2 / 6, 6 / 10], atol=0.03)
    sung = Composer(pool, only(named("a cappella"))).compose(4.0, rng(0))
    assert sung.spans["music"] and not sung.spans["speech"]


def test_who_speaks_over_music_hears_no_more_singing(pool):
    style = only(named("speech over music"), sung_factor=1000.0)
    planner = ScenePlanner(pool, style, rng(0))
    over = [
        planner.scene(named("speech over music"), 0.0, 6.0)[0].pieces[0]
        for _ in range(60)
    ]
    alone = [
        planner.scene(named("music"), 0.0, 6.0)[0].pieces[0] for _ in range(20)
    ]
    assert all(piece.clip.sung for piece in alone)
    assert 5 < sum(piece.clip.sung for piece in over) < 40


def test_a_sort_is_what_the_style_column_says(tmp_path):
    clips = [
        Clip(str(tmp_path / f"{n}.wav"), label, n, 1.0, ((0.0, 1.0),), 0.0, s)
        for n, (label, s, _) in STYLED.items()
    ]
    write_clips(tmp_path / "clips.csv", clips)
    read = read_clips(tmp_path / "clips.csv")
    assert read == clips
    assert [clip.sorts() for clip in read] == [
        ["music", "a cappella"],
        ["music", "song"],
        ["music", "jingle", "instrumental"],
        ["noise", "crowd"],
    ]
    whisper = replace(clips[0], label="speech", style="whisper a cappella")
    assert whisper.sorts() == ["speech"] and not whisper.sung


@pytest.mark.parametrize("level, noise", [(-60.0, 0), (-42.0, UNKNOWN)])
def test_a_quiet_room_is_of_no_class(pool, level, noise):
    quiet = replace(ON_AIR.room, quiet_db=(level, level))
    kind = replace(named("quiet room"), seconds=(9.0, 10.0))
    style = only(kind, room=quiet, gap_probability=0.0)
    chunks = ComposedChunks(Composer(pool, style), 4.0)
    audio, targets, _ = chunks.draw(rng(0))
    assert np.median(powers(audio)) == pytest.approx(level, abs=4.0)
    wanted = dict(zip(CLASSES, (0, 0, noise, 0)))
    for label, value in wanted.items():
        column = targets[:, CLASSES.index(label)]
        assert np.mean(column == value) > 0.95


def test_floors_go_on_through_pauses_and_leave_what_is_known(pool):
    kind = SceneKind("hiss", 1, (20.0, 20.0), 1, ("noise",))
    style = only(kind, ground_probability=1.0, ground_db=(-42.0, -42.0))
    chunks = ComposedChunks(Composer(pool, style), 8.0)
    for seed in range(10):
        audio, targets, _ = chunks.draw(rng(seed))
        assert powers(audio)[5:-5].min() > -62
        assert set(np.unique(targets[:, CLASSES.index("noise")])) <= {1, -1}
        assert not (targets[:, CLASSES.index("speech")] == UNKNOWN).any()


def test_babble_is_noise_in_which_a_single_voice_is_no_overlap(pool):
    kind = replace(named("speech over babble"), seconds=(12.0, 12.0))
    style = only(kind, babble_below_db=(15.0, 15.0))
    composer = Composer(pool, style)
    for seed in range(10):
        programme = composer.compose(6.0, rng(seed), stems=True)
        assert not programme.spans["overlap"]
        assert programme.spans["noise"]
        assert programme.unsure.keys() == {"speech"}
        spoken = covered(programme.spans["speech"], len(programme.audio), -0.02)
        if spoken.sum() > RATE:
            voice = np.square(programme.stems["speech"][spoken]).mean()
            babble = np.square(programme.stems["noise"][spoken]).mean()
            assert 10 * np.log10(voice / babble) > 8


@pytest.mark.parametrize("kind", TEXTURES)
def test_texture_has_unit_power_and_is_itself_again(kind):
    for seed in range(5):
        one, two = (make_texture(kind, 2 * RATE, rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(one, two)
        assert one.dtype == np.float32 and len(one) == 2 * RATE
        assert np.square(one).mean() == pytest.approx(1.0, rel=1e-3)
        for n_samples in (0, 1, 161):
            assert make_texture(kind, n_samples, rng(seed)).size == n_samples


def test_insects_are_high_and_hum_is_low():
    def share(kind, low, high):
        shares = []
        for seed in range(8):
            sound = make_texture(kind, 2 * RATE, rng(seed))
            power = np.abs(np.fft.rfft(sound)) ** 2
            inside = power[2 * low : 2 * high].sum()  # half a hertz a bin
            shares.append(inside / power.sum())
        return np.median(shares)

    assert share("insects", 1800, 7300) > 0.7
    assert share("mains", 40, 1500) > 0.7

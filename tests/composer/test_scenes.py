"""Spans and truth of pieces and tracks, by hand; plans by their properties."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import (
    given,
    settings,
    strategies as st,
)
from toy_clips import save, write_toy_clips

from explainable_seg.classes import CLASSES
from explainable_seg.composer.clips import Clip
from explainable_seg.composer.pool import ClipPool
from explainable_seg.composer.scenes import ScenePlanner, plan_programme
from explainable_seg.composer.style import SceneKind, Style
from explainable_seg.composer.tracks import (
    Piece,
    Track,
    covered_twice,
    cut_spans,
    merge_spans,
    programme_spans,
)
from explainable_seg.errors import CorpusError

VOICE = Clip("a.wav", "speech", "a", 4.0, ((1.0, 2.0), (3.0, 4.0)))
ROUND = st.integers(0, 60).map(lambda n: n / 4)
SPANS = st.lists(
    st.tuples(ROUND, ROUND).map(lambda t: (t[0], t[0] + t[1] + 0.25)),
    max_size=12,
)


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    return ClipPool(write_toy_clips(tmp_path_factory.mktemp("clips")))


def count(spans, times):
    """How many spans cover each time."""
    return np.array([sum(s <= t < e for s, e in spans) for t in times])


@settings(max_examples=100, deadline=None)
@given(spans=SPANS)
def test_span_arithmetic_agrees_with_counting(spans):
    times = np.arange(0, 32, 0.25) + 0.125
    wanted = count(spans, times)
    merged, twice = merge_spans(spans), covered_twice(spans)
    np.testing.assert_array_equal(count(merged, times), wanted >= 1)
    np.testing.assert_array_equal(count(twice, times), wanted >= 2)
    cut = count(cut_spans(spans, 2.0, 8.0), times)
    inside = (times > 2) & (times < 8)
    np.testing.assert_array_equal(cut, np.where(inside, wanted, 0))
    for disjoint in (merged, twice):
        flat = [t for span in disjoint for t in span]
        assert flat == sorted(set(flat))


def test_speech_is_where_its_clip_says_at_any_speed():
    piece = Piece(VOICE, 10.0, 2.0, 0.5, Fraction(5, 4), 0.0)
    # 2 s of the programme are 2.5 s of the clip: 0.5 to 3.0 s.
    assert piece.spans() == [pytest.approx((10.4, 11.2))]


def test_bed_is_where_its_fades_are_audible():
    clip = Clip("m.wav", "music", "m", 9.0, ((0.0, 9.0),))
    piece = Piece(clip, 1.0, 5.0, 0.0, Fraction(1), 0.0, 1.0, 0.5)
    assert piece.spans() == [pytest.approx((1.0478, 5.9761), abs=1e-4)]


def test_overlap_is_two_different_voices():
    other = Clip("b.wav", "speech", "b", 4.0, ((0.0, 2.5),))

    def track(clip, at):
        piece = Piece(clip, at, 4.0, 0.0, Fraction(1), 0.0)
        return Track("speech", clip.group, (piece,))

    spans = programme_spans([track(VOICE, 0.0), track(other, 1.5)], 10.0)
    assert spans["speech"] == [(1.0, 4.0)]
    assert spans["overlap"] == [(1.5, 2.0), (3.0, 4.0)]
    same = programme_spans([track(VOICE, 0.0), track(VOICE, 0.5)], 10.0)
    assert same["overlap"] == []
    assert same["speech"] == [(1.0, 2.5), (3.0, 4.5)]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_plans_cover_the_programme_and_no_scene_meets_another(pool, seed):
    rng = np.random.default_rng(seed)
    style = Style(scenes=(SceneKind("music", 1, (1.0, 5.0), 0, ("music",)),))
    tracks = plan_programme(8.0, pool, style, rng)
    ends = [(t.pieces[0].at, t.pieces[-1].end) for t in tracks]
    assert ends[0][0] <= 0 and ends[-1][1] > 6.9
    for (_, end), (start, _) in zip(ends, ends[1:]):
        assert -1e-9 <= start - end <= 1.0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), seconds=st.floats(1.0, 40.0))
def test_bed_covers_its_time_without_a_hole(pool, seed, seconds):
    planner = ScenePlanner(pool, Style(), np.random.default_rng(seed))
    bed = planner.bed("noise", 2.0, 2.0 + seconds, -30.0)
    assert bed.pieces[0].at == 2.0
    assert -1e-9 <= 2.0 + seconds - bed.pieces[-1].end <= 0.2 + 1e-9
    for before, after in zip(bed.pieces, bed.pieces[1:]):
        assert before.end - after.at == pytest.approx(0.1)
    for piece in bed.pieces:
        length = piece.begin + piece.seconds * float(piece.speed)
        assert 0 <= piece.begin and length <= piece.clip.duration + 1e-6


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), seconds=st.floats(0.0, 20.0))
def test_voice_stays_in_its_time(pool, seed, seconds):
    rng = np.random.default_rng(seed)
    planner = ScenePlanner(pool, Style(), rng)
    clip = pool.draw(rng, "speech")
    voice = planner.voice(clip, 1.0, 1.0 + seconds, -30.0)
    assert {p.clip.group for p in voice.pieces} <= {clip.group}
    assert bool(voice.pieces) == (seconds > 0.5)
    now = 1.0
    for piece in voice.pieces:
        assert piece.at >= now - 1e-9
        now = piece.end
        assert now <= 1.0 + seconds + 1e-9
        assert piece.spans()


def test_silent_bed_is_named(tmp_path):
    clip = save(tmp_path / "mute.wav", np.zeros(16000), "noise", "g")
    planner = ScenePlanner(ClipPool([clip]), Style(), np.random.default_rng(0))
    with pytest.raises(CorpusError, match="0.00 s that can be heard.*mute.wav"):
        planner.bed("noise", 0.0, 1.0, -30.0)


def test_short_cut_is_like_a_long_programme(pool):
    """Chunks hold as much of each class as programmes do."""
    style = Style(
        scenes=(
            SceneKind("jingle", 3, (1.0, 2.0), 0, ("music",)),
            SceneKind("speech", 1, (6.0, 12.0), 1),
            SceneKind("noise", 1, (10.0, 30.0), 0, ("noise",)),
        )
    )

    def share(duration, number):
        rng = np.random.default_rng(0)
        found = np.zeros(len(CLASSES))
        for _ in range(number):
            tracks = plan_programme(duration, pool, style, rng)
            spans = programme_spans(tracks, duration)
            found += [sum(e - s for s, e in spans[c]) for c in CLASSES]
        return found / (duration * number)

    np.testing.assert_allclose(share(1.0, 3000), share(3000, 8), atol=0.04)


def test_style_keeps_what_the_clips_allow():
    kinds, shares = Style().playable({"speech", "noise"})
    assert {bed for kind in kinds for bed in kind.beds} == {"noise"}
    assert shares.sum() == pytest.approx(1.0)
    music = (SceneKind("music", 1, (1.0, 2.0), 0, ("music",)),)
    with pytest.raises(CorpusError, match="got clips of noise"):
        Style(scenes=music).playable({"noise"})

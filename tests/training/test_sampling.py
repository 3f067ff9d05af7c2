"""Where chunks are cut: in proportion, or balanced."""

import numpy as np
import pytest

from explainable_seg.classes import CLASSES
from explainable_seg.corpora.manifest import Region
from explainable_seg.corpora.truth import Truth
from explainable_seg.training.chunks import Balance, ChunkSampler

N_DRAWS = 4000


def region(name, seconds):
    """A region that starts 10 s into its recording."""
    rate = 1000
    return Region(
        id=name,
        duration=seconds,
        wav=f"{name}.wav",
        start=10 * rate,
        stop=round((10 + seconds) * rate),
        sample_rate=rate,
        recording=name.split("/")[-1],
        rttm=None,
        uems=dict.fromkeys(CLASSES),
    )


def truth(recording, **spans):
    """Truth of a recording, annotated where the class has spans at all."""
    none = np.zeros((0, 2))
    return Truth(
        recording,
        {c: np.array(spans.get(c, none), dtype=float) for c in CLASSES},
        {c: np.array([[0, 1e4]]) if c in spans else none for c in CLASSES},
    )


@pytest.fixture
def regions():
    """Ten hours' worth of one corpus against one of another, in seconds."""
    return [region("big/a", 1000.0), region("small/b", 100.0)]


@pytest.fixture
def truths():
    """Music is rare in a; in b there is speech, and music is unknown."""
    return {
        "a": truth("a", speech=[[10, 1000]], music=[[500, 510]]),
        "b": truth("b", speech=[[10, 110]]),
    }


def draws(sampler):
    """Many draws."""
    rng = np.random.default_rng(0)
    return [sampler.draw(rng) for _ in range(N_DRAWS)]


@pytest.mark.parametrize(
    ("exponent", "share"), [(1.0, 10 / 11), (0.0, 1 / 2), (0.5, 0.7597)]
)
def test_corpora_are_drawn_as_the_exponent_says(
    regions, truths, exponent, share
):
    sampler = ChunkSampler(regions, truths, 4.0, Balance(exponent))
    big = [r.recording == "a" for r, _ in draws(sampler)]
    assert np.mean(big) == pytest.approx(share, abs=0.03)


def test_chunks_lie_inside_their_region_and_cover_it(regions, truths):
    for balance in (Balance(), Balance(class_share=1.0)):
        found = draws(ChunkSampler(regions, truths, 4.0, balance))
        starts = np.array([s for r, s in found if r.recording == "a"])
        assert starts.min() >= 0
        assert starts.max() <= 996
        assert np.histogram(starts, 10, (0, 996))[0].min() > 50


def test_rare_classes_are_drawn_as_often_as_others(regions, truths):
    sampler = ChunkSampler(regions, truths, 4.0, Balance(class_share=1.0))
    # Music: 490 to 500 s of the region that starts at 10 s.
    musical = [
        486 <= start <= 500 for r, start in draws(sampler) if r.recording == "a"
    ]
    assert np.mean(musical) > 0.5


def test_moments_are_those_of_the_scores_where_there_are_scores(
    regions, truths
):
    class Said:
        """Of a, overlap is likely for ten seconds; of b nothing is said."""

        def spans(self, region, name):
            if region.recording == "b" or name != "overlap":
                return None
            return [(700.0, 710.0)]

    sampler = ChunkSampler(
        regions, truths, 4.0, Balance(class_share=1.0), Said()
    )
    found = [s for r, s in draws(sampler) if r.recording == "a"]
    likely = [696 <= start <= 710 for start in found]
    musical = [486 <= start <= 500 for start in found]
    assert np.mean(likely) > 0.3 and np.mean(musical) > 0.3


def test_without_class_share_rare_classes_stay_rare(regions, truths):
    musical = [
        486 <= start <= 500
        for r, start in draws(ChunkSampler(regions, truths, 4.0))
        if r.recording == "a"
    ]
    assert np.mean(musical) < 0.05


def test_a_region_shorter_than_a_chunk_starts_at_its_start(truths):
    sampler = ChunkSampler([region("b", 2.0)], truths, 4.0)
    assert {start for _, start in draws(sampler)} == {0.0}


@pytest.mark.parametrize("wrong", [(1.5, 0.0), (1.0, -0.1)])
def test_no_power_or_share_is_refused(wrong):
    with pytest.raises(ValueError, match="in \\[0, 1\\]"):
        Balance(*wrong)

"""Chunks for training: exact targets, and nothing but the seed decides."""

import numpy as np
import pytest
import soundfile
import torch
from pyannote.core import Annotation, Segment, Timeline

from explainable_seg.annotation.rttm import write_rttm, write_uem
from explainable_seg.audio.level import at_level
from explainable_seg.composer.augment import Augment
from explainable_seg.corpora.manifest import Region
from explainable_seg.corpora.scores import Scores, ScoreSource
from explainable_seg.errors import CorpusError
from explainable_seg.frames import num_frames
from explainable_seg.training.chunks import (
    Chunk,
    ChunkCache,
    EpochSampler,
    RecordedChunks,
    TrainingChunks,
    WholeRegions,
    read_region,
)
from explainable_seg.training.stems import stem_shares


@pytest.fixture
def make_region(tmp_path):
    """Makes a recording whose music (a tone) starts at 1 s."""

    def make(rate=16000, seconds=3.0, channels=1):
        t = np.arange(round(rate * seconds)) / rate
        tone = np.where(t >= 1.0, 0.25 * np.sin(2 * np.pi * 440 * t), 0.0)
        wav, rttm, uem = (tmp_path / f"show.{x}" for x in ("wav", "rttm", "u"))
        soundfile.write(wav, np.stack([tone] * channels, axis=1), rate)
        annotation = Annotation(uri="show")
        annotation[Segment(1.0, seconds)] = "music"
        write_rttm(rttm, annotation)
        write_uem(uem, {"show": Timeline([Segment(0, 2.5)], uri="show")})
        uems = dict.fromkeys(("speech", "music", "noise", "overlap"))
        return Region(
            id="show",
            duration=seconds,
            wav=str(wav),
            start=0,
            stop=len(t),
            sample_rate=rate,
            recording="show",
            rttm=str(rttm),
            uems={**uems, "music": str(uem)},
        )

    return make


@pytest.mark.parametrize("rate, channels", [(16000, 1), (22050, 2), (8000, 1)])
def test_targets_follow_the_sound(make_region, rate, channels):
    source = RecordedChunks([make_region(rate, channels=channels)], 1.0)
    for seed in range(20):
        audio, targets, _ = source.draw(np.random.default_rng(seed))
        assert audio.dtype == np.float32 and len(audio) == 16000
        assert targets.shape == (num_frames(16000), 4)
        assert (targets[:, [0, 2, 3]] == -1).all()  # annotated nowhere
        heard = np.abs(
            np.lib.stride_tricks.sliding_window_view(audio, 160)[120::320]
        ).max(axis=1)[: len(targets)]
        known = targets[:, 1] >= 0
        agreed = (heard > 0.1) == (targets[:, 1] == 1)
        assert (~agreed[known]).sum() <= 1  # the frame on the boundary


def test_a_short_region_is_padded_with_the_unknown(make_region):
    source = RecordedChunks([make_region(seconds=2.0)], 4.0)
    audio, targets, _ = source.draw(np.random.default_rng(0))
    n_read = num_frames(32000)
    assert len(audio) == 64000 and not audio[32000:].any()
    assert (targets[n_read:] == -1).all()
    assert (targets[n_read - 1, 1]) == 1


def test_regions_are_brought_to_a_level(make_region):
    source = RecordedChunks([make_region(seconds=3.0)], 3.0, level=-26.0)
    audio, *_ = source.draw(np.random.default_rng(0))
    # 0.25 sin of which the second before it, silence, does not count.
    assert np.square(audio[20000:]).mean() == pytest.approx(10**-2.6, rel=1e-2)


def test_workers_share_what_was_measured(make_region, monkeypatch):
    region = make_region(seconds=3.0)
    source = RecordedChunks([region], 1.0, level=-26.0)
    chunks = TrainingChunks([source], [1.0], 0)
    loader = torch.utils.data.DataLoader(
        chunks, sampler=range(4), num_workers=1, batch_size=None
    )
    first = [batch["wav"] for batch in loader]

    def measure_again(blocks, level):
        raise AssertionError("measured in another epoch")

    monkeypatch.setattr(
        "explainable_seg.corpora.truth.gain_curve", measure_again
    )
    again = [batch["wav"] for batch in loader]
    assert all(map(torch.equal, first, again))


def test_whole_regions_are_heard_at_the_level(make_region):
    plain, heard = (
        WholeRegions([make_region()], level)[0]["wav"].numpy()
        for level in (None, -26.0)
    )
    np.testing.assert_array_equal(heard, at_level(plain, -26.0))
    assert np.abs(heard - plain).max() > 0.01


def test_only_the_stretch_is_read(make_region):
    region = make_region(rate=48000)
    whole = read_region(region)
    part = read_region(region, 1.0, 0.5)
    assert len(part) == 8000
    np.testing.assert_allclose(part, whole[16000:24000], atol=1e-6)


def test_scores_follow_the_sound_in_place_of_labels(make_region, tmp_path):
    region = make_region(seconds=2.0)
    ramp = np.linspace(0.1, 0.9, num_frames(32000))
    (tmp_path / "scores").mkdir()
    np.savez(tmp_path / "scores/show.npz", speech=ramp)
    said = {"folder": str(tmp_path / "scores"), "classes": {"sp": "speech"}}
    scores = Scores(ScoreSource.of(said), [region])
    source = RecordedChunks([region], 1.0, scores=scores)
    rng = np.random.default_rng(0)
    for _ in range(5):
        audio, targets, _ = source.draw(rng)
        rise = np.diff(targets[:, 0].astype(float))
        np.testing.assert_allclose(rise, 0.8 / (len(ramp) - 1), atol=1e-3)
        # The tone begins at 1 s, after the middle frame of the ramp.
        musical = targets[:, 0] > np.float16(0.504)
        np.testing.assert_array_equal(targets[:, 1] == 1, musical)
        assert (targets[:, 2:] == -1).all()
    source = RecordedChunks([region], 4.0, scores=scores)
    _, targets, _ = source.draw(rng)
    assert (targets[len(ramp) :] == -1).all()
    assert (targets[: len(ramp), 0] > 0).all()


class Counting:
    """Source that counts how often it is asked."""

    n_draws = 0

    def draw(self, rng):
        """A chunk of noise."""
        self.n_draws += 1
        audio = rng.uniform(-0.5, 0.5, 16000).astype(np.float32)
        return Chunk(audio, rng.integers(-1, 2, (49, 4)).astype(np.int8))


def test_a_chunk_depends_on_seed_and_index_alone():
    first = TrainingChunks([Counting()], [1.0], seed=1)
    second = TrainingChunks([Counting()], [1.0], seed=1)
    second[7]
    assert torch.equal(first[3]["wav"], second[3]["wav"])
    assert not torch.equal(first[3]["wav"], first[4]["wav"])
    other = TrainingChunks([Counting()], [1.0], seed=2)
    assert not torch.equal(first[3]["wav"], other[3]["wav"])


def test_workers_change_nothing():
    def batches(n_workers):
        loader = torch.utils.data.DataLoader(
            TrainingChunks([Counting()], [1.0], seed=0),
            sampler=EpochSampler(8),
            batch_size=4,
            num_workers=n_workers,
        )
        return torch.cat([batch["wav"] for batch in loader])

    assert torch.equal(batches(0), batches(2))


def test_epochs_and_processes_share_the_chunks_out():
    every = []
    for rank in (0, 1):
        sampler = EpochSampler(10, rank, world_size=2)
        sampler.set_epoch(3)
        every += list(sampler)
        assert len(list(sampler)) == len(sampler)
    assert sorted(every) == list(range(20, 30))


def test_shares_that_do_not_sum_to_one_are_refused():
    with pytest.raises(ValueError, match="sum to 1"):
        TrainingChunks([Counting()], [0.5], seed=0)


def test_a_cache_makes_each_chunk_once(tmp_path):
    def chunks(source):
        cache = ChunkCache(tmp_path, 5, 1.0, {"seed": 1})
        return TrainingChunks([source], [1.0], 1, cache=cache)

    source, later = Counting(), Counting()
    first = [chunks(source)[i] for i in range(60)]
    assert source.n_draws == 5
    again = [chunks(later)[i] for i in range(60)]
    assert later.n_draws == 0
    for a, b in zip(first, again):
        assert torch.equal(a["wav"], b["wav"])
        assert torch.equal(a["targets"], b["targets"])
    exact = {tuple(c["targets"].flatten().tolist()) for c in first}
    assert len(exact) == 5


def test_a_cache_of_another_recipe_is_refused(tmp_path):
    ChunkCache(tmp_path, 5, 1.0, {"seed": 1})
    with pytest.raises(CorpusError, match="another"):
        ChunkCache(tmp_path, 5, 1.0, {"seed": 2})


def test_whole_regions_have_a_target_for_every_frame(make_region):
    item = WholeRegions([make_region(rate=8000)])[0]
    assert len(item["targets"]) == num_frames(len(item["wav"]))
    assert item["targets"][:, 1].tolist().count(-1) == pytest.approx(25, abs=2)


def test_level_and_tone_are_drawn_anew_but_reproducibly(tmp_path):
    class One:
        """The same chunk each time."""

        def draw(self, rng):
            audio = np.full(16000, 0.1, dtype=np.float32)
            return Chunk(audio, np.zeros((49, 4), dtype=np.int8))

    cache = ChunkCache(tmp_path, 1, 1.0, {})
    gains = Augment(
        gain_db=(-20.0, 0.0),
        rare_probability=0,
        tone_probability=0,
        telephone_probability=0,
        click_probability=0,
    )
    chunks = TrainingChunks([One()], [1.0], 0, cache=cache, augment=gains)
    levels = [float(chunks[i]["wav"].max()) for i in range(50)]
    assert levels == [float(chunks[i]["wav"].max()) for i in range(50)]
    decibels = 20 * np.log10(np.array(levels) / 0.1)
    assert decibels.min() < -15 and decibels.max() > -5
    kept, *_ = cache.get(0, One().draw)
    assert kept.max() == pytest.approx(0.1, abs=1e-4)


def test_fixed_chunks_depend_on_no_order_and_go_beyond_the_cache(tmp_path):
    def chunks(order_seed, cached):
        cache = ChunkCache(tmp_path, 3, 1.0, {}) if cached else None
        gains = Augment(
            gain_db=(-20.0, 0.0),
            rare_probability=0,
            tone_probability=0,
            telephone_probability=0,
            click_probability=0,
        )
        return TrainingChunks(
            [Counting()], [1.0], 1, order_seed, cache, augment=gains
        )

    for cached in (False, True):
        first, second = chunks(0, cached), chunks(5, cached)
        for number in (4, 1):
            audio, targets, _ = first.fixed(number)
            np.testing.assert_array_equal(second.fixed(number)[0], audio)
            np.testing.assert_array_equal(second.fixed(number)[1], targets)
        # Number 4 is the cache's chunk 1 again, at another level.
        other, targets_1, _ = first.fixed(1)
        audio, targets_4, _ = first.fixed(4)
        assert np.array_equal(targets_1, targets_4) is cached
        levels = audio / other
        assert (levels.std() < 0.01) is np.bool_(cached)
        assert abs(levels.mean() - 1) > 0.01


def stems_of(seed, n=16000):
    rng = np.random.default_rng(seed)
    stems = rng.normal(size=(3, n)).astype(np.float32) * 0.1
    return dict(zip(("speech", "music", "noise"), stems))


def test_a_cache_keeps_shares_and_a_chunk_without_stems_knows_none(tmp_path):
    class Source:
        """One chunk with stems."""

        def draw(self, rng):
            stems = stems_of(3)
            targets = np.zeros((49, 4), dtype=np.int8)
            return Chunk(sum(stems.values()), targets, stem_shares(stems))

    def chunks(source):
        cache = ChunkCache(tmp_path / source.__name__, 1, 1.0, {}, stems=True)
        return TrainingChunks([source()], [1.0], 0, cache=cache, stems=True)

    expected = stem_shares(stems_of(3))
    for _ in range(2):  # made, then read
        kept = chunks(Source)[0]["shares"]
        np.testing.assert_array_equal(kept.numpy(), expected)
    item = chunks(Counting)[0]
    assert item["shares"].shape == (49, 257, 3) and not item["shares"].any()
    plain = TrainingChunks([Counting()], [1.0], 0)
    assert "shares" not in plain[0]

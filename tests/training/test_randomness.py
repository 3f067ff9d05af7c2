"""Streams that share a seed and nothing else."""

import itertools

import numpy as np
import pytest

from explainable_seg.composer.augment import Augment
from explainable_seg.training.chunks import (
    PURPOSES,
    Chunk,
    ChunkCache,
    TrainingChunks,
    random_stream,
)
from explainable_seg.training.training_set import name_of_mix

N = 4000


@pytest.mark.parametrize("pair", [*itertools.combinations(PURPOSES, 2)])
def test_two_purposes_of_a_seed_do_not_go_together(pair):
    ours, theirs = (
        np.array([random_stream(purpose, 0, n).random(2) for n in range(N)])
        for purpose in pair
    )
    for first, second in itertools.product(ours.T, theirs.T):
        # Four standard errors of the correlation of independent numbers.
        assert abs(np.corrcoef(first, second)[0, 1]) < 4 / N**0.5


def test_a_stream_depends_on_all_that_it_is_of():
    kinds = itertools.product(PURPOSES, range(3), range(3))
    drawn = {random_stream(*kind).integers(2**62) for kind in kinds}
    assert len(drawn) == 9 * len(PURPOSES)
    assert (
        random_stream("order", 1, 2).random()
        == random_stream("order", 1, 2).random()
    )


class Source:
    """Tells what its generator draws first."""

    def __init__(self, seen, name):
        self.seen, self.name = seen, name

    def draw(self, rng):
        """A chunk of nothing."""
        self.seen.append((self.name, rng.random()))
        return Chunk(np.zeros(800, np.float32), np.zeros((2, 4), np.int8))


class Gains(Augment):
    """Tells what its generator draws first."""

    seen: list = []

    def __call__(self, audio, rng):
        """The same sound."""
        self.seen.append(rng.random())
        return audio


@pytest.mark.parametrize("cached", [False, True])
def test_with_equal_seeds_choice_content_and_augmentation_are_apart(
    cached, tmp_path
):
    seen, gains = [], Gains()
    gains.seen = Gains.seen = []
    cache = ChunkCache(tmp_path, 50, 0.05, {}) if cached else None
    if cached:
        cache.get = lambda number, make: make()
    chunks = TrainingChunks(
        [Source(seen, 0), Source(seen, 1)], [0.5, 0.5], 0, 0, cache, gains
    )
    for index in range(1000):
        chunks[index]
    source, content = np.array(seen).T
    table = np.corrcoef([source, content, gains.seen])
    assert np.abs(table - np.eye(3)).max() < 0.15


def test_mixes_have_names_of_their_own():
    names = {
        name_of_mix(["p/a", "p/b"], ["a"]),
        name_of_mix(["p/b", "p/a"], ["a"]),
        name_of_mix(["p/a", "p/b"], ["b"]),
        name_of_mix(["q/a", "p/b"], ["a"]),
        name_of_mix(["p/a"], ["b", "a"]),
    }
    assert len(names) == 5
    assert all("/" not in name and len(name) < 100 for name in names)
    assert len(name_of_mix([f"p/{'x' * 300}"])) < 100

"""Selection of atoms and contrasts: counted by hand."""

from functools import partial

import pytest
import torch

from explainable_seg.explanation import (
    Decomposition,
    StudentWeights,
    explain_class,
)
from explainable_seg.explanation.decomposition import contrast_classes
from explainable_seg.explanation.selection import (
    relevance,
    segment_relevance,
    select_against,
    select_share,
    select_top,
)

R = torch.tensor([0.5, -3.0, 4.0, 0.0, 2.0, -1.0, 3.5])  # 10 for, 4 against


@pytest.mark.parametrize(
    ("share", "atoms"),
    [(0.4, [2]), (0.41, [2, 6]), (0.75, [2, 6]), (0.9, [2, 4, 6]),
     (1.0, [0, 2, 4, 6])],
)  # fmt: skip
def test_fewest_atoms_that_carry_a_share(
    share: float, atoms: list[int]
) -> None:
    assert select_share(R, share).nonzero()[:, 0].tolist() == atoms


def test_top_atoms_and_those_against() -> None:
    assert select_top(R, 2).nonzero()[:, 0].tolist() == [2, 6]
    assert select_top(R, 99).sum() == 4
    assert select_against(R, 1).nonzero()[:, 0].tolist() == [1]
    assert select_against(R, 99).nonzero()[:, 0].tolist() == [1, 5]


def test_nothing_speaks_for_the_class() -> None:
    for select in (select_share, select_top):
        assert not select(-R.abs()).any()
    assert not select_against(R.abs()).any()


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="`share`"):
        select_share(R, 0.0)
    with pytest.raises(ValueError, match="`n`"):
        select_top(R, 0)


def test_an_explanation_takes_any_selection(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    select = partial(select_against, n=1)
    explanation = explain_class(
        decomposition, weights, "speech", start=1.2, end=1.8, select=select
    )
    assert explanation.selected.tolist() == [False, True, False]


def test_a_contrast_adds_up_to_the_gap(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    frames = torch.zeros(decomposition.n_frames, dtype=torch.bool)
    frames[5:40] = True
    contrast = contrast_classes(
        decomposition, weights, "speech", "music", frames
    )
    total = contrast.bias + contrast.relevance.sum().item()
    assert total == pytest.approx(contrast.logit_gap, abs=1e-4)
    assert contrast.relevance.argmax() == 0  # the atom of speech sounds there
    back = contrast_classes(decomposition, weights, "music", "speech", frames)
    torch.testing.assert_close(back.relevance, -contrast.relevance)


def test_a_contrast_of_no_frame_is_refused(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    nothing = torch.zeros(decomposition.n_frames, dtype=torch.bool)
    with pytest.raises(ValueError, match="`frames`"):
        contrast_classes(decomposition, weights, "speech", "music", nothing)


def test_all_segments_at_once_are_each_on_its_own(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    H, segments = decomposition.activations, [(0, 30), (30, 31), (10, 90)]
    together = segment_relevance(H, weights.theta, segments)
    for row, (first, last) in enumerate(segments):
        for c in range(4):
            alone = relevance(H[first:last], weights.theta[c])
            torch.testing.assert_close(together[row, c], alone)
    assert segment_relevance(H, weights.theta, []).shape == (0, 4, 3)


@pytest.mark.parametrize("segment", [(3, 3), (-1, 2), (0, 1000)])
def test_segments_outside_the_recording_are_refused(
    decomposition: Decomposition,
    weights: StudentWeights,
    segment: tuple[int, int],
) -> None:
    with pytest.raises(ValueError, match="`segments`"):
        segment_relevance(decomposition.activations, weights.theta, [segment])

"""Selection of atoms and contrasts: counted by hand."""

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch

from explainable_seg.explanation import (
    PAPER_ATOMS,
    SELECTED,
    Decomposition,
    StudentWeights,
    atom_rankings,
    class_mask,
    default_selection,
    explain_class,
    select_atoms,
)
from explainable_seg.explanation.decomposition import contrast_classes
from explainable_seg.explanation.selection import (
    relevance,
    segment_relevance,
    select_against,
    select_share,
    select_top,
)
from explainable_seg.models import Student

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


def test_own_atoms_that_sound_are_shown_and_heard(
    decomposition: Decomposition, own_weights: StudentWeights
) -> None:
    """For the class or against it; what others add is in the numbers alone."""
    theta = own_weights.theta.clone()
    theta[0] = torch.tensor([-1.0, 5.0, 0.5])  # speech: by the atom of music
    against = dataclasses.replace(own_weights, theta=theta)
    H = decomposition.activations
    read = dataclasses.replace(
        decomposition, logits=H @ theta.T + own_weights.bias
    )
    speech = explain_class(read, against, "speech", 0.0, 2.0)
    assert speech.relevance[0] < 0 < speech.relevance[1]
    assert speech.selected.tolist() == [True, False, False]
    total = speech.bias + speech.relevance.sum()
    assert total == pytest.approx(speech.logit_mean, abs=1e-4)
    ours = decomposition.audio[1000:15000]
    assert np.abs(speech.audio[1000:15000] - ours).max() < 0.02
    assert np.abs(speech.audio[17000:]).max() < 0.02
    assert speech.source == "speech"
    assert speech.deciding.tolist() == [False, True, False]


def test_overlap_sounds_as_speech_does(
    decomposition: Decomposition, own_weights: StudentWeights
) -> None:
    speech, overlap = (
        explain_class(decomposition, own_weights, name, 0.0, 2.0)
        for name in ("speech", "overlap")
    )
    assert np.array_equal(overlap.audio, speech.audio) and overlap.audio.any()
    assert overlap.source == "speech"


def test_a_class_of_which_no_atom_sounds_is_silent(
    decomposition: Decomposition, own_weights: StudentWeights
) -> None:
    theta = own_weights.theta.clone()
    theta[2, 0] = 3.0  # the atom of speech speaks for noise
    read = dataclasses.replace(
        decomposition,
        logits=decomposition.activations @ theta.T + own_weights.bias,
    )
    weights = dataclasses.replace(own_weights, theta=theta)
    noise = explain_class(read, weights, "noise", 0.0, 2.0)
    assert noise.relevance.max() > 0 and not noise.selected.any()
    assert not noise.audio.any() and noise.source == "noise"


def test_a_selector_goes_before_own_atoms(
    decomposition: Decomposition, own_weights: StudentWeights
) -> None:
    explanation = explain_class(
        decomposition, own_weights, "overlap", 0.0, 2.0, select=select_atoms
    )
    assert not explanation.selected.any()  # nothing speaks for overlap
    assert explanation.source is None and not explanation.deciding.any()


@pytest.mark.parametrize("seed", range(5))
def test_the_mask_of_own_atoms_is_that_of_all_of_them(seed: int) -> None:
    """Atoms that do not sound add nothing: what training fitted is heard."""
    generator = torch.Generator().manual_seed(seed)
    H = torch.randn(20, 9, generator=generator).clamp(min=0)
    H[:, 4] = 0.0
    W = torch.rand(33, 9, generator=generator)
    theta_c = torch.randn(9, generator=generator)
    own_c = torch.arange(9) < 5
    frames = torch.arange(20) > 2
    rankings = atom_rankings(H, W, theta_c, frames, own_c)
    whole = class_mask(H, W, own_c)[frames]
    torch.testing.assert_close(rankings[SELECTED][frames], whole)
    shared = atom_rankings(H, W, theta_c, frames)
    assert torch.equal(rankings[PAPER_ATOMS], shared[SELECTED])
    assert PAPER_ATOMS not in shared
    z = H[frames].mean(dim=0)
    assert not default_selection(theta_c * z, z, own_c)[4:].any()


def test_weights_know_whose_atoms_they_are() -> None:
    settings = {"frontend": {"type": "spectrogram"}, "tcn": {"n_blocks": 1}}
    shared = Student(**settings, n_atoms=6)
    assert StudentWeights.of(shared).owners == [None] * 6
    assert StudentWeights.of(shared).source("music") is None
    own = Student(**settings, n_atoms=6, atoms_per_class=[2, 3, 1, 0])
    weights = StudentWeights.of(own)
    assert weights.owners == ["speech"] * 2 + ["music"] * 3 + ["noise"]
    assert weights.source("overlap") == "speech"
    assert weights.own_of("music").tolist() == [
        k in (2, 3, 4) for k in range(6)
    ]
    two = Student(
        **settings,
        n_atoms=6,
        atoms_per_class=[2, 3, 1, 0],
        classes=("speech", "music"),
    )
    assert StudentWeights.of(two).owners[-1] is None  # noise is no class of it


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

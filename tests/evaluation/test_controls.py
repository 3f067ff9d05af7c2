"""Controls and rankings: wrong in the way that they should be, no other."""

import torch

from explainable_seg.evaluation.faithfulness import (
    control_masks,
    permute_theta,
    random_atoms,
    randomised_student,
)
from explainable_seg.explanation.grounding import permute_frequencies
from explainable_seg.explanation.masks import (
    class_mask,
    class_masks,
    evidence_map,
)
from explainable_seg.explanation.selection import (
    SELECTED,
    atom_rankings,
    relevance_per_frame,
)
from explainable_seg.models import Student

FRAMES = torch.tensor([True] * 9 + [False] * 3)


def case() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sparse activations, a dictionary and a row of a classifier."""
    generator = torch.Generator().manual_seed(0)
    H = torch.randn(12, 7, generator=generator).clamp(min=0)
    H[:, 6] = 0.0
    W = torch.rand(33, 7, generator=generator) ** 3
    return H, W, torch.randn(7, generator=generator)


def test_random_atoms_are_as_many_and_sound() -> None:
    H, _, _ = case()
    selected = torch.tensor([True, False, True, False, False, False, False])
    drawn = [random_atoms(selected, H.mean(dim=0), seed) for seed in range(20)]
    assert all(d.sum() == 2 and not d[6] for d in drawn)
    assert torch.stack(drawn).any(dim=0).sum() == 6  # each active one, at times


def test_no_more_atoms_are_drawn_than_sound() -> None:
    z = torch.tensor([1.0, 0.0, 0.0])
    chosen = random_atoms(torch.ones(3, dtype=torch.bool), z)
    assert chosen.tolist() == [True, False, False]


def test_permuted_weights_are_the_same_ones() -> None:
    theta = torch.arange(50.0)
    permuted = permute_theta(theta)
    assert not torch.equal(permuted, theta)
    assert torch.equal(permuted.sort().values, theta)


def test_controls_are_masks_and_reproducible() -> None:
    first, again = (control_masks(*case(), FRAMES) for _ in range(2))
    for name, mask in first.items():
        assert mask.shape == (12, 33)
        assert mask.min() >= 0 and mask.max() <= 1
        assert torch.equal(mask, again[name])
    assert not first["random bins"].any()


def test_no_control_is_the_explanation() -> None:
    explanation = atom_rankings(*case(), FRAMES)[SELECTED]
    for mask in control_masks(*case(), FRAMES).values():
        assert not torch.allclose(mask, explanation, atol=1e-3)


def test_controls_of_own_atoms_are_as_many_and_of_the_same_atoms() -> None:
    H, W, theta = case()
    own = torch.tensor([True, True, True, False, False, False, True])
    masks = control_masks(H, W, theta, FRAMES, own)
    shown = own & (H[FRAMES].mean(dim=0) > 0)
    assert shown.tolist() == [True] * 3 + [False] * 4
    permuted = class_mask(H, permute_frequencies(W), shown)
    torch.testing.assert_close(masks["permuted W"], permuted)
    drawn = random_atoms(shown, H[FRAMES].mean(dim=0))
    torch.testing.assert_close(masks["random atoms"], class_mask(H, W, drawn))
    explanation = atom_rankings(H, W, theta, FRAMES, own)[SELECTED]
    for mask in masks.values():
        assert not torch.allclose(mask, explanation, atol=1e-3)


def test_a_randomised_student_keeps_only_its_dictionary() -> None:
    torch.manual_seed(1)
    student = Student(
        {"type": "spectrogram"},
        {"n_blocks": 1},
        6,
        dictionary=torch.rand(257, 6),
    )
    state = {k: v.clone() for k, v in student.state_dict().items()}
    fresh, again = randomised_student(student), randomised_student(student)
    assert torch.equal(fresh.dictionary, student.dictionary)
    assert not torch.equal(fresh.classifier.weight, student.classifier.weight)
    assert torch.equal(fresh.classifier.weight, again.classifier.weight)
    assert not fresh.training
    for name, value in student.state_dict().items():
        assert torch.equal(value, state[name])


def test_masks_of_all_classes_are_those_of_each() -> None:
    H, W, _ = case()
    chosen = torch.rand(4, 7, generator=torch.Generator().manual_seed(2)) > 0.5
    together = class_masks(H, W, chosen)
    for mask, selected in zip(together, chosen):
        torch.testing.assert_close(mask, class_mask(H, W, selected))


def test_evidence_sums_to_the_positive_contributions() -> None:
    H, W, theta = case()
    expected = relevance_per_frame(H, theta).clamp(min=0).sum(dim=1)
    evidence = evidence_map(H, W, theta)
    torch.testing.assert_close(evidence.sum(dim=1), expected)
    W[:, 0] = 0.0
    assert evidence_map(H, W, theta).isfinite().all()


def test_an_explanation_of_nothing_ranks_nothing() -> None:
    H, W, theta = case()
    for scores in atom_rankings(H, W, -theta.abs(), FRAMES).values():
        assert not scores.any()

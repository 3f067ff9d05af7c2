"""Losses and budgets by hand, and against PyTorch's own."""

import numpy as np
import pytest
import torch
from torch.distributions import Bernoulli, kl_divergence

from explainable_seg.models.student import StudentOutput
from explainable_seg.training.losses import (
    UNKNOWN,
    Budget,
    distillation_loss,
    label_loss,
    outside_share,
    reconstruction_energy,
    student_losses,
    with_scores,
)


def everything(tensor):
    return torch.ones_like(tensor, dtype=torch.bool)


def test_label_loss_leaves_the_unknown_out():
    logits = torch.tensor([[[0.0, 5.0]]], requires_grad=True)
    targets = torch.tensor([[[1, UNKNOWN]]], dtype=torch.int8)
    loss = label_loss(logits, targets)
    loss.backward()
    assert loss.item() == pytest.approx(0.6931, abs=1e-4)
    assert logits.grad[0, 0].tolist() == [-0.5, 0.0]


def test_a_score_is_a_soft_label():
    logits = torch.tensor([0.0, 2.0, -1.0], requires_grad=True)
    targets = torch.tensor([0.25, 0.75, UNKNOWN], dtype=torch.float16)
    label_loss(logits, targets).backward()
    expected = (logits.sigmoid() - targets).detach() / 2
    assert logits.grad[:2].tolist() == pytest.approx(expected[:2].tolist())
    assert logits.grad[2] == 0


def test_scores_take_the_place_of_the_teacher_class_by_class():
    teacher = torch.tensor([[[3.0, -3.0, 3.0]]])
    targets = torch.tensor([[[0.2, 1.0, UNKNOWN]]], dtype=torch.float16)
    taught = with_scores(teacher, targets)
    expected = [np.log(0.2 / 0.8), -3.0, 3.0]
    assert taught[0, 0].tolist() == pytest.approx(expected, abs=1e-2)
    student = taught.clone().requires_grad_()
    loss = distillation_loss(student, taught, everything(taught))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-7)
    assert student.grad.abs().max() < 1e-7


def test_nothing_known_is_zero_with_a_gradient():
    logits = torch.zeros(1, 3, 4, requires_grad=True)
    loss = label_loss(logits, torch.full((1, 3, 4), UNKNOWN))
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad.abs().sum() == 0.0


def test_distillation_is_kl_from_teacher_to_student():
    generator = torch.Generator().manual_seed(0)
    teacher, student = torch.randn(2, 2, 5, 4, generator=generator)
    expected = kl_divergence(
        Bernoulli(logits=teacher), Bernoulli(logits=student)
    ).mean()
    found = distillation_loss(student, teacher, everything(teacher))
    torch.testing.assert_close(found, expected)


def test_distillation_stays_finite_at_saturation_and_spares_the_teacher():
    teacher = torch.tensor([200.0, -200.0], requires_grad=True)
    student = torch.tensor([-200.0, 200.0], requires_grad=True)
    loss = distillation_loss(student, teacher, everything(teacher))
    loss.backward()
    assert loss.item() == pytest.approx(200.0)
    assert bool(torch.isfinite(student.grad).all())
    assert teacher.grad is None


def test_padding_counts_in_no_loss_of_the_student():
    W = torch.eye(3)[:, :2]
    X = torch.ones(1, 2, 3)
    H = torch.tensor([[[2.0, 1.0], [9.0, 9.0]]])
    code = torch.tensor([[[2.0, 0.0], [5.0, 5.0]]])
    targets = torch.tensor([[[1, UNKNOWN], [UNKNOWN, UNKNOWN]]])
    output = StudentOutput(torch.zeros(1, 2, 2), H, X, code)
    theta = torch.tensor([[1.0, 0.0], [-1.0, 1.0]])
    losses = student_losses(output, targets, W, theta, torch.zeros(1, 2, 2))
    assert losses["task"].item() == 0.0
    assert losses["l1_ratio"].item() == pytest.approx(1.5, rel=0.01)
    # Residuals (-1, 0, 1) and (-1, 1, 1) of the one frame that counts.
    assert losses["error_ratio"].item() == pytest.approx(
        (2 / 3) ** 0.5, rel=0.01
    )
    # Half of atom 0 is too much: of 2 for the one class, of 2 + 1 for the other.
    unsupported = losses["unsupported"].item()
    assert unsupported == pytest.approx((1 / 2 + 1 / 3) / 2)
    # The code leaves 3 of the energy 3 of the one frame.
    assert losses["dictionary"].item() == pytest.approx(1.0)
    # By design: the one known decision, at a logit of 0.
    by_design = student_losses(output, targets, W, theta)
    assert by_design["task"].item() == pytest.approx(np.log(2))


def test_energy_by_hand():
    X = torch.tensor([[[3.0, 4.0]]])
    W = torch.tensor([[1.0], [0.0]])
    H = torch.tensor([[[1.0]]])
    known = torch.ones(1, 1, dtype=torch.bool)
    assert reconstruction_energy(X, W, H, known).item() == 20.0


@pytest.mark.parametrize("loudness", [0.0, 1e-3, 1.0])
def test_sounds_too_faint_for_a_code_leave_losses_finite(loudness):
    X = torch.full((1, 3, 2), loudness)
    H = torch.ones(1, 3, 2, requires_grad=True)
    logits = torch.zeros(1, 3, 4, requires_grad=True)
    code = torch.zeros(1, 3, 2)
    targets, theta = torch.zeros(1, 3, 4), torch.ones(4, 2)
    output = StudentOutput(logits, H, X, code)
    losses = student_losses(output, targets, torch.eye(2), theta)
    torch.stack(list(losses.values())).sum().backward()
    assert all(bool(torch.isfinite(x)) for x in losses.values())
    assert bool((H.grad > 0).all()) and H.grad.max() < 100


def test_budget_rises_when_broken_and_falls_with_slack():
    budget = Budget(limit=2.0, weight=1.0)
    budget(torch.tensor(4.0))
    assert budget.weight > 1.0
    for _ in range(3):
        budget(torch.tensor(1.0))
    assert budget.weight < 1.0


def test_budget_holds_still_in_evaluation_and_within_bounds():
    budget = Budget(limit=1.0, rate=1.0, bounds=(0.5, 2.0)).eval()
    budget(torch.tensor(9.0))
    assert budget.weight == 1.0
    budget.train()
    for _ in range(9):
        penalty = budget(torch.tensor(9.0))
    assert budget.weight == 2.0
    assert penalty.item() == pytest.approx(18.0)


def test_budget_meets_its_limit_by_itself():
    # Minimise -x under x <= 3: the multiplier must find the balance.
    x = torch.tensor(0.0, requires_grad=True)
    budget = Budget(limit=3.0, weight=0.1, rate=0.05)
    optimizer = torch.optim.SGD([x], lr=0.05)
    for _ in range(2000):
        optimizer.zero_grad()
        (-x + budget(0.5 * x.square() / 1.5)).backward()
        optimizer.step()
    assert 0.5 * x.item() ** 2 / 1.5 == pytest.approx(3.0, rel=0.1)


def test_budget_is_part_of_a_checkpoint():
    budget = Budget(limit=1.0)
    budget(torch.tensor(2.0))
    copy = Budget(limit=1.0)
    copy.load_state_dict(budget.state_dict())
    assert torch.equal(copy.weight, budget.weight)
    with pytest.raises(ValueError, match="limit"):
        Budget(limit=0.0)


def test_outside_share_is_the_mean_over_classes():
    H = torch.tensor([[[1.0, 1.0], [1.0, 1.0], [9.0, 9.0]]])
    theta = torch.tensor([[3.0, -1.0], [1.0, 1.0]])
    own = torch.tensor([[True, False], [False, True]])
    known = torch.tensor([[True, True, False]])
    share = outside_share(H, theta, own, known)
    assert share.item() == pytest.approx((0.25 + 0.5) / 2)
    nothing = outside_share(H * 0, theta, own, known)
    assert nothing.item() == 0

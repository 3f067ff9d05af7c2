"""A warm start copies what fits, and nothing else."""

import torch

from explainable_seg.models import build_model
from explainable_seg.training.teacher import warm_start

TCN = {"n_blocks": 1, "n_layers": 2, "n_channels": 8, "n_hidden": 8}


def pair(student_tcn):
    teacher = build_model({"type": "teacher", "frontend": {}, "tcn": TCN})
    student = build_model(
        {
            "type": "student",
            "frontend": {},
            "tcn": student_tcn,
            "n_atoms": 5,
        }
    )
    return student, teacher


def test_equal_architectures_share_their_context():
    student, teacher = pair(TCN)
    X = torch.rand(1, 20, 257)
    assert not torch.allclose(student.tcn(X), teacher.tcn(X))
    assert warm_start(student, teacher)
    torch.testing.assert_close(student.tcn(X), teacher.tcn(X))


def test_other_architectures_start_cold():
    student, teacher = pair({**TCN, "n_blocks": 2})
    before = {k: v.clone() for k, v in student.state_dict().items()}
    assert not warm_start(student, teacher)
    for name, tensor in student.state_dict().items():
        assert torch.equal(tensor, before[name])

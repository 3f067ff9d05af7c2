"""A student's teacher: it fits, and what the student begins with from it."""

import pytest
import torch
from tiny_student import CONFIG

from explainable_seg.errors import ModelError
from explainable_seg.models import build_model
from explainable_seg.models.pretrained import save_pretrained
from explainable_seg.training.distillation import load_teacher, warm_start

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


@pytest.mark.parametrize("level", [None, -20.0])
def test_a_teacher_of_another_level_is_refused(tmp_path, level):
    torch.manual_seed(0)
    model = build_model(
        {
            "type": "teacher",
            "frontend": {"type": "spectrogram"},
            "tcn": {"n_blocks": 1, "n_layers": 1},
        }
    )
    save_pretrained(tmp_path, model, {**CONFIG, "level": level}, "#\n")
    teacher, config = load_teacher(str(tmp_path), level)
    assert config["level"] == level
    for name, weights in model.state_dict().items():
        assert torch.equal(weights, teacher.state_dict()[name])
    with pytest.raises(ModelError, match=f"-33.0, got one of {level}, in "):
        load_teacher(str(tmp_path), -33.0)

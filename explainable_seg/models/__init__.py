"""TCN, teacher and student: tensors in, tensors out."""

from explainable_seg.models.build import build_model
from explainable_seg.models.student import Student, StudentOutput
from explainable_seg.models.tcn import TCN
from explainable_seg.models.teacher import Teacher

__all__ = ["TCN", "Student", "StudentOutput", "Teacher", "build_model"]

"""A student that trains on what is cached and runs from audio."""

from collections.abc import Mapping
from typing import Any, Optional

import torch

from explainable_seg.inference.windows import Predict
from explainable_seg.models.student import Student
from explainable_seg.models.teacher import Teacher


def cached_student(
    student: Mapping[str, Any], teacher: Teacher
) -> dict[str, Any]:
    """Configuration of a student that shares its teacher's front end.

    Arguments
    ---------
    student : Mapping[str, Any]
        Configuration of the student.
    teacher : Teacher
        Its teacher.

    Returns
    -------
    dict[str, Any]
        With the teacher's WavLM in place of the student's; as it was for other
        front ends.
    """
    if student["frontend"]["type"] != "wavlm":
        return dict(student)
    return {**student, "frontend": teacher.config["frontend"]}


def share_front_end(student: Student, teacher: Teacher) -> None:
    """Give a student its teacher's WavLM, sum of states included, frozen.

    So it runs from audio as it was trained from the cache.

    Arguments
    ---------
    student : Student
        Of :func:`cached_student`; changed in place.
    teacher : Teacher
        Its teacher.
    """
    if student.frontend.config["type"] == "wavlm":
        student.frontend.load_state_dict(teacher.frontend.state_dict())
        student.frontend.requires_grad_(False)


def window_predictor(
    model: torch.nn.Module,
    device: torch.device,
    features: Optional[torch.Tensor] = None,
) -> Predict:
    """Outputs of a student on windows whose features may be known.

    Arguments
    ---------
    model : torch.nn.Module
        A student.
    device : torch.device
        Where it is.
    features : torch.Tensor, optional [shape=(n_windows, T, D)]
        Of all windows, in the order in which they will come; the model's own
        front end by default.

    Returns
    -------
    callable
        For :func:`~explainable_seg.inference.windows.stitch`: logits, H and X
        of audio [B, N].
    """
    first = 0

    def predict(wav: torch.Tensor) -> tuple[torch.Tensor, ...]:
        nonlocal first
        rows = None
        if features is not None:
            rows = features[first : first + len(wav)].to(device)
            first += len(wav)
        return tuple(model(wav.to(device), rows)[:3])

    return predict

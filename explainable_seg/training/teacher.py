"""The teacher of a student: a pretrained folder that hears what it hears."""

import logging
from collections.abc import Mapping
from typing import Any, Optional

import torch

from explainable_seg.errors import ModelError
from explainable_seg.models import Student, Teacher, load_pretrained


def load_teacher(
    source: str,
    level: Optional[float],
    device: str | torch.device = "cpu",
) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Load a teacher, and be sure that it fits the student's recordings.

    Arguments
    ---------
    source : str
        A pretrained folder.
    level : float or None
        What the student's recordings are brought to, dB re full scale.
    device : str or torch.device
        Where it shall run.

    Returns
    -------
    tuple[torch.nn.Module, dict[str, Any]]
        The teacher, and the content of its config.json.

    Raises
    ------
    ModelError
        If it cannot be loaded, or learned from recordings at another level.
    """
    teacher, config = load_pretrained(source, device)
    theirs = config.get("level")
    if theirs != level:
        raise ModelError(
            f"expected a teacher of recordings at the level {level}, got one "
            f"of {theirs}, in {source}; train it again, or give --level="
            f"{'null' if theirs is None else theirs} to all three stages"
        )
    return teacher, config


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


logger = logging.getLogger(__name__)


def warm_start(student: Student, teacher: Teacher) -> bool:
    """Copy the teacher's front end and TCN into the student, if they fit.

    The teacher's classes are a linear map of its TCN's output, so a student
    that begins there has only to learn how to say them with atoms. It needs a
    third of the steps.

    Arguments
    ---------
    student : Student
        Changed in place.
    teacher : Teacher
        Its teacher.

    Returns
    -------
    bool
        Whether both have the same architecture, and the weights were copied.
    """
    ours, theirs = student.config, teacher.config
    if any(ours[part] != theirs[part] for part in ("frontend", "tcn")):
        logger.info("cold start: student and teacher differ in their TCN")
        return False
    student.frontend.load_state_dict(teacher.frontend.state_dict())
    student.tcn.load_state_dict(teacher.tcn.state_dict())
    logger.info("warm start: TCN copied from the teacher")
    return True

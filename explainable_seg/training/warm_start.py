"""A student that begins with what its teacher knows of the context."""

import logging

from explainable_seg.models.student import Student
from explainable_seg.models.teacher import Teacher

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

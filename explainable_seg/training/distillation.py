"""What a student learns from beside labels: its teacher, or a cache of it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional, cast

import torch

from explainable_seg.errors import ModelError
from explainable_seg.models import (
    Student,
    Teacher,
    build_model,
    load_pretrained,
)
from explainable_seg.training.dictionary import load_dictionary
from explainable_seg.training.feature_cache import FeatureCache

logger = logging.getLogger(__name__)


def load_teacher(
    source: str,
    level: Optional[float],
    device: str | torch.device = "cpu",
) -> tuple[Teacher, dict[str, Any]]:
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
    tuple[Teacher, dict[str, Any]]
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
    return cast(Teacher, teacher), config


class Lessons:
    """What a student is told of its chunks, beside their labels.

    Arguments
    ---------
    teacher : str, optional
        Pretrained folder of its teacher; without one it learns from labels.
    level : float, optional
        What recordings are brought to, dB re full scale.
    cache : str, optional
        Folder with what the teacher says of the chunks, and what its front end
        makes of them.
    cache_settings : callable
        Takes the content of the teacher's config.json; gives the settings that
        the cache was filled with.

    Raises
    ------
    ExplainableSegError
        If the teacher or the cache cannot be read, or does not fit.
    """

    def __init__(
        self,
        teacher: Optional[str],
        level: Optional[float],
        cache: Optional[str],
        cache_settings: Callable[[Optional[dict[str, Any]]], dict[str, Any]],
    ):
        self.teacher: Optional[Teacher] = None
        self.cache: Optional[FeatureCache] = None
        config = None
        if teacher:
            self.teacher, config = load_teacher(teacher, level)
        if cache:
            self.cache = FeatureCache(cache, cache_settings(config))

    @property
    def classes(self) -> Optional[tuple[str, ...]]:
        """Classes of the teacher, if there is one."""
        return self.teacher.classes if self.teacher else None

    def build_student(
        self,
        config: Mapping[str, Any],
        dictionary: str,
        classes: Sequence[str],
        warm: bool,
    ) -> Student:
        """Build a student, with what it has of its teacher from the start.

        Arguments
        ---------
        config : Mapping[str, Any]
            Its configuration, without what follows from the next two.
        dictionary : str
            File of its dictionary.
        classes : Sequence[str]
            What it is trained for.
        warm : bool
            Whether the TCN of the teacher is copied, if it fits.

        Returns
        -------
        Student
        """
        W, mu = load_dictionary(dictionary)
        cached = self.teacher if self.cache else None
        if cached:
            config = cached_student(config, cached)
        of_data = {"mu": mu, "n_atoms": W.shape[1], "classes": classes}
        student = cast(Student, build_model({**config, **of_data}, W))
        if cached:
            share_front_end(student, cached)
        if warm and self.teacher:
            warm_start(student, self.teacher)
        return student

    def chunks(
        self, training_set: Callable[[], torch.utils.data.Dataset], seed: int
    ) -> torch.utils.data.Dataset:
        """The chunks to learn from, in the order of a seed if from a cache."""
        return self.cache.chunks(seed) if self.cache else training_set()

    def to(self, device: torch.device) -> None:
        """Move the teacher to where it will be asked, if it will be."""
        if self.teacher and not self.cache:
            self.teacher.to(device)

    def of_batch(
        self, batch: Mapping[str, torch.Tensor], wav: torch.Tensor
    ) -> tuple[Optional[torch.Tensor], Optional[torch.Tensor]]:
        """Features [B, T, D] and the teacher's logits [B, T, C], or None.

        Arguments
        ---------
        batch : Mapping[str, torch.Tensor]
            Chunks.
        wav : torch.Tensor [shape=(B, N)]
            Their audio, on the device.

        Returns
        -------
        tuple[torch.Tensor or None, torch.Tensor or None]
            On the device.
        """
        if self.cache:
            features = batch.get("features")
            if features is not None:
                features = features.to(wav.device)
            return features, batch["teacher_logits"].to(wav.device)
        with torch.no_grad():
            return None, self.teacher(wav) if self.teacher else None

    def of_recording(self, name: str) -> Optional[torch.Tensor]:
        """Features of the windows of a recording of dev, if they are known."""
        return self.cache.windows(name) if self.cache else None


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

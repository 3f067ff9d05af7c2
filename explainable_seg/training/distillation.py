"""A dictionary and a teacher, as a student begins with them."""

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Optional, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from explainable_seg.classes import CLASSES, implies
from explainable_seg.distributed import sum_over_ranks
from explainable_seg.errors import ExplainableSegError, ModelError
from explainable_seg.files import atomic_path
from explainable_seg.models import (
    Student,
    Teacher,
    build_model,
    check_atoms_per_class,
    load_pretrained,
)
from explainable_seg.nmf import SparseNMF
from explainable_seg.training.feature_cache import FeatureCache

logger = logging.getLogger(__name__)


KEY = "dictionary"  # of the file
EVERYTHING = "all"


class DictionaryLearner:
    """Sparse NMF over batches of frames, with their targets.

    By default all frames teach one set of atoms. With ``atoms_per_class`` each
    class has a set of its own, learned from the frames in which it is heard
    alone; the dictionary is all of them side by side.

    Arguments
    ---------
    nmf : SparseNMF
        Settings, and the learner of all frames.
    atoms_per_class : Sequence[int], optional
        Number of atoms of each class, 0 for none.

    Raises
    ------
    ExplainableSegError
        If there is not one number a class, or they do not sum up to
        ``nmf.n_atoms``.

    Example
    -------
    >>> learner = DictionaryLearner(SparseNMF(2), [1, 1, 0, 0])
    >>> frames = torch.tensor([[3.0, 0.0], [0.0, 4.0], [5.0, 5.0]])
    >>> heard = torch.tensor([[1, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0]])
    >>> learner.learn(frames, heard)
    >>> learner.dictionary
    tensor([[1., 0.],
            [0., 1.]])
    """

    def __init__(
        self,
        nmf: SparseNMF,
        atoms_per_class: Optional[Sequence[int]] = None,
    ):
        self.mu = nmf.mu
        self.n_updates = 0  # batches that were gone through
        self.parts = {EVERYTHING: nmf}
        if atoms_per_class is None:
            return
        check_atoms_per_class(atoms_per_class, nmf.n_atoms)
        self.parts = {
            name: nmf.like(n)
            for name, n in zip(CLASSES, atoms_per_class)
            if n > 0
        }

    @property
    def dictionary(self) -> torch.Tensor:
        """Atoms [F, K] of all parts.

        Raises
        ------
        ExplainableSegError
            If a class was never heard alone.
        """
        for name, part in self.parts.items():
            if part.n_batches == 0:
                raise ExplainableSegError(
                    f"expected frames in which {name} is heard alone, got none "
                    "in training; give it no atoms in `atoms_per_class`"
                )
        return torch.cat([p.dictionary for p in self.parts.values()], dim=1)

    def learn(self, frames: torch.Tensor, targets: torch.Tensor) -> None:
        """Learn from a batch; all processes call this at the same time.

        Arguments
        ---------
        frames : torch.Tensor [shape=(T, F)]
            Spectra, non-negative.
        targets : torch.Tensor [shape=(T, C)]
            1, 0, or -1 where a class is unknown.
        """
        self.n_updates += 1
        for name, part in self.parts.items():
            chosen = frames
            if name != EVERYTHING:
                chosen = frames[heard_alone(targets, name)]
                found = torch.tensor(len(chosen), device=frames.device)
                sum_over_ranks(found)
                if found == 0:
                    continue
            part.partial_fit(chosen)

    def summary(self) -> dict[str, float]:
        """How well the last batches were rebuilt, by what had been learned.

        Returns
        -------
        dict[str, float]
            ``objective`` a frame, ``relative_error``, ``atoms`` a frame and
            ``used`` (share of the atoms that were), each the mean over the
            frames of the parts; empty before any of them has learned.
        """
        last = [p.summary for p in self.parts.values() if p.summary]
        weights = [s.n_frames for s in last]
        columns = {
            "objective": [s.objective for s in last],
            "relative_error": [s.relative_error for s in last],
            "atoms": [s.atoms_per_frame for s in last],
            "used": [(s.usage > 0).double().mean().item() for s in last],
        }
        if not last:
            return {}
        return {
            name: sum(w * v for w, v in zip(weights, values)) / sum(weights)
            for name, values in columns.items()
        }

    def state_dict(self) -> dict[str, Any]:
        """All that was learned, to go on from exactly."""
        parts = {name: p.state_dict() for name, p in self.parts.items()}
        return {"parts": parts, "n_updates": self.n_updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what an object of the same settings had learned."""
        self.n_updates = state["n_updates"]
        for name, part in self.parts.items():
            part.load_state_dict(state["parts"][name])


def heard_alone(targets: torch.Tensor, name: str) -> torch.Tensor:
    """Which frames hold a class, and no other that it does not imply.

    Arguments
    ---------
    targets : torch.Tensor [shape=(T, C)]
        1, 0, or -1 where a class is unknown.
    name : str
        The class.

    Returns
    -------
    torch.Tensor [shape=(T,), dtype=bool]

    Example
    -------
    >>> targets = torch.tensor([[1, 0, 0, 1], [1, 0, 0, 0], [1, 1, 0, 0]])
    >>> heard_alone(targets, "speech"), heard_alone(targets, "overlap")
    (tensor([False,  True, False]), tensor([ True, False, False]))
    """
    others = [i for i, c in enumerate(CLASSES) if not implies(name, c)]
    heard = targets == 1
    return heard[:, CLASSES.index(name)] & ~heard[:, others].any(dim=1)


class Dictionary(NamedTuple):
    """Atoms, and how they were learned.

    ``atoms`` [F, K] of unit norm, ``mu`` the sparsity weight, and
    ``atoms_per_class`` how many are of each of the four classes, one behind
    the other; None where all frames taught all atoms.
    """

    atoms: torch.Tensor
    mu: float
    atoms_per_class: Optional[list[int]] = None


def save_dictionary(
    path: str | os.PathLike[str], dictionary: Dictionary
) -> None:
    """Write a dictionary, for students to be trained with.

    Arguments
    ---------
    path : str or os.PathLike
        The file, usually ``dictionary.safetensors``.
    dictionary : Dictionary
        Atoms, and how they were learned.
    """
    settings = {
        "mu": float(dictionary.mu),
        "atoms_per_class": dictionary.atoms_per_class,
    }
    with atomic_path(path) as temporary:
        save_file(
            {KEY: dictionary.atoms.detach().cpu().contiguous()},
            temporary,
            metadata={k: json.dumps(v) for k, v in settings.items()},
        )


def load_dictionary(path: str | os.PathLike[str]) -> Dictionary:
    """Read what :func:`save_dictionary` wrote.

    Arguments
    ---------
    path : str or os.PathLike
        The file.

    Returns
    -------
    Dictionary

    Raises
    ------
    ModelError
        If the file is missing or is no such file, or its atoms are negative
        or not of unit norm.
    """
    if not Path(path).is_file():
        raise ModelError(
            f"expected a dictionary, got no file, in {path}; run "
            "recipes/train_dictionary.py first"
        )
    try:
        with safe_open(path, framework="pt") as stream:
            atoms = stream.get_tensor(KEY)
            settings = stream.metadata() or {}
        mu = float(settings["mu"])
        per_class = json.loads(settings.get("atoms_per_class", "null"))
        if per_class is not None:
            check_atoms_per_class(per_class, atoms.shape[1])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"expected a dictionary, got '{error}', in {path}; run "
            "recipes/train_dictionary.py again"
        ) from None
    norms = atoms.norm(dim=0)
    if bool((atoms < 0).any()) or not torch.allclose(
        norms, torch.ones_like(norms), atol=1e-3
    ):
        raise ModelError(
            f"expected non-negative atoms of unit norm, got others, in {path};"
            " run recipes/train_dictionary.py again"
        )
    return Dictionary(atoms, mu, per_class)


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
    _check_level(config, level, "a teacher", source)
    return cast(Teacher, teacher), config


def _check_level(
    config: Mapping[str, Any],
    level: Optional[float],
    what: str,
    source: str,
) -> None:
    """Raise if a model has heard recordings at another level."""
    theirs = config.get("level")
    if theirs != level:
        raise ModelError(
            f"expected {what} of recordings at the level {level}, got one "
            f"of {theirs}, in {source}; train it again, or give --level="
            f"{'null' if theirs is None else theirs} to all stages"
        )


def load_student(
    source: str, level: Optional[float], classes: Sequence[str]
) -> Student:
    """A student to go on training from.

    Arguments
    ---------
    source : str
        Pretrained folder, or hub id.
    level : float or None
        What recordings are brought to, dB re full scale.
    classes : Sequence[str]
        What it shall be trained for: all of its classes, or some.

    Returns
    -------
    Student
        Of the same architecture, dictionary and weights; it can be trained.

    Raises
    ------
    ModelError
        If it cannot be loaded, is no student, learned from recordings at
        another level, or knows nothing of a class.
    """
    loaded, config = load_pretrained(source)
    if not isinstance(loaded, Student):
        raise ModelError(
            f"expected a student to go on from, got a {config['model']['type']}"
            f", in {source}; name the export of a student"
        )
    _check_level(config, level, "a student", source)
    unknown = [name for name in classes if name not in loaded.classes]
    if unknown:
        raise ModelError(
            f"expected a student of {', '.join(classes)} to go on from, got "
            f"one of {', '.join(loaded.classes)}, in {source}; say with "
            "--classes which of them to train"
        )
    ours = {**loaded.config, "classes": list(classes)}
    student = cast(Student, build_model(ours, loaded.dictionary))
    state = loaded.state_dict()
    rows = [loaded.classes.index(name) for name in classes]
    for name in ("classifier.weight", "classifier.bias"):
        state[name] = state[name][rows]
    student.load_state_dict(state)
    logger.info("going on from the student of %s", source)
    return student


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
        self.level = level
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
        start: Optional[str] = None,
    ) -> Student:
        """Build a student, with what it has of others from the start.

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
        start : str, optional
            Pretrained folder of a student to go on from: then configuration,
            dictionary and TCN are its own.

        Returns
        -------
        Student

        Raises
        ------
        ModelError
            If the dictionary, or the student to go on from, cannot be had or
            does not fit.
        """
        cached = self.teacher if self.cache else None
        if start:
            student = load_student(start, self.level, classes)
            _check_front_end(student, cached, start)
            return student
        W, mu, per_class = load_dictionary(dictionary)
        if cached:
            config = cached_student(config, cached)
        of_data = {
            "mu": mu,
            "n_atoms": W.shape[1],
            "atoms_per_class": per_class,
            "classes": classes,
        }
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


def _check_front_end(
    student: Student, cached: Optional[Teacher], source: str
) -> None:
    """Raise if features of a cache are not those that a student begins with."""
    if cached and cached.config["frontend"] != student.config["frontend"]:
        raise ModelError(
            f"expected a student on the front end of its teacher, whose "
            f"features are cached, got another, in {source}; train without "
            "--feature_cache"
        )
    if cached:
        share_front_end(student, cached)


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
    _open_to_own_classes(student, teacher)
    logger.info("warm start: TCN copied from the teacher")
    return True


GATE = 0.4  # of a gain, a unit of the teacher's logit
GATE_SHUT = -2.2  # a gain at a logit of 0; at 5.5 the code is as it is
OWN_BIAS = -1.0  # of a class of which nothing is heard


@torch.no_grad()
def _open_to_own_classes(student: Student, teacher: Teacher) -> None:
    """Let the own atoms of a class be heard as the teacher finds it.

    The teacher's logits are linear in the TCN's output that both begin with,
    and so are the gains. Of the classes that an atom is of, the rarest.
    """
    own = student.own_atoms
    if own is None:
        return
    for c in own.sum(dim=1).argsort(descending=True).tolist():
        if student.classes[c] not in teacher.classes:
            continue
        taught = teacher.classes.index(student.classes[c])
        gains = own[c].nonzero().flatten()
        said = teacher.classifier
        student.head.weight[gains] = GATE * said.weight[taught]
        student.head.bias[gains] = GATE * said.bias[taught] + GATE_SHUT
        student.classifier.bias[c] = OWN_BIAS


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

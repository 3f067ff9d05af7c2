"""A part of a corpus by several models: against what each measure says alone."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from tiny_student import CONFIG, save_student
from toy_part import write_part

from explainable_seg.classes import CLASSES
from explainable_seg.corpora.manifest import read_manifest
from explainable_seg.corpora.truth import (
    load_truth,
    read_region,
    region_targets,
)
from explainable_seg.errors import ManifestError
from explainable_seg.evaluation.curves import CalibrationStats
from explainable_seg.evaluation.part import (
    LoadedModel,
    evaluate_part,
    score_regions,
)
from explainable_seg.explanation.grounding import reconstruction_error
from explainable_seg.inference.loading import DEFAULT_MODEL
from explainable_seg.models.pretrained import save_pretrained
from explainable_seg.models.runner import Runner
from explainable_seg.models.student import build_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("part")


@pytest.fixture(scope="module")
def regions(folder):
    return read_manifest(write_part(folder))


@pytest.fixture(scope="module")
def models(folder):
    torch.manual_seed(1)
    teacher = build_model(
        {
            "type": "teacher",
            "frontend": {"type": "spectrogram"},
            "tcn": {"n_blocks": 1, "n_layers": 2, "n_channels": 8},
        }
    )
    thresholds = dict.fromkeys(CLASSES, 0.45)
    config = {**CONFIG, "thresholds": thresholds, "context": 10}
    config["level"] = -23.0
    save_pretrained(folder / "teacher", teacher, config, "#\n")
    save_student(folder / "student")
    return [
        LoadedModel.load(name, folder / name, "cpu")
        for name in ("teacher", "student")
    ]


@pytest.fixture(scope="module")
def result(models, regions):
    return evaluate_part(models, regions)


def test_scores_are_those_of_the_command_for_users(
    models, regions, result, tmp_path
):
    for model in models:
        for point, thresholds in (
            ("tuned", model.config["thresholds"]),
            ("half", dict.fromkeys(CLASSES, 0.5)),
        ):
            config = {**model.config, "thresholds": thresholds}
            expected = score_regions(
                model.runner, config, regions, tmp_path / point
            )
            found = result["models"][model.name][point]
            assert found["macro_f1"] == pytest.approx(
                expected["macro_f1"],
                abs=2e-3,  # RTTM has milliseconds
            )
    music = result["models"]["student"]["tuned"]["classes"]["music"]
    assert music["f1"] > 0.9  # atom 0 is the tones


def test_every_model_runs_once_over_every_recording(regions, models):
    calls = []
    hooks = [
        model.module.tcn.register_forward_hook(
            lambda tcn, inputs, output: calls.append(len(output))
        )
        for model in models
    ]
    evaluate_part(models, regions)
    for hook in hooks:
        hook.remove()
    # 6 s in windows of 2 s, a second apart: five windows, one batch each.
    assert calls == [5] * len(models) * len(regions)


def test_measures_by_frame_leave_out_unknown_time(result, regions, models):
    student = result["models"]["student"]
    assert student["average_precision"]["overlap"] is None
    assert student["calibration"]["overlap"] is None
    assert student["tuned"]["classes"]["overlap"]["f1"] is None
    assert student["f1_intervals"]["overlap"] is None
    table = student["calibration"]["speech"]["table"]
    # Frames with their centre before 4 s, of three recordings.
    assert sum(row["frames"] for row in table) == 3 * 200
    pair = result["pairs"][0]
    assert pair["models"] == ["student", "teacher"]
    assert pair["agreement"]["overlap"] is None
    assert pair["f1_differences"]["overlap"] is None


def test_frames_are_those_of_the_model_at_its_run_time(result, regions, models):
    for model in models:
        stats = CalibrationStats()
        for region in regions:
            runner = Runner(
                model.module,
                model.config["window"],
                model.config["step"],
                context=model.config.get("context", 0),
                level=model.config.get("level"),
            )
            audio = torch.from_numpy(read_region(region))
            logits = runner.recording(audio).logits
            truth = load_truth([region])[region.recording]
            targets = region_targets(region, truth, n_frames=len(logits))
            stats.update(logits, torch.from_numpy(targets))
        found = result["models"][model.name]["calibration"]["music"]
        assert found["brier"] == pytest.approx(
            stats.summary()["music"]["brier"], rel=1e-9
        )


def test_reconstruction_is_that_of_the_whole_recordings(
    result, regions, models
):
    student = models[1]
    runner = Runner(student.module, window=2.0, step=1.0)
    squares = {"by_h": [0.0, 0.0], "by_code": [0.0, 0.0]}

    for region in regions:
        audio = torch.from_numpy(read_region(region))
        said = runner.recording(audio, {"activations", "spectrogram", "code"})
        X, H, code = said.spectrogram, said.activations, said.code
        truth = load_truth([region])[region.recording]
        targets = region_targets(region, truth, n_frames=len(X))
        music = targets[:, CLASSES.index("music")] == 1
        energy = X[music].double().square().sum().item()
        for name, activations in (("by_h", H), ("by_code", code)):
            error = reconstruction_error(
                X[music], student.dictionary, activations[music]
            )
            squares[name][0] += error**2 * energy
            squares[name][1] += energy
    for name, (left, energy) in squares.items():
        found = result["models"]["student"]["reconstruction"][name]
        assert found["classes"]["music"]["error"] == pytest.approx(
            (left / energy) ** 0.5, rel=1e-4
        )
    assert result["models"]["teacher"]["reconstruction"] is None


def test_the_result_is_plain_and_whole(result):
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["recordings"] == 3
    assert result["seconds"] == pytest.approx(18.0)


def test_regions_of_one_recording_are_scored_together(models, regions):
    region = regions[0]
    halves = [
        dataclasses.replace(
            region,
            id=f"half{number}",
            duration=3.0,
            start=number * 48000,
            stop=(number + 1) * 48000,
        )
        for number in (0, 1)
    ]
    found = evaluate_part(models[1:], halves)["models"]["student"]["tuned"]
    whole = evaluate_part(models[1:], [region])["models"]["student"]["tuned"]
    assert list(found["files"]) == ["show0"]
    assert found["classes"]["music"]["f1"] == pytest.approx(
        whole["classes"]["music"]["f1"], abs=0.02
    )


def test_what_cannot_be_measured_is_said_in_one_line(models, regions):
    short = dataclasses.replace(regions[0], stop=399)
    with pytest.raises(ManifestError, match="got 399, in region show0"):
        evaluate_part(models, [short])
    with pytest.raises(ManifestError, match="got none"):
        evaluate_part(models, [])
    with pytest.raises(ValueError, match="different names"):
        evaluate_part([models[0]] * 2, regions)


def test_the_default_model_is_loaded_where_none_is_named():
    model = LoadedModel.load("default", device="cpu")
    there = json.loads((DEFAULT_MODEL / "config.json").read_text())
    assert model.config["thresholds"] == there["thresholds"]
    said = model.runner.batch(torch.zeros(1, 8000))
    assert np.isfinite(said.logits).all()

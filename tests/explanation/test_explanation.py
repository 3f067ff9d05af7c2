"""Explanations of two tones, of which every number is known."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.decisions.rules import Rules
from explainable_seg.decisions.segmentation import decide
from explainable_seg.errors import ExplainableSegError
from explainable_seg.explanation import (
    Decomposition,
    StudentWeights,
    explain_class,
    make_decomposition,
)
from explainable_seg.explanation.decomposition import contrast_classes
from explainable_seg.explanation.explanation import ReportData
from explainable_seg.frames import num_frames, num_samples
from explainable_seg.pages.page_data import make_document


def dominant_hz(audio: np.ndarray) -> float:
    """Frequency of the strongest component."""
    spectrum = np.abs(np.fft.rfft(audio))
    return float(np.argmax(spectrum) * 16000 / len(audio))


def test_each_class_is_explained_by_its_atom(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    for class_name, atom, hz in (("speech", 0, 500), ("music", 1, 3000)):
        explanation = explain_class(decomposition, weights, class_name)
        assert np.flatnonzero(explanation.selected).tolist() == [atom]
        assert explanation.peak_hz[atom] == pytest.approx(hz, abs=32)
        assert dominant_hz(explanation.audio) == pytest.approx(hz, abs=10)
        assert explanation.end - explanation.start == pytest.approx(1, abs=0.05)


def test_over_both_tones_only_the_own_tone_is_heard(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    audio = explain_class(decomposition, weights, "speech", 0.0, 2.0).audio
    assert len(audio) == 32000
    np.testing.assert_allclose(
        audio[1000:15000], decomposition.audio[1000:15000], atol=0.02
    )
    assert np.abs(audio[17000:]).max() < 0.02


@given(seed=st.integers(0, 10**6))
@settings(max_examples=8, deadline=None)
def test_numbers_add_up_for_any_student(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    n_frames, n_atoms = torch.randint(3, 60, (2,), generator=generator).tolist()
    H = torch.rand(n_frames, n_atoms, generator=generator) * 4
    theta = torch.randn(4, n_atoms, generator=generator)
    bias = torch.randn(4, generator=generator)
    own = torch.rand(4, n_atoms, generator=generator) < 0.3
    weights = StudentWeights(
        torch.rand(257, n_atoms, generator=generator),
        theta,
        bias,
        own=own if seed % 2 else None,
    )
    decomposition = make_decomposition(
        np.zeros(num_samples(n_frames), dtype=np.float32),
        torch.rand(n_frames, 257, generator=generator),
        H,
        H @ theta.T + bias,
    )
    for class_name in ("speech", "overlap"):
        entry = explain_class(
            decomposition, weights, class_name, start=0
        ).to_dict()
        total = entry["bias"] + sum(a["relevance"] for a in entry["atoms"])
        assert total == pytest.approx(entry["logit_mean"], abs=1e-4)
        assert entry["frames"] == n_frames
        assert len(entry["atoms"]) == n_atoms
        for atom in entry["atoms"]:
            assert atom["relevance"] == pytest.approx(
                atom["z"] * atom["theta"], abs=1e-6
            )


def test_logits_that_are_no_sums_are_refused(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    wrong = dataclasses.replace(
        decomposition, logits=decomposition.logits + 0.001
    )
    with pytest.raises(ValueError, match="bias \\+ relevances = mean logit"):
        explain_class(wrong, weights, "speech", start=0)


def test_the_entry_has_the_fields_of_the_contract(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    entry = explain_class(decomposition, weights, "music", 1.2, 1.8).to_dict()
    assert list(entry) == [
        "class",
        "start",
        "end",
        "frames",
        "bias",
        "logit_mean",
        "reconstruction_error",
        "atoms",
    ]
    assert (entry["class"], entry["start"], entry["end"]) == ("music", 1.2, 1.8)
    assert entry["frames"] == 30
    first = entry["atoms"][0]
    assert list(first) == [
        "index",
        "relevance",
        "z",
        "theta",
        "peak_hz",
        "selected",
        "class",
        "words",
    ]
    assert entry["atoms"][2]["peak_hz"] is None
    assert [type(first[key]) for key in first] == [
        int,
        float,
        float,
        float,
        float,
        bool,
        type(None),
        str,
    ]


def test_frames_that_are_not_explained_are_silent_and_empty(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    spans = {"speech": [(0.1025, 0.3025), (0.5025, 0.6025)]}
    explanation = explain_class(decomposition, weights, "speech", spans=spans)
    assert explanation.n_frames == 15
    assert explanation.explained.sum() == 15
    assert not explanation.spectrogram[10:20].any()
    assert explanation.spectrogram[:10].any()
    gap = explanation.audio[10 * 320 : 20 * 320]
    assert not gap.any()
    assert explanation.found_spans == [
        pytest.approx((0.1025, 0.3025)),
        pytest.approx((0.5025, 0.6025)),
    ]
    assert explanation.start == pytest.approx(0.1025)
    assert len(explanation.audio) == 25 * 320
    assert len(explanation.passage.logits) == 25


def test_the_spectrogram_is_what_the_selected_atoms_rebuild(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    explanation = explain_class(decomposition, weights, "speech", 0.5, 1.5)
    H = explanation.passage.activations.numpy()
    expected = H[:, :1] @ weights.dictionary[:, :1].numpy().T
    np.testing.assert_allclose(explanation.spectrogram, expected, atol=1e-6)


def test_the_span_chooses_frames_and_samples(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    explanation = explain_class(decomposition, weights, "speech", 0.123, 0.456)
    passage = explanation.passage
    np.testing.assert_array_equal(passage.audio, decomposition.audio[1968:7296])
    inside = (passage.frame_seconds >= 0.123) & (passage.frame_seconds < 0.456)
    assert inside.all() and passage.n_frames == 17


def test_a_class_that_was_not_found_can_be_explained_on_a_span(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    with pytest.raises(ExplainableSegError, match="noise to be found"):
        explain_class(decomposition, weights, "noise")
    explanation = explain_class(decomposition, weights, "noise", 0.0, 1.0)
    assert not explanation.selected.any() and not explanation.found.any()
    assert not explanation.audio.any() and not explanation.spectrogram.any()


def test_digital_silence_has_no_reconstruction_error(
    weights: StudentWeights,
) -> None:
    H = torch.zeros(num_frames(8000), 3)
    logits = H @ weights.theta.T + weights.bias
    silence = make_decomposition(
        np.zeros(8000), torch.zeros(len(H), 257), H, logits
    )
    explanation = explain_class(silence, weights, "speech", start=0)
    assert explanation.to_dict()["reconstruction_error"] is None
    assert explanation.logit_mean == pytest.approx(-2)


def test_tensors_that_do_not_fit_the_audio_are_refused(
    decomposition: Decomposition,
) -> None:
    with pytest.raises(ValueError, match="expected 49 frames"):
        make_decomposition(
            decomposition.audio[:16000],
            decomposition.spectrogram,
            decomposition.activations,
            decomposition.logits,
        )


def test_grounding_is_measured_with_a_transform(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    def transform(X: torch.Tensor, W: torch.Tensor) -> torch.Tensor:
        return (X @ W).clamp(min=0)

    assert explain_class(decomposition, weights, "speech").grounding is None
    explanation = explain_class(
        decomposition, weights, "speech", 0.0, 2.0, transform=transform
    )
    assert explanation.grounding.agreement > 0.95


def test_what_is_shown_is_what_was_decided(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    """`>=`, pauses filled, short runs dropped, and the threshold that did."""
    at = float(decomposition.probabilities[10, 0])
    rules = Rules(
        {**decomposition.rules.thresholds, "speech": at},
        min_off={"speech": 0.2},
        min_on={"music": 0.5},
    )
    decided = dataclasses.replace(decomposition, rules=rules)
    explanation = explain_class(decided, weights, "speech")
    assert explanation.threshold == at
    assert explanation.found[10 - round(explanation.start / 0.02)]
    whole = decide(decided.probabilities, rules, decided.duration)
    expected = [(s.start, s.end) for s in whole if s.label == "speech"]
    assert explanation.found_spans == expected
    document = make_document([explanation], ReportData.of_passage(explanation))
    assert document["rules"]["thresholds"]["speech"] == at
    assert document["classifier"]["thresholds"]["speech"] == at
    json.dumps(document, allow_nan=False)


def test_a_class_that_the_student_lacks_is_one_line(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    two = dataclasses.replace(
        weights,
        theta=weights.theta[:2],
        bias=weights.bias[:2],
        classes=("speech", "music"),
    )
    for name in ("noise", "jingle"):
        with pytest.raises(
            ExplainableSegError,
            match="among speech, music, which this model was trained for, "
            f"got '{name}'",
        ):
            explain_class(decomposition, two, name)
        with pytest.raises(ExplainableSegError, match=f"got '{name}'"):
            frames = torch.ones(decomposition.n_frames, dtype=torch.bool)
            contrast_classes(decomposition, two, "speech", name, frames)


def test_a_class_without_a_threshold_is_explained_on_a_span_only(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    rules = Rules({**decomposition.rules.thresholds, "speech": None})
    undecided = dataclasses.replace(decomposition, rules=rules)
    with pytest.raises(ExplainableSegError, match="speech to be found"):
        explain_class(undecided, weights, "speech")
    explanation = explain_class(undecided, weights, "speech", 0.1, 0.5)
    assert explanation.threshold is None and not explanation.found.any()
    assert len(explanation.picture) > 1000
    document = make_document([explanation], ReportData.of_passage(explanation))
    assert document["classifier"]["thresholds"]["speech"] is None

"""Pictures: what each panel shows, for usual and for odd explanations."""

import dataclasses
import io
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib.image
import numpy as np
import pytest

from explainable_seg.explanation import (
    Decomposition,
    StudentWeights,
    explain_class,
)
from explainable_seg.features.spectrogram import unwarp_hz, warp_hz
from explainable_seg.pages.drawing import pool_time
from explainable_seg.pages.pictures import (
    DPI,
    SIZE,
    plot_explanation,
    shown_atoms,
)

SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_shows_time_frequency_atoms_and_classes(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    explanation = explain_class(decomposition, weights, "speech", 0.5, 1.5)
    figure = explanation.plot()
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:4] == [
        "The sound",
        "What speaks for speech",
        "When each atom speaks",
        "Probability of each class",
    ]
    for axes in figure.axes[:4]:
        assert axes.get_xlim() == (0.5, 1.5)
    for axes in figure.axes[:2]:
        assert axes.get_ylim() == (0.0, 8000.0)
    assert figure.axes[3].get_xlabel() == "seconds"
    words = " ".join(text.get_text() for text in figure.texts)
    assert "Speech was found in 0.5 of the 1.0 s" in words
    legend = figure.axes[3].get_legend().get_texts()
    assert [text.get_text() for text in legend] == [
        "speech",
        "music",
        "noise",
        "overlap",
        "threshold",
    ]


def test_the_file_is_a_png_of_the_size_given(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    explanation = explain_class(decomposition, weights, "music")
    pixels = matplotlib.image.imread(io.BytesIO(explanation.picture))
    assert pixels.shape[:2] == (round(SIZE[1] * DPI), round(SIZE[0] * DPI))
    assert explanation.picture is explanation.picture


def test_a_paper_can_have_it_as_vectors(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    figure = explain_class(decomposition, weights, "speech", 0.5, 1.5).plot()
    pdf, svg = io.BytesIO(), io.BytesIO()
    with matplotlib.rc_context({"pdf.fonttype": 42, "svg.fonttype": "none"}):
        figure.savefig(pdf, format="pdf")
        figure.savefig(svg, format="svg")
    assert pdf.getvalue().startswith(b"%PDF")
    # Publishers refuse fonts of type 3.
    assert b"/Type3" not in pdf.getvalue()
    drawing = ElementTree.fromstring(svg.getvalue())
    texts = {"".join(t.itertext()) for t in drawing.iter(SVG + "text")}
    assert {"What speaks for speech", "When each atom speaks"} <= texts
    # Pixels where time meets frequency, and nowhere else.
    assert len(list(drawing.iter(SVG + "image"))) == 3


@pytest.mark.parametrize("class_name", ["noise", "overlap"])
def test_a_class_without_evidence_has_a_picture(
    decomposition: Decomposition, weights: StudentWeights, class_name: str
) -> None:
    explanation = explain_class(decomposition, weights, class_name, 0.2, 0.22)
    assert explanation.picture[:4] == b"\x89PNG"


def test_atoms_are_sorted_by_their_peak(
    decomposition: Decomposition, weights: StudentWeights
) -> None:
    explanation = explain_class(decomposition, weights, "speech", 0.0, 2.0)
    assert shown_atoms(explanation).tolist() == [0, 1]
    three = dataclasses.replace(
        explanation,
        relevance=np.array([-1.0, 3.0, -2.0]),
        selected=np.array([False, True, False]),
        peak_hz=np.array([2000.0, 100.0, 50.0]),
    )
    assert shown_atoms(three).tolist() == [2, 1, 0]
    figure = plot_explanation(explanation)
    labels = [t.get_text() for t in figure.axes[2].get_yticklabels()]
    assert [label.replace("\xa0", " ") for label in labels] == [
        "500 Hz",
        "3 kHz",
    ]


def test_the_picture_says_whose_atoms_it_shows(
    decomposition: Decomposition, own_weights: StudentWeights
) -> None:
    overlap = explain_class(decomposition, own_weights, "overlap", 0.5, 1.5)
    figure = overlap.plot()
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[1] == "What the speech atoms make"
    # Rows are what decided, of whichever class: here what speaks against it.
    assert shown_atoms(overlap).tolist() == [0, 1]


def test_pooling_keeps_the_mean_and_the_length() -> None:
    values = np.random.default_rng(0).random((1000, 3))
    pooled = pool_time(values, most=125)
    assert pooled.shape == (125, 3)
    np.testing.assert_allclose(pooled.mean(axis=0), values.mean(axis=0))
    assert pool_time(values, most=1000) is values
    assert len(pool_time(values, most=999)) == 999


def test_the_frequency_axis_can_be_read_back() -> None:
    hz = np.linspace(0, 8000, 50)
    np.testing.assert_allclose(unwarp_hz(warp_hz(hz)), hz, atol=1e-6)
    assert (np.diff(warp_hz(hz)) > 0).all()


def test_no_state_of_pyplot_is_used() -> None:
    program = (
        "import sys, explainable_seg.explanation;"
        "assert 'matplotlib' not in sys.modules;"
        "import explainable_seg.pages.report;"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0

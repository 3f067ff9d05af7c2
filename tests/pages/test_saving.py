"""Files of an explanation, read back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from explainable_seg.errors import ExplainableSegError
from explainable_seg.explanation import (
    Decomposition,
    StudentWeights,
    explain_class,
)
from explainable_seg.explanation.explanation import ReportData
from explainable_seg.pages.report import file_names, save_explanations


def numbers_of(page: str) -> dict[str, Any]:
    """The document that a page carries."""
    start = '<script type="application/json" id="document">'
    return json.loads(page.split(start)[1].split("</script>")[0])


def test_all_files_are_written_and_agree(
    decomposition: Decomposition, weights: StudentWeights, tmp_path: Path
) -> None:
    explanations = [
        explain_class(decomposition, weights, name)
        for name in ("speech", "music")
    ]
    spans = {name: [(0.0, 1.0)] for name in ("speech", "music")}
    report_data = ReportData(decomposition, weights, spans)
    written = save_explanations(tmp_path / "new", explanations, report_data)
    assert [path.name for path in written] == file_names(["speech", "music"])
    assert sorted(written) == sorted((tmp_path / "new").iterdir())
    document = json.loads(written[0].read_text(encoding="utf-8"))
    assert list(document)[:4] == ["version", "audio", "model", "explanations"]
    assert document["version"] == 1
    assert document["audio"] == "two tones.wav"
    assert document["model"] == "a/model"
    assert document["explanations"] == [e.to_dict() for e in explanations]
    page = written[1].read_text(encoding="utf-8")
    assert numbers_of(page) == document


def test_the_sound_is_16_bit_mono_at_16_khz(
    decomposition: Decomposition, weights: StudentWeights, tmp_path: Path
) -> None:
    explanation = explain_class(decomposition, weights, "music")
    explanation.save(tmp_path)
    path = tmp_path / "explanation_music.wav"
    info = soundfile.info(path)
    assert (info.samplerate, info.channels) == (16000, 1)
    assert info.subtype == "PCM_16"
    audio, _ = soundfile.read(path)
    np.testing.assert_allclose(audio, explanation.audio, atol=1e-4)
    png = (tmp_path / "explanation_music.png").read_bytes()
    assert png == explanation.picture


def test_saving_again_replaces(
    decomposition: Decomposition, weights: StudentWeights, tmp_path: Path
) -> None:
    explain_class(decomposition, weights, "music").save(tmp_path)
    explain_class(decomposition, weights, "music", 1.0, 1.5).save(tmp_path)
    document = json.loads((tmp_path / "explanation.json").read_text())
    assert document["explanations"][0]["start"] == 1.0
    assert len(list(tmp_path.iterdir())) == 4


def test_nothing_of_an_earlier_explanation_stays_beside_a_new_one(
    decomposition: Decomposition, weights: StudentWeights, tmp_path: Path
) -> None:
    (tmp_path / "explanation_of_mine.wav").touch()
    explain_class(decomposition, weights, "music").save(tmp_path)
    explain_class(decomposition, weights, "speech").save(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {*file_names(["speech"]), "explanation_of_mine.wav"}


def test_a_class_can_be_saved_once_only() -> None:
    with pytest.raises(ValueError, match="different classes"):
        file_names(["music", "music"])


def test_a_folder_that_is_a_file_is_one_line(
    decomposition: Decomposition, weights: StudentWeights, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ExplainableSegError, match="another output folder"):
        explain_class(decomposition, weights, "music").save(blocked)

"""Prototypes: means that are right, intervals that hold, files that say so."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from tiny_student import CONFIG, make_student, tones

from explainable_seg.classes import CLASSES
from explainable_seg.corpora.manifest import (
    Region,
    read_manifest,
    write_manifest,
)
from explainable_seg.errors import ExplainableSegError
from explainable_seg.explanation import prototypes as prototype_stats
from explainable_seg.explanation.prototypes import (
    PrototypeStats,
    compactness,
    modularity,
    similarity,
)
from explainable_seg.explanation.selection import relevance, segment_relevance
from explainable_seg.frames import frame_range, frame_targets
from explainable_seg.inference.segmenter import ExplainableSegmenter
from explainable_seg.pages.figures import plot_prototypes, write_prototypes

RATE = 16000
SECONDS = 3.0


def relevances(n_segments: int, seed: int = 0) -> torch.Tensor:
    """Relevances [S, 3] of mean 0, 1, 2 and deviation 1."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(n_segments, 3, generator=generator)
    return noise + torch.arange(3.0)


def test_figures_are_those_of_all_segments_at_once() -> None:
    r, stats = relevances(300), PrototypeStats(3)
    for part in r.split(70):
        stats.update(part, n_frames=10 * len(part))
    found = stats.prototype()
    assert (found.n_segments, found.n_frames) == (300, 3000)
    torch.testing.assert_close(found.mean, r.double().mean(dim=0))
    deviation = r.double().std(dim=0, correction=0)
    torch.testing.assert_close(found.std, deviation)
    quantiles = r.quantile(torch.tensor([0.1, 0.5, 0.9]), dim=0)
    torch.testing.assert_close(found.quantiles, quantiles)


def test_intervals_are_as_wide_as_theory_says() -> None:
    stats = PrototypeStats(3)
    stats.update(relevances(400), 1)
    found = stats.prototype()
    width = (found.high - found.low).mean().item()
    assert width == pytest.approx(2 * 1.96 / 400**0.5, rel=0.15)


def test_the_reservoir_is_a_fair_sample(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prototype_stats, "RESERVOIR", 200)
    stats = PrototypeStats(1)
    for start in range(0, 2000, 250):
        stats.update(torch.arange(start, start + 250.0)[:, None], 1)
    assert stats.reservoir.shape == (200, 1)
    assert stats.reservoir.unique().numel() == 200
    # Early and late segments alike: 1000 +- 3 standard errors of the mean.
    assert stats.reservoir.mean().item() == pytest.approx(1000, abs=125)


def test_no_segment_is_no_prototype() -> None:
    assert PrototypeStats(3).prototype() is None


def test_properties_solved_by_hand() -> None:
    P = torch.tensor([[4.0, 2.0, -1.0, 0.0], [0.0, 2.0, -1.0, 0.0],
                      [0.0, 1.0, 3.0, 0.0]])  # fmt: skip
    expected = torch.tensor([1.0, 1 - 5 / 8, 1.0, torch.nan])
    torch.testing.assert_close(modularity(P), expected, equal_nan=True)
    assert compactness(P[0], 0.6) == 1 and compactness(P[0]) == 2
    assert compactness(-P[0].abs()) is None
    cosines = similarity(P)
    assert cosines[0, 1].item() == pytest.approx(5 / (21 * 5) ** 0.5)
    torch.testing.assert_close(cosines, cosines.T)
    torch.testing.assert_close(cosines.diagonal(), torch.ones(3))


@pytest.fixture(scope="module")
def segmenter() -> ExplainableSegmenter:
    """The tiny student behind its front door."""
    return ExplainableSegmenter(make_student(), CONFIG, name="tiny")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings of two corpora: speech in both, music known in one."""
    folder = tmp_path_factory.mktemp("corpus")
    regions = []
    for number, corpus in enumerate(("one", "two")):
        uri = f"show{number}"
        wav = folder / f"{uri}.wav"
        soundfile.write(wav, tones(SECONDS), RATE, subtype="FLOAT")
        (folder / f"{uri}.rttm").write_text(
            f"SPEAKER {uri} 1 0.5 1.0 <NA> <NA> speech <NA> <NA>\n"
            f"SPEAKER {uri} 1 2.0 0.5 <NA> <NA> speech <NA> <NA>\n"
            f"SPEAKER {uri} 1 0.0 3.0 <NA> <NA> music <NA> <NA>\n"
        )
        uem = folder / f"{uri}.uem"
        uem.write_text(f"{uri} 1 0.0 {SECONDS}\n")
        known = CLASSES if number == 0 else ("speech",)
        regions.append(
            Region(
                id=f"{corpus}/{uri}",
                duration=SECONDS,
                wav=str(wav),
                start=0,
                stop=round(SECONDS * RATE),
                sample_rate=RATE,
                recording=uri,
                rttm=str(folder / f"{uri}.rttm"),
                uems={c: str(uem) if c in known else None for c in CLASSES},
            )
        )
    write_manifest(folder / "test.csv", regions)
    return folder / "test.csv"


def test_prototypes_of_the_reference(
    segmenter: ExplainableSegmenter, manifest: Path, tmp_path: Path
) -> None:
    numbers, picture = write_prototypes(segmenter, manifest, tmp_path)
    assert (numbers.name, picture.name) == ("prototypes.json", "prototypes.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    document = json.loads(numbers.read_text())
    assert document["segments"] == "reference" and document["model"] == "tiny"
    classes = document["classes"]
    assert classes["speech"]["segments"] == 4
    assert classes["speech"]["seconds"] == pytest.approx(3.0, abs=0.04)
    assert classes["music"]["segments"] == 1  # in the other it is unknown
    assert classes["noise"] is None and classes["overlap"] is None
    corpora = document["corpora"]
    assert corpora["one"]["speech"]["segments"] == 2
    assert corpora["two"]["music"] is None


def test_a_prototype_is_the_mean_relevance(
    segmenter: ExplainableSegmenter, manifest: Path, tmp_path: Path
) -> None:
    numbers, _ = write_prototypes(segmenter, manifest, tmp_path)
    atoms = json.loads(numbers.read_text())["classes"]["music"]["atoms"]
    decomposition = segmenter.analyse(tones(SECONDS), RATE).decomposition
    theta = segmenter.model.classifier.weight[1]
    expected = relevance(decomposition.activations, theta).tolist()
    assert [a["mean"] for a in atoms] == pytest.approx(expected, abs=1e-6)
    # One segment, drawn again and again: it cannot vary.
    assert [a["low"] for a in atoms] == pytest.approx(expected, abs=1e-6)
    assert all(a["std"] == pytest.approx(0, abs=1e-4) for a in atoms)


@pytest.mark.parametrize("predicted", [False, True])
def test_a_region_is_that_part_of_its_file(
    segmenter: ExplainableSegmenter,
    manifest: Path,
    tmp_path: Path,
    predicted: bool,
) -> None:
    late = 8000
    (region, _) = read_manifest(manifest)
    region = replace(region, start=late, duration=SECONDS - late / RATE)
    write_manifest(tmp_path / "late.csv", [region])
    numbers, _ = write_prototypes(
        segmenter, tmp_path / "late.csv", tmp_path, predicted
    )
    classes = json.loads(numbers.read_text())["classes"]
    parts: list[torch.Tensor] = []
    found = segmenter.segment_activations(
        region.wav, parts.append, late / RATE, SECONDS
    )
    H, theta = torch.cat(parts), segmenter.model.classifier.weight
    spans = {
        # The reference of the recording, from half a second on.
        "speech": [(0.0, 1.0), (1.5, 2.0)],
        "music": [(0.0, SECONDS - late / RATE)],
    }
    if predicted:
        spans = {
            name: [(a - late / RATE, b - late / RATE) for a, b in there]
            for name, there in ((name, found.spans(name)) for name in spans)
        }
    for name, there in spans.items():
        ranges = [frame_range(a, b, len(H)) for a, b in there]
        expected = segment_relevance(H, theta.detach(), ranges)
        means = [atom["mean"] for atom in classes[name]["atoms"]]
        assert classes[name]["segments"] == len(ranges)
        mean = expected[:, CLASSES.index(name)].mean(dim=0)
        assert means == pytest.approx(mean.tolist(), abs=1e-5)


@pytest.mark.parametrize("predicted", [False, True])
def test_atoms_are_told_in_words_and_by_when_they_sound(
    segmenter: ExplainableSegmenter,
    manifest: Path,
    tmp_path: Path,
    predicted: bool,
) -> None:
    numbers, _ = write_prototypes(segmenter, manifest, tmp_path, predicted)
    atoms = json.loads(numbers.read_text())["atoms"]
    analysis = segmenter.analyse(tones(SECONDS), RATE)
    active = analysis.decomposition.activations.numpy() > 0
    found = (
        analysis.segmentation.spans("music") if predicted else [(0, SECONDS)]
    )
    music = frame_targets(found, len(active))
    for k, atom in enumerate(atoms):
        assert atom["index"] == k and atom["words"] and atom["evidence"]
        assert atom["sounds"] == pytest.approx(active[:, k].mean())
        if not active[:, k].any():
            assert atom["course"] is atom["heard"]["music"] is None
            continue
        share = active[music, k].sum() / active[:, k].sum()
        assert atom["heard"]["music"] == pytest.approx(share)
        assert atom["course"] in ("short bursts", "steady")
    assert any(0 < atom["sounds"] < 1 for atom in atoms)


def test_prototypes_of_what_is_found(
    segmenter: ExplainableSegmenter, manifest: Path, tmp_path: Path
) -> None:
    numbers, _ = write_prototypes(segmenter, manifest, tmp_path, predicted=True)
    document = json.loads(numbers.read_text())
    found = segmenter.segment(tones(SECONDS), RATE).spans("music")
    assert document["segments"] == "predicted"
    assert document["classes"]["music"]["segments"] == 2 * len(found)


def test_a_manifest_without_segments_is_refused(
    segmenter: ExplainableSegmenter, manifest: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.rttm").write_text("")
    text = manifest.read_text().splitlines()
    fields = text[1].split(",")
    fields[7] = str(tmp_path / "empty.rttm")
    bare = manifest.with_name("bare.csv")
    bare.write_text("\n".join([text[0], ",".join(fields)]) + "\n")
    with pytest.raises(ExplainableSegError, match="annotated segments"):
        write_prototypes(segmenter, bare, tmp_path)
    assert not (tmp_path / "prototypes.json").exists()


def test_the_picture_has_a_row_for_each_class_that_is_there() -> None:
    stats = PrototypeStats(3)
    stats.update(relevances(20), 1)
    found = {"speech": stats.prototype(), "music": None}
    W = torch.zeros(257, 3)  # the third atom is dead
    W[10, 0] = W[100, 1] = 1.0
    figure = plot_prototypes(found, W)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert len(titles) == 2 and titles[0].startswith("speech: 20 segments")
    bars = [b.get_height() for b in figure.axes[0].patches]
    assert bars == pytest.approx(found["speech"].mean.tolist())
    assert np.isfinite(bars).all()

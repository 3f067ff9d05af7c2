"""What the page of a recording carries beside the numbers of its document.

Sound as MP3, the spectrogram as pictures, the activations H and the
dictionary W rounded to 16 bits: from these the page computes what is asked of
it and stands in no file, a span that somebody drags, a mask, a sound.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import matplotlib.image
import numpy as np
import torch

from explainable_seg.audio import encode_audio, resample
from explainable_seg.classes import SOURCES
from explainable_seg.explanation import (
    BANDS_HZ,
    BELOW_TOP_HZ,
    CLOSE,
    DEFAULT_TAU,
    TOP_HZ,
    Decomposition,
    Explanation,
    ReportData,
    StudentWeights,
    bin_hz,
    default_selection,
    describe_atoms,
    margin,
    reconstruction_error,
    segment_means,
)
from explainable_seg.features import unwarp_hz, warp_hz
from explainable_seg.frames import HOP, SAMPLE_RATE, WINDOW
from explainable_seg.nmf import full_precision
from explainable_seg.pages.drawing import (
    CLASS_COLOURS,
    format_band,
    format_hz,
    format_peak,
)

MEDIA = {"MP3": "audio/mpeg", "WAV": "audio/wav"}  # the smallest first


def audio_address(audio: np.ndarray, sample_rate: int = SAMPLE_RATE) -> str:
    """Audio for a player in a page.

    Arguments
    ---------
    audio : np.ndarray [shape=(N,), dtype=float32]
        Mono audio.
    sample_rate : int
        Samples a second, one of PAGE_RATES.

    Returns
    -------
    str
        MP3 (about 4 kB a second at 16 kHz) where the sound library can write
        it, else WAV of 16 bits (32 kB a second).
    """
    kind, content = encode_audio(
        fit_range(audio), *MEDIA, sample_rate=sample_rate
    )
    return data_address(MEDIA[kind], content)


def page_sound(decomposition: Decomposition) -> tuple[np.ndarray, int]:
    """Sound of a recording in its own quality, as far as a page plays it.

    Arguments
    ---------
    decomposition : Decomposition
        The recording.

    Returns
    -------
    tuple[np.ndarray, int]
        Samples [N], and their rate, one of PAGE_RATES.

    Raises
    ------
    AudioError
        If the recording can no longer be read.
    """
    audio, rate = decomposition.as_recorded
    if rate in PAGE_RATES:
        return audio, rate
    if rate < PAGE_RATES[-1]:
        return decomposition.audio, SAMPLE_RATE
    return resample(audio, rate, PAGE_RATES[-1]), PAGE_RATES[-1]


def fit_range(audio: np.ndarray) -> np.ndarray:
    """Audio scaled down to [-1, 1] if it goes beyond, else as it is.

    Example
    -------
    >>> fit_range(np.array([0.5, -2.0])).tolist()
    [0.25, -1.0]
    """
    return audio / max(1.0, float(np.abs(audio).max(initial=0.0)))


def data_address(media: str, content: bytes) -> str:
    """Content as an address that holds it all.

    Arguments
    ---------
    media : str
        Its media type, such as ``image/png``.
    content : bytes
        The content of a file.

    Returns
    -------
    str
        A ``data:`` address.
    """
    return f"data:{media};base64,{base64.b64encode(content).decode('ascii')}"


DOCUMENT_VERSION = 1
FLOAT_DIGITS = 9  # significant: all that a number of 32 bits holds


def make_document(
    explanations: Sequence[Explanation], report_data: ReportData
) -> dict[str, Any]:
    """Numbers of the explanations asked for, and of every segment found.

    Arguments
    ---------
    explanations : Sequence[Explanation]
        Any number, all of this recording.
    report_data : ReportData
        The recording.

    Returns
    -------
    dict
        ``explanations`` with all atoms, and ``groundings``, how each agrees
        with the sound, where that was measured; ``segments``, for each
        segment found its mean logits of all classes, how far that of its own
        class lies above what is needed, its reconstruction error, the mean
        activation z of each atom that sounds in it, and the atoms selected
        for its class; ``classifier``, with which relevances of any class
        follow: ``z_k theta_ck``, and in it ``own``, the atoms of each class;
        ``rules``, by which it was decided.
    """
    return {
        "version": DOCUMENT_VERSION,
        "audio": report_data.decomposition.name,
        "model": report_data.weights.name,
        "explanations": [e.to_dict() for e in explanations],
        "groundings": [
            asdict(e.grounding) if e.grounding else None for e in explanations
        ],
        "classifier": _classifier(report_data),
        "rules": report_data.decomposition.rules.to_dict(),
        "segments": _segments(report_data),
    }


def _classifier(report_data: ReportData) -> dict[str, Any]:
    """Weights of each class for each atom; peak and owner of each atom."""
    weights, rules = report_data.weights, report_data.decomposition.rules
    return {
        "classes": list(weights.classes),
        "theta": [[short(v) for v in row] for row in weights.theta.tolist()],
        "bias": [short(v) for v in weights.bias.tolist()],
        "thresholds": {c: rules.thresholds.get(c) for c in weights.classes},
        "peak_hz": [
            None if hz != hz else hz for hz in weights.peak_hz.tolist()
        ],
        "own": _rows(weights.own, weights.classes),
        "sources": _rows(weights.sources, SOURCES),
    }


def _rows(
    own: torch.Tensor | None, names: Sequence[str]
) -> dict[str, list[int]] | None:
    """Atoms of each name; None where all classes share all atoms."""
    if own is None:
        return None
    return {
        name: row.nonzero().flatten().tolist() for name, row in zip(names, own)
    }


def _segments(report_data: ReportData) -> list[dict[str, Any]]:
    """An entry for each segment that holds a frame."""
    decomposition, weights = report_data.decomposition, report_data.weights
    classes = weights.classes
    kept = [
        (name, start, end, *report_data.frames(start, end))
        for name, start, end in report_data.segments
    ]
    kept = [entry for entry in kept if entry[3] < entry[4]]
    ranges = [(first, last) for *_, first, last in kept]
    z = segment_means(decomposition.activations, ranges)
    logits = segment_means(decomposition.logits, ranges)
    return [
        {
            "class": name,
            "start": start,
            "end": end,
            "frames": last - first,
            "logit_means": dict(zip(classes, map(short, logits[s].tolist()))),
            "margin": margin(
                logits[s, classes.index(name)].item(),
                report_data.decomposition.rules.thresholds.get(name),
            ),
            "reconstruction_error": reconstruction_error(
                decomposition.spectrogram[first:last],
                weights.dictionary,
                decomposition.activations[first:last],
            ),
            "z": {
                str(k): short(z[s, k].item())
                for k in z[s].nonzero().flatten().tolist()
            },
            "selected": _selected(z[s], weights, name),
        }
        for s, (name, start, end, first, last) in enumerate(kept)
    ]


def _selected(z: torch.Tensor, weights: StudentWeights, name: str) -> list[int]:
    """Indices of the atoms that are shown and heard of a segment."""
    r = z * weights.theta[weights.classes.index(name)].double()
    selected = default_selection(r, z, weights.own_of(name))
    return selected.nonzero().flatten().tolist()


def short(value: float) -> float:
    """A number without digits that 32 bits do not hold.

    Example
    -------
    >>> short(0.30000001192092896)
    0.300000012
    """
    return float(f"{value:.{FLOAT_DIGITS}g}")


PAGE_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
"""Rates that an MP3 can have, Hz."""
LARGEST_STEP = 65535  # of a value rounded to 16 bits, from zero to the largest
PAGE_ROWS = 96  # of the pictures, evenly spaced on the frequency axis
TILE = 3000  # frames a picture: browsers refuse very wide ones
PAGE_PERCENTILE = (
    99.5  # percentile of the spectrogram drawn in the fullest colour
)
WAVEFORM_POINTS = 6000  # points of the waveform
JPEG_QUALITY = 80
PAGE_TICKS = (100, 500, 1000, 2000, 4000)


def page_data(report_data: ReportData) -> dict[str, Any]:
    """All that the scripts of a page need, ready for JSON.

    Arguments
    ---------
    report_data : ReportData
        The recording.

    Returns
    -------
    dict
    """
    decomposition = report_data.decomposition
    W = report_data.weights.dictionary.numpy()
    peaks = report_data.weights.peak_hz.tolist()
    atoms = describe_atoms(report_data.weights)
    X = decomposition.spectrogram.numpy()
    rows = row_weights(X.shape[1])
    shown = X @ rows.T
    brightest = max(float(np.percentile(shown, PAGE_PERCENTILE)), 1e-9)
    audio, rate = page_sound(decomposition)
    scale = rate / SAMPLE_RATE
    return {
        "start": decomposition.start,
        "duration": decomposition.duration,
        "rate": rate,
        "hop": HOP * scale,
        "window": round(WINDOW * scale),
        "first_centre": decomposition.first_centre * scale,
        "top_hz": SAMPLE_RATE / 2,
        "carried": {"above": TOP_HZ, "from": BELOW_TOP_HZ},
        "n_frames": decomposition.n_frames,
        "n_atoms": W.shape[1],
        "n_bins": W.shape[0],
        "tau": DEFAULT_TAU,
        "close": CLOSE,
        "peak_names": [format_peak(hz) for hz in peaks],
        "atom_sounds": [atom.sound for atom in atoms],
        "atom_evidence": [atom.evidence for atom in atoms],
        "hz_ticks": [{"hz": hz, "name": format_hz(hz)} for hz in PAGE_TICKS],
        "colours": {
            name: CLASS_COLOURS[name] for name in report_data.weights.classes
        },
        "spans": {
            name: report_data.spans.get(name, [])
            for name in report_data.weights.classes
        },
        "bands": [
            {"low": low, "high": high, "place": format_band((low, high))}
            for low, high in BANDS_HZ
        ],
        "audio": audio_address(audio, rate),
        "peaks": waveform_peaks(decomposition.audio),
        "rows": {"count": PAGE_ROWS, "top": float(warp_hz(np.array(8000.0)))},
        "brightest": brightest,
        "tiles": spectrogram_tiles(shown, brightest),
        "dictionary": quantise(W.T),
        "row_dictionary": quantise((rows @ W).T),
        "activations": sparse_rows(decomposition.activations),
        "energy": _energies(report_data),
    }


def quantise(values: np.ndarray) -> dict[str, Any]:
    """Non-negative rows rounded to 16 bits, each by its own largest value.

    Arguments
    ---------
    values : np.ndarray [shape=(n, m)]
        Values, zero or more.

    Returns
    -------
    dict
        ``scales`` [n], and ``values``: little-endian, in base 64.

    Example
    -------
    >>> quantise(np.array([[0.0, 2.0]]))
    {'scales': [3.0518044e-05], 'values': 'AAD//w=='}
    """
    scales = values.max(axis=1, initial=0.0) / LARGEST_STEP
    steps = values / np.where(scales > 0, scales, 1.0)[:, None]
    return {
        "scales": [float(f"{s:.8g}") for s in scales],
        "values": _base64(steps.round().astype("<u2")),
    }


def sparse_rows(H: torch.Tensor) -> dict[str, Any]:
    """Activations that are not zero, frame by frame, rounded to 16 bits.

    Arguments
    ---------
    H : torch.Tensor [shape=(T, K)]
        Activations, zero or more.

    Returns
    -------
    dict
        How many atoms sound in each frame, which ones, how much (in steps of
        the atom's scale).
    """
    values = H.numpy()
    scales = values.max(axis=0, initial=0.0) / LARGEST_STEP
    steps = (values / np.where(scales > 0, scales, 1.0)).round()
    frames, atoms = steps.nonzero()
    counts = np.bincount(frames, minlength=len(values))
    return {
        "scales": [float(f"{s:.8g}") for s in scales],
        "counts": _base64(counts.astype("<u2")),
        "atoms": _base64(atoms.astype("<u2")),
        "values": _base64(steps[frames, atoms].astype("<u2")),
    }


def row_weights(n_bins: int) -> np.ndarray:
    """Which bins each row of a picture shows, low frequencies first.

    Arguments
    ---------
    n_bins : int
        Number of bins F.

    Returns
    -------
    np.ndarray [shape=(PAGE_ROWS, n_bins)]
        Each row sums to one: the bins inside it, or the two around it where
        rows are narrower than bins.
    """
    hz = bin_hz(n_bins).numpy()
    edges = unwarp_hz(np.linspace(0.0, warp_hz(hz[-1:])[0], PAGE_ROWS + 1))
    weights = np.zeros((PAGE_ROWS, n_bins))
    for row, (low, high) in enumerate(zip(edges, edges[1:])):
        inside = (hz >= low) & (hz < high)
        if inside.sum() > 1:
            weights[row, inside] = 1 / inside.sum()
        else:
            middle = (low + high) / 2 / hz[1]
            bin_below = min(int(middle), n_bins - 2)
            share = middle - bin_below
            weights[row, bin_below : bin_below + 2] = 1 - share, share
    return weights


def spectrogram_tiles(
    values: np.ndarray, brightest: float
) -> list[dict[str, Any]]:
    """Pictures of a spectrogram side by side, loud points dark.

    Arguments
    ---------
    values : np.ndarray [shape=(T, PAGE_ROWS)]
        Spectrogram on the rows of :func:`row_weights`.
    brightest : float
        Value drawn in the fullest colour.

    Returns
    -------
    list[dict]
        ``address`` and ``frames`` of each; a pixel a frame.
    """
    shown = np.sqrt((values / brightest).clip(0, 1))
    tiles = []
    for first in range(0, len(shown), TILE):
        tile = shown[first : first + TILE]
        buffer = io.BytesIO()
        matplotlib.image.imsave(
            buffer,
            1.0 - tile.T,
            format="jpeg",
            cmap="gray",
            vmin=0.0,
            vmax=1.0,
            origin="lower",
            pil_kwargs={"quality": JPEG_QUALITY},
        )
        address = data_address("image/jpeg", buffer.getvalue())
        tiles.append({"address": address, "frames": len(tile)})
    return tiles


def waveform_peaks(
    audio: np.ndarray, most: int = WAVEFORM_POINTS
) -> list[float]:
    """Largest magnitude of each of at most ``most`` stretches of audio.

    Example
    -------
    >>> waveform_peaks(np.array([0.1, -0.5, 0.2, 0.0]), most=2)
    [0.5, 0.2]
    """
    edges = np.linspace(0, len(audio), min(most, len(audio)) + 1).astype(int)
    peaks = np.maximum.reduceat(np.abs(audio), edges[:-1])
    return [round(float(peak), 3) for peak in peaks]


@full_precision
def _energies(report_data: ReportData) -> str:
    """Of each frame, energy of the sound and of what is not rebuilt."""
    decomposition = report_data.decomposition
    X = decomposition.spectrogram
    rest = X - decomposition.activations @ report_data.weights.dictionary.T
    energies = torch.stack([X.square().sum(1), rest.square().sum(1)], dim=1)
    return _base64(energies.numpy().astype("<f4"))


def _base64(values: np.ndarray) -> str:
    """The bytes of an array as text."""
    return base64.b64encode(values.tobytes()).decode("ascii")

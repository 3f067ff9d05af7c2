"""What is whose sound: shares of stems, mixtures of chunks, masks."""

import numpy as np
import pytest
import scipy.signal
import torch

from explainable_seg.classes import CLASSES
from explainable_seg.features import LogPowerSpectrogram
from explainable_seg.training.stems import (
    MixedChunks,
    mask_error,
    mix_stems,
    stem_shares,
)


def stems_of(seed, n=16000):
    rng = np.random.default_rng(seed)
    speech, music, noise = rng.normal(size=(3, n)).astype(np.float32) * 0.1
    speech[n // 2 :] = 0
    music[:] = 0
    return {"speech": speech, "music": music, "noise": noise}


def test_shares_of_stems_are_the_ideal_ratio_mask():
    stems = stems_of(0)
    shares = stem_shares(stems)
    assert shares.shape == (49, 257, 3) and shares.dtype == np.uint8
    power = {
        name: np.abs(
            scipy.signal.stft(
                stem,
                window=np.hanning(401)[:400],
                nperseg=400,
                noverlap=80,
                nfft=512,
                boundary=None,
                padded=False,
            )[2]
        )
        ** 2
        for name, stem in stems.items()
    }
    ideal = power["speech"] / sum(power.values())
    np.testing.assert_allclose(shares[..., 0] / 255, ideal.T, atol=0.003)
    assert (shares[26:, :, 2] == 255).all()  # noise alone
    assert (shares[..., 1] == 0).all()


def test_shares_depend_on_neither_level_nor_tone():
    stems = stem_shares(stems_of(1))
    filtered = {
        name: scipy.signal.lfilter([0.3, 0.1], [1.0, -0.2], stem).astype("f4")
        for name, stem in stems_of(1).items()
    }
    difference = stem_shares(filtered).astype(int) - stems
    assert np.abs(difference).mean() < 2  # of 255


def test_nothing_is_known_of_silence():
    silence = dict.fromkeys(stems_of(0), np.zeros(800, dtype=np.float32))
    assert (stem_shares(silence) == 0).all()


SPECTROGRAM = LogPowerSpectrogram()


def rms(sound):
    return np.sqrt(np.square(sound).mean())


def chunks_of(*stems, targets=None):
    """A batch of chunks made of stems."""
    wav = torch.from_numpy(np.stack([sum(s.values()) for s in stems]))
    shares = torch.from_numpy(np.stack([stem_shares(s) for s in stems]))
    if targets is None:
        targets = torch.zeros(len(stems), shares.shape[1], 4)
    return MixedChunks(wav, targets, shares)


def pure(name, seed, n=16000):
    """Stems of a chunk in which one source is heard alone."""
    stems = dict.fromkeys(("speech", "music", "noise"), np.zeros(n, "f4"))
    rng = np.random.default_rng(seed)
    sound = scipy.signal.lfilter([1], [1, -0.9], rng.normal(size=n))
    return {**stems, name: (0.05 * sound).astype(np.float32)}


def test_two_chunks_that_are_mixed_have_the_shares_of_their_stems():
    torch.manual_seed(0)
    parts = [pure("speech", 1), pure("music", 2)]
    before = chunks_of(*parts)
    mixed = mix_stems(before, SPECTROGRAM, CLASSES, 1.0)
    for i, j in ((0, 1), (1, 0)):
        both = np.stack([before.wav[i], before.wav[j]], axis=1)
        gains, *_ = np.linalg.lstsq(both, mixed.wav[i].numpy(), rcond=None)
        np.testing.assert_allclose(both @ gains, mixed.wav[i], atol=1e-6)
        loudness = [rms(x) for x in (both[:, 0], mixed.wav[i].numpy())]
        assert loudness[1] == pytest.approx(loudness[0], rel=1e-3)
        snr_db = 20 * np.log10(gains[0] / gains[1])
        snr_db += 20 * np.log10(rms(both[:, 0]) / rms(both[:, 1]))
        assert -7.01 < snr_db < 7.01
        names = ("speech", "music") if i == 0 else ("music", "speech")
        stems = dict(pure("noise", 0))
        stems["noise"] = np.zeros(16000, "f4")
        for name, gain, k in zip(names, gains, (i, j)):
            stems[name] = np.float32(gain) * before.wav[k].numpy()
        difference = stem_shares(stems).astype(int) - mixed.shares[i].numpy()
        known = mixed.shares[i].numpy().any(axis=-1)
        assert known.mean() > 0.95
        assert np.abs(difference[known]).max() <= 2  # of 255


def test_only_chunks_of_different_sources_are_mixed():
    alike = chunks_of(pure("speech", 1), pure("speech", 2))
    both = {**pure("speech", 3), "music": pure("music", 4)["music"]}
    mixed = chunks_of(both, pure("noise", 5))
    nobody = chunks_of(pure("speech", 1), pure("music", 2))
    nobody = nobody._replace(shares=torch.zeros_like(nobody.shares))
    silent = chunks_of(pure("speech", 1), pure("music", 2))
    silent = silent._replace(wav=silent.wav * torch.tensor([[1.0], [1e-5]]))
    for batch in (alike, mixed, nobody, silent):
        assert mix_stems(batch, SPECTROGRAM, CLASSES, 1.0) is batch
    none = chunks_of(pure("speech", 1), pure("music", 2))
    assert mix_stems(none, SPECTROGRAM, CLASSES, 0.0) is none


def test_what_is_known_of_a_mixture():
    targets = torch.tensor(
        [
            [[1.0, 0, 0, 0], [1, 0, 0, 1], [0, 0, 0, 0], [1, -1, 0, 0]],
            [[1.0, 1, 0, 0], [0, 1, 0, 0], [0, 1, -1, 0], [0, 1, 0, 0]],
        ]
    )
    n = 400 + 3 * 320
    batch = chunks_of(
        pure("speech", 1, n), pure("music", 2, n), targets=targets
    )
    batch = batch._replace(targets=batch.targets.half())
    with torch.autocast("cpu", torch.bfloat16):  # as training may be
        mixed = mix_stems(batch, SPECTROGRAM, CLASSES, 1.0)
    expected = [[1, 1, 0, 1], [1, 1, 0, 1], [0, 1, -1, 0], [1, -1, 0, 0]]
    assert mixed.targets.tolist() == [expected, expected]


def test_a_sound_without_stems_is_nobodys_in_a_mixture():
    batch = chunks_of(pure("speech", 1), pure("music", 2))
    batch.shares[1, 10:20] = 0
    mixed = mix_stems(batch, SPECTROGRAM, CLASSES, 1.0)
    unknown = (mixed.shares == 0).all(dim=-1).float().mean(dim=-1)
    assert (unknown[:, 10:20] > 0.5).all() and (unknown[:, 30:] < 0.1).all()


SOURCES = torch.eye(2, dtype=torch.bool)


def masks_of_two(H, shares, X=None):
    """Error of two sources of one atom each, that are alike."""
    X = torch.ones(*H.shape[:2], 1) if X is None else X
    return mask_error(X, torch.ones(1, 2), H, SOURCES, shares)


def divergence(levels, shares):
    """By hand: of powers exp(level) - 1, each 0.05 more."""
    powers = np.expm1(levels) + 0.05
    found = powers / powers.sum()
    return sum(p * np.log(p / q) for p, q in zip(shares, found) if p > 0)


def test_mask_error_by_hand():
    H = torch.tensor([[[3.0, 1.0]]])  # of the four that are rebuilt
    levels = np.array([4.0, 4 / 3])
    shares = torch.tensor([[[[255, 0]]]], dtype=torch.uint8)
    right, wrong = (divergence(levels, p) for p in ([1, 0], [0, 1]))
    assert masks_of_two(H, shares).item() == pytest.approx(right, abs=1e-5)
    found = masks_of_two(H, shares.flip(-1)).item()
    assert found == pytest.approx(wrong, abs=1e-5)
    assert right < 0.06 and wrong > 2.9


def test_loud_points_weigh_more_and_chunks_alike():
    H = torch.tensor([[[1.0, 0.0], [1.0, 0.0]]]).repeat(2, 1, 1)
    right, wrong = [[255, 0]], [[0, 255]]
    shares = torch.tensor([[right, wrong], [right, wrong]], dtype=torch.uint8)
    loud = torch.tensor([[[3.0], [1.0]], [[1.0], [1.0]]])
    good, bad = (divergence(np.array([1.0, 0.0]), p) for p in ([1, 0], [0, 1]))
    expected = ((9 * good + bad) / 10 + (good + bad) / 2) / 2
    found = masks_of_two(H, shares, loud).item()
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_bed_far_below_may_be_rebuilt_with_a_third_or_less():
    shares = torch.tensor([[[[247, 8]]]], dtype=torch.uint8)  # 15 dB
    X = torch.full((1, 1, 1), 1023.0).log1p()
    voice, bed = np.log1p(1023 * np.array([247, 8]) / 255)

    def error(of_bed):
        rebuilt = torch.tensor([[[voice, of_bed]]], dtype=torch.float32)
        H = rebuilt * X / rebuilt.sum()
        return masks_of_two(H, shares, X).item()

    assert 0.3 < bed / (voice + bed) < 0.36
    assert error(bed) < 0.01 and error(bed / 2) < 0.1
    assert error(voice) > 0.5  # as if it were as loud


def test_what_nobody_knows_counts_in_no_mask():
    H = torch.rand(2, 3, 2, requires_grad=True)
    shares = torch.zeros(2, 3, 1, 2, dtype=torch.uint8)
    nothing = masks_of_two(H, shares)
    nothing.backward()
    assert nothing.item() == 0 and not H.grad.any()
    shares[0, 0, 0, 0] = 255
    masks_of_two(H, shares).backward()
    assert H.grad[0, 0].any() and not H.grad[1].any()
    assert not H.grad[0, 1:].any()


def test_the_ideal_mask_has_no_error_and_descent_finds_it():
    torch.manual_seed(0)
    shares = torch.randint(0, 256, (1, 5, 1, 1))
    shares = torch.cat([shares, 255 - shares], dim=-1).byte()
    raw = torch.zeros(1, 5, 2, requires_grad=True)
    optimiser = torch.optim.Adam([raw], lr=0.05)
    for _ in range(400):
        optimiser.zero_grad()
        masks_of_two(raw.exp(), shares).backward()
        optimiser.step()
    assert masks_of_two(raw.exp(), shares).item() < 0.01

"""Frames of any unit, kind and number format; the caller's autocast."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from nmf.planted import cosines, planted, spectra
from nmf.test_sparse_nmf import ALL_SOLVERS, assert_is_dictionary

from explainable_seg.nmf import (
    SparseNMF,
    converged_code,
    objective,
    overshoot,
    sparse_code,
)
from explainable_seg.nmf.atoms import unit_columns
from explainable_seg.nmf.multiplicative import scaled_weight
from explainable_seg.nmf.numerics import working_scale
from explainable_seg.nmf.solvers import check_descent

UNITS = [2e12, 1e30, 1e-20, 1e-36]


def fitted(X, mu, unit, options):
    """The fit of frames in a unit, ``mu`` being given for the unit of 1."""
    beta = options.get("beta", 2)
    mu = scaled_weight(mu, 1 / unit, beta)
    return SparseNMF(4, mu, 30, 0.0, **options).fit(X * unit)


@pytest.mark.parametrize("options", ALL_SOLVERS)
@pytest.mark.parametrize("unit", UNITS)
def test_the_dictionary_does_not_depend_on_the_unit(unit, options):
    X = spectra(300) + 0.01
    one = fitted(X, 0.1, 1.0, options)
    other = fitted(X, 0.1, unit, options)
    assert_is_dictionary(other.dictionary, 4)
    assert cosines(other.dictionary, one.dictionary).min() > 0.999
    power = options.get("beta", 2)
    values = np.array(other.objectives) / unit**power
    np.testing.assert_allclose(values, one.objectives, rtol=2e-3)
    H = other.transform(X * unit).double() / unit
    torch.testing.assert_close(
        H, one.transform(X).double(), rtol=0.02, atol=0.05
    )


@pytest.mark.parametrize("solver", ["hals", "mu"])
def test_power_spectra_of_16_bit_samples_give_their_atoms(solver):
    X, W = planted()
    X = X * (2e12 / X.max())
    nmf = SparseNMF(4, 1.0, 300, 0.0, solver=solver).fit(X)
    assert cosines(nmf.dictionary, W).min() > 0.99
    assert (np.diff(nmf.objectives) <= 1e-6 * nmf.objectives[0]).all()
    rebuilt = nmf.transform(X) @ nmf.dictionary.T
    assert ((X - rebuilt).norm() / X.norm()).item() < 0.02


def test_a_power_of_two_changes_no_bit():
    X = spectra(500)
    one = SparseNMF(6, 0.5, 10).fit(X)
    other = SparseNMF(6, 0.5 * 2.0**40, 10).fit(X * 2.0**40)
    assert torch.equal(other.dictionary, one.dictionary)
    assert torch.equal(other.transform(X * 2.0**40), one.transform(X) * 2.0**40)
    assert other.objectives == [v * 2.0**80 for v in one.objectives]


def test_batches_of_a_stream_may_differ_by_any_factor():
    X, W = planted(n_frames=3000)
    nmf = SparseNMF(4, mu=0.0)
    for number, batch in enumerate(X.split(500)):
        nmf.partial_fit(batch * (1e12, 1e-18, 1.0)[number % 3])
        assert_is_dictionary(nmf.dictionary, 4)
        assert math.isfinite(nmf.objectives[-1])
    # The loud batches decide, as in one fit of all.
    assert cosines(nmf.dictionary, W).min() > 0.99


def test_a_stream_of_loud_frames_is_that_of_quiet_ones():
    X = spectra(2000)
    quiet, loud = SparseNMF(6, 0.5), SparseNMF(6, 0.5 * 2.0**41)
    for batch in X.split(500):
        quiet.partial_fit(batch)
        loud.partial_fit(batch * 2.0**41)
    assert torch.equal(quiet.dictionary, loud.dictionary)
    assert loud.summary.objective == quiet.summary.objective * 2.0**82
    assert loud.summary.relative_error == quiet.summary.relative_error


def test_a_faint_frame_among_loud_ones_is_coded_as_if_alone():
    X, W = planted(n_frames=20)
    X[3] *= 1e-25
    X[7] *= 1e15
    together = converged_code(X, W, 0.0)
    for frame in (3, 7):
        alone = converged_code(X[frame, None], W, 0.0)
        # Zero on one machine may be a rounding of the largest on another.
        rounding = 1e-6 * float(alone.max())
        torch.testing.assert_close(
            together[frame], alone[0], rtol=1e-6, atol=rounding
        )
        error = (X[frame] - W @ together[frame]).double().norm()
        assert error / X[frame].double().norm() < 1e-3


def test_faint_columns_become_unit_ones():
    W = torch.tensor([[1e-30, 3.0, 0.0], [0.0, 4.0, 0.0]])
    expected = torch.tensor([[1.0, 0.6, 0.0], [0.0, 0.8, 0.0]])
    torch.testing.assert_close(unit_columns(W), expected)


def test_log_power_spectra_are_worked_on_as_they_are():
    assert working_scale(torch.tensor(21.0)) == 1.0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("options", ALL_SOLVERS)
def test_autocast_changes_nothing(dtype, options):
    X, _ = planted()
    X = X + 0.01
    expected = SparseNMF(4, 0.1, 20, **options).fit(X)
    with torch.autocast("cpu", dtype):
        found = SparseNMF(4, 0.1, 20, **options).fit(X)
        H = found.transform(X)
    assert H.dtype == torch.float32
    assert found.objectives == expected.objectives
    assert torch.equal(H, expected.transform(X))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_changes_no_stream_and_no_code(dtype):
    X, W = planted()
    expected = SparseNMF(4, 0.1).partial_fit(X)
    H = converged_code(X, W, 0.1)
    with torch.autocast("cpu", dtype):
        found = SparseNMF(4, 0.1).partial_fit(X)
        assert torch.equal(converged_code(X, W, 0.1), H)
        codes = sparse_code(X, W, 0.1, 8)
        excess = overshoot(X, W, 2 * H)
        value = objective(X, W, H, 0.1)
    assert torch.equal(found.dictionary, expected.dictionary)
    assert torch.equal(codes, sparse_code(X, W, 0.1, 8))
    assert torch.equal(excess, overshoot(X, W, 2 * H))
    assert torch.equal(value, objective(X, W, H, 0.1))


def sparse_rows():
    """A tensor that PyTorch warns of when it is made."""
    return torch.eye(3).to_sparse_csr()


def big_endian(X):
    """As files of HTK and of Kaldi have it."""
    return X.astype(">f4")


@pytest.mark.parametrize(
    "kind",
    [
        lambda X: X,
        np.asfortranarray,
        lambda X: X.astype(np.float64),
        lambda X: X.tolist(),
        lambda X: tuple(map(tuple, X.tolist())),
        pd.DataFrame,
        lambda X: np.lib.stride_tricks.as_strided(X, writeable=False),
    ],
)
def test_arrays_and_lists_are_taken(kind, recwarn):
    X = spectra(60).numpy()
    expected = SparseNMF(3, max_iter=5).fit(torch.from_numpy(X))
    nmf = SparseNMF(3, max_iter=5).fit(kind(X))
    H = nmf.transform(kind(X), H0=expected.transform(X).numpy())
    assert isinstance(H, torch.Tensor)
    torch.testing.assert_close(
        nmf.dictionary.float(), expected.dictionary, atol=1e-4, rtol=1e-4
    )
    SparseNMF(3).partial_fit(kind(X))
    assert not recwarn.list


@pytest.mark.filterwarnings("ignore:Sparse CSR")
@pytest.mark.parametrize(
    "X, reason",
    [
        (torch.eye(3).to_sparse(), "dense.*to_dense"),
        (sparse_rows, "dense.*to_dense"),
        (scipy.sparse.csr_matrix(np.eye(3)), "csr_matrix.*toarray"),
        (np.ma.masked_less(np.eye(3), 0.5), "MaskedArray.*filled"),
        (np.eye(3, dtype=int), "float64, got torch.int64"),
        ([[1, 2], [3, 4]], "float64, got torch.int64"),
        (torch.eye(3).half(), "float64, got torch.float16"),
        (torch.eye(3).bfloat16(), "float64, got torch.bfloat16"),
        (np.eye(3, dtype=complex), "float64, got torch.complex128"),
        (np.eye(3, dtype=np.float16), "float64, got torch.float16"),
        (big_endian(np.eye(3)), "byte order"),
        (np.eye(3)[::-1], "stride"),
        ([[1.0, 2.0], [3.0]], "builtins.list"),
        ("frames", "builtins.str"),
        (None, "NoneType"),
        (np.float32(3.0), r"got \(\)"),
        (torch.ones(2, 3, 4), r"got \(2, 3, 4\)"),
    ],
)
def test_what_is_no_matrix_of_floats_is_refused_in_one_true_line(X, reason):
    X = X() if callable(X) else X
    for method in (SparseNMF(2).fit, SparseNMF(2).partial_fit):
        with pytest.raises(ValueError, match=reason) as raised:
            method(X)
        assert "\n" not in str(raised.value)
    with pytest.raises(ValueError):
        SparseNMF(2).fit(torch.eye(3)).transform(X)


@pytest.mark.parametrize("options", ALL_SOLVERS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_no_start_for_a_transform_is_refused(value, options):
    X = torch.rand(5, 3)
    nmf = SparseNMF(2, **options).fit(X)
    with pytest.raises(ValueError, match="H0"):
        nmf.transform(X, H0=torch.full((5, 2), value))
    with pytest.raises(ValueError, match="H0"):
        nmf.transform(X, H0=torch.ones(5, 3))


def test_frames_too_large_for_their_type_are_an_error():
    X = torch.full((4, 3), 1e300, dtype=torch.float64)
    with pytest.raises(FloatingPointError, match="float64"):
        SparseNMF(2).fit(X)
    single = torch.full((4, 300), 3e38)
    with pytest.raises(FloatingPointError, match="activations"):
        SparseNMF(2).fit(single).transform(single)


def test_what_was_learned_survives_a_batch_that_fails():
    nmf = SparseNMF(2).partial_fit(torch.rand(20, 3).double())
    before = nmf.state_dict()
    with pytest.raises(FloatingPointError):
        nmf.partial_fit(torch.full((4, 3), 1e300, dtype=torch.float64))
    after = nmf.state_dict()
    assert torch.equal(after["atoms"], before["atoms"])
    assert after["statistics"].keys() == before["statistics"].keys()
    for name, value in after["statistics"].items():
        assert torch.equal(value, before["statistics"][name])
    assert after["n_batches"] == 1
    assert after["objectives"] == before["objectives"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.1])
def test_a_descent_that_does_not_descend_is_an_error(value):
    with pytest.raises(FloatingPointError, match="after 1"):
        check_descent([2.0, 1.0], value, rounding=0.05)
    check_descent([2.0, 1.0], 1.04, rounding=0.05)


def test_a_weight_that_leaves_nothing_of_the_frames_is_told(caplog):
    X = torch.rand(100, 20)
    SparseNMF(n_atoms=4, mu=1.0, max_iter=2).fit(1e-4 * X)
    (record,) = caplog.records
    assert record.levelname == "WARNING" and "mu=1" in record.getMessage()
    caplog.clear()
    SparseNMF(n_atoms=4, mu=1e-5, max_iter=2).fit(1e-4 * X)
    SparseNMF(n_atoms=4, mu=1.0, max_iter=2).fit(0 * X)
    assert not caplog.records

"""The TCN: parity with PyTorch's own layers, and what a norm means."""

import pytest
import torch

from explainable_seg.models.runner import Runner
from explainable_seg.models.tcn import TCN, DepthwiseConv, GlobalNorm


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("kernel_size, dilation", [(1, 1), (3, 1), (3, 4)])
def test_depthwise_convolution_is_pytorchs(kernel_size, dilation):
    ours = DepthwiseConv(5, kernel_size, dilation)
    theirs = torch.nn.Conv1d(
        5,
        5,
        kernel_size,
        padding=dilation * (kernel_size // 2),
        dilation=dilation,
        groups=5,
    )
    with torch.no_grad():
        theirs.weight.copy_(ours.weight.T.unsqueeze(1))
        theirs.bias.copy_(ours.bias.normal_())
    x = torch.randn(2, 20, 5)
    expected = theirs(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(ours(x), expected)


def test_global_norm_is_a_group_norm_of_one_group():
    ours, theirs = GlobalNorm(6), torch.nn.GroupNorm(1, 6)
    with torch.no_grad():
        for ours_p, theirs_p in zip(ours.parameters(), theirs.parameters()):
            theirs_p.copy_(ours_p.normal_())
    x = torch.randn(3, 11, 6)
    expected = theirs(x.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(ours(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("norm", ["global", "frame"])
def test_neighbours_in_a_batch_change_nothing(norm):
    tcn = TCN(9, n_blocks=1, n_layers=3, norm=norm)
    x = torch.randn(4, 30, 9)
    alone = torch.cat([tcn(row[None]) for row in x])
    torch.testing.assert_close(tcn(x), alone, atol=1e-5, rtol=1e-5)


def test_reach_is_how_far_a_frame_is_heard():
    tcn = TCN(3, n_blocks=2, n_layers=3, norm="frame")
    x = torch.randn(1, 61, 3)
    changed = x.clone()
    changed[0, 30] += 1.0
    moved = (tcn(x) - tcn(changed)).abs().sum(dim=-1)[0] > 0
    assert tcn.reach == 14
    assert torch.nonzero(moved).flatten().tolist() == list(range(16, 45))


def test_with_the_frame_norm_chunks_equal_the_whole():
    tcn = TCN(1, n_blocks=1, n_layers=3, n_channels=8, norm="frame")

    class Model(torch.nn.Module):
        def forward(self, wav):
            return tcn(wav.unfold(1, 400, 320).mean(dim=-1, keepdim=True))

    wav = torch.randn(16000 * 3)
    whole, chunked = (
        Runner(Model(), **windows).recording(wav).logits
        for windows in (
            {"window": 10.0, "step": 10.0},
            {"window": 0.8, "step": 0.4, "context": tcn.reach},
        )
    )
    torch.testing.assert_close(chunked, whole, atol=1e-5, rtol=1e-5)


def test_unknown_norm_and_even_kernel_are_refused():
    with pytest.raises(ValueError, match="'global', 'frame'"):
        TCN(3, norm="batch")
    with pytest.raises(ValueError, match="odd"):
        DepthwiseConv(3, 2, 1)

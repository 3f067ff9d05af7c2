"""The TCN: parity with PyTorch's own layers, and what a norm means."""

import pytest
import torch
from hypothesis import (
    given,
    settings,
    strategies as st,
)

from explainable_seg.models.runner import Runner
from explainable_seg.models.tcn import (
    TCN,
    DepthwiseConv,
    GlobalNorm,
    LocalNorm,
    TCNLayer,
    streamed,
)


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


@pytest.mark.parametrize("box", [1, 4, 5, 11])
def test_local_norm_is_the_global_one_of_a_box_around_each_frame(box):
    local, whole = LocalNorm(6, box), GlobalNorm(6)
    with torch.no_grad():
        for ours, theirs in zip(local.parameters(), whole.parameters()):
            theirs.copy_(ours.normal_())
    x = torch.randn(2, 11, 6)
    for t, found in enumerate(local(x).unbind(1)):
        # The box is as wide at the edges, moved to lie inside.
        start = min(max(t - box // 2, 0), 11 - box)
        expected = whole(x[:, start : start + box])[:, t - start]
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_an_input_shorter_than_the_box_has_the_global_norm():
    x = 10 + torch.randn(2, 7, 6)
    local = LocalNorm(6, 300)
    torch.testing.assert_close(local(x), GlobalNorm(6)(x), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    "norm, box", [("local", 20), ("local", 21), ("frame", 1)]
)
@pytest.mark.parametrize("n_frames", [1, 19, 20, 21, 22, 100])
@pytest.mark.parametrize("stride", [1, 2, 3])
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_blocks_give_what_the_whole_gives(norm, box, n_frames, stride, data):
    tcn = TCN(5, 2, 3, norm=norm, box=box, stride=stride).eval()
    x = torch.randn(2, n_frames, 5)
    cuts = data.draw(st.lists(st.integers(0, n_frames), max_size=6))
    edges = [0, *sorted(cuts), n_frames]
    sizes = [high - low for low, high in zip(edges, edges[1:])]
    stream = streamed(tcn)
    with torch.no_grad():
        found = [
            stream.feed(part, number == len(sizes) - 1)
            for number, part in enumerate(x.split(sizes, dim=1))
        ]
        torch.testing.assert_close(
            torch.cat(found, dim=1), tcn(x), atol=1e-4, rtol=1e-4
        )


def test_a_stream_holds_no_more_than_what_is_needed():
    stream = streamed(TCN(5, n_blocks=1, n_layers=3, norm="local", box=20))
    n_given = 0
    for number in range(50):
        n_given += stream.feed(torch.randn(1, 30, 5), False).shape[1]
        # Six norms wait for half a box each, three convolutions for 7 frames.
        assert (number + 1) * 30 - n_given <= 6 * 10 + 7
    held = [
        norm._sums.shape[1]
        for layer in stream._chain.stages[1:-1]
        for norm in layer._chain.stages
        if hasattr(norm, "_sums")
    ]
    assert len(held) == 6 and max(held) <= 20 + 30


def test_a_global_norm_is_not_streamed():
    with pytest.raises(ValueError, match="got global"):
        streamed(TCNLayer(3, 3, 3, 1, "global", 0.0))


@pytest.mark.parametrize("norm", ["global", "local", "frame"])
def test_neighbours_in_a_batch_change_nothing(norm):
    tcn = TCN(9, n_blocks=1, n_layers=3, norm=norm)
    x = torch.randn(4, 30, 9)
    alone = torch.cat([tcn(row[None]) for row in x])
    torch.testing.assert_close(tcn(x), alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("n_frames", [1, 2, 5, 6])
def test_groups_of_frames_are_told_apart_again(n_frames):
    tcn = TCN(4, n_blocks=1, n_layers=1, stride=3)
    x = torch.randn(2, n_frames, 4)
    groups = tcn.grouped(x)
    assert groups.shape == (2, -(-n_frames // 3), 12)
    torch.testing.assert_close(tcn.ungrouped(groups)[:, :n_frames], x)
    assert tcn(x).shape == (2, n_frames, 64)


def test_a_frame_is_heard_no_further_than_the_reach_of_groups():
    tcn = TCN(3, n_blocks=1, n_layers=2, norm="frame", stride=2)
    x = torch.randn(1, 61, 3)
    changed = x.clone()
    changed[0, 30] += 1.0
    moved = (tcn(x) - tcn(changed)).abs().sum(dim=-1)[0] > 0
    heard = torch.nonzero(moved).flatten()
    assert tcn.reach == 7
    assert heard.min() == 30 - 6 and heard.max() == 30 + 7


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
    with pytest.raises(ValueError, match="'global', 'local', 'frame'"):
        TCN(3, norm="batch")
    with pytest.raises(ValueError, match="odd"):
        DepthwiseConv(3, 2, 1)

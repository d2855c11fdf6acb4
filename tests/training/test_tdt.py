"""The transducer's loss against the sum over every path, written out."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the training tools need torch: pip install '.[training]'")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from training.model import Encoder, EncoderShape
from training.tdt import transducer_loss
from training.tdt_loss import tdt_loss
from training.tdt_model import TdtRecognizer

DURATIONS = (0, 1, 2, 3, 4)


def every_path(logits: Tensor, labels: list[int], durations: tuple[int, ...], sigma: float) -> Tensor:
    """Negative log of the summed probability of all ways through one row [T, U + 1, pieces + 1 + durations]."""
    tokens = logits[..., : -len(durations)].log_softmax(-1) - sigma
    moves = logits[..., -len(durations) :].log_softmax(-1)
    blank = tokens.shape[-1] - 1

    def paths(t: int, u: int) -> list[Tensor]:
        """Log-probabilities of all ways from a cell to the end."""
        found = []
        for i, d in enumerate(durations):
            if d > 0 and u == len(labels) and t + d == len(logits):
                found.append(tokens[t, u, blank] + moves[t, u, i])
            if t + d < len(logits):
                if d > 0:
                    found += [tokens[t, u, blank] + moves[t, u, i] + rest for rest in paths(t + d, u)]
                if u < len(labels):
                    found += [tokens[t, u, labels[u]] + moves[t, u, i] + rest for rest in paths(t + d, u + 1)]
        return found

    return -torch.stack(paths(0, 0)).logsumexp(0)


@settings(max_examples=40)
@given(
    steps=st.integers(1, 4),
    labels=st.lists(st.integers(0, 2), max_size=3),
    durations=st.sampled_from([DURATIONS, (0, 1), (0, 1, 2), (0, 2, 1)]),
    sigma=st.sampled_from([0.0, 0.05]),
    seed=st.integers(0, 999),
)
def test_loss_and_gradient_are_those_of_the_sum_over_all_paths(
    steps: int, labels: list[int], durations: tuple[int, ...], sigma: float, seed: int
) -> None:
    torch.manual_seed(seed)
    # a longer row beside it: padding must not count
    logits = torch.randn(2, 5, 4, 4 + len(durations), dtype=torch.float64, requires_grad=True)
    padded = torch.tensor([[*labels, 0, 0, 0][:3], [0, 1, 2]])
    lengths = torch.tensor([len(labels), 3])
    found = tdt_loss(logits, padded, torch.tensor([steps, 5]), lengths, durations, sigma)
    wanted = every_path(logits[0, :steps, : len(labels) + 1], labels, durations, sigma)
    assert torch.allclose(found[0], wanted)
    (ours,) = torch.autograd.grad(found[0], logits, retain_graph=True)
    (theirs,) = torch.autograd.grad(wanted, logits)
    assert torch.allclose(ours, theirs, atol=1e-9)
    assert torch.allclose(found[1], every_path(logits[1], [0, 1, 2], durations, sigma))


def test_rows_without_a_way_through_have_no_gradient_that_hurts() -> None:
    # with these durations two steps cannot be left exactly behind their end after a label
    logits = torch.zeros(1, 1, 2, 6, requires_grad=True)
    loss = tdt_loss(logits, torch.zeros(1, 1, dtype=torch.int64), torch.tensor([1]), torch.tensor([1]), (1, 2, 3))
    loss.sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_a_transducer_learns_a_text_and_its_greedy_search_finds_it() -> None:
    torch.manual_seed(0)
    encoder = Encoder(EncoderShape(width=16, heads=2, layers=1, rotary=4))
    module = TdtRecognizer(encoder, layers=1, pieces=5, width=32)
    states, rows = torch.randn(2, 9, 16), [([1, 2, 2, 4], []), ([3], [])]
    optimiser = torch.optim.Adam(module.parameters(), 1e-2)
    for _ in range(120):
        optimiser.zero_grad()
        loss = transducer_loss(module, states, rows, sigma=0.0)
        loss.backward()
        optimiser.step()
    assert [module.greedy(row) for row in states] == [[1, 2, 2, 4], [3]]

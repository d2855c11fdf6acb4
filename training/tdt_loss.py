"""The loss of token-and-duration transducers (Xu et al. 2023, "Efficient Sequence Transduction by Jointly Predicting
Tokens and Durations"), on any device and without kernels of its own.

NeMo's conventions: the joint's outputs are pieces, blank, durations; tokens and durations are normalised apart; a blank
moves on by one step at least, a piece may stay; a path ends with a blank that lands exactly behind the last step.
"""

from __future__ import annotations

import torch
from torch import Tensor

_NEVER = -1e30
"""Log-probability of what cannot be; finite, because minus infinity has no gradient."""


def tdt_loss(
    logits: Tensor, labels: Tensor, steps: Tensor, lengths: Tensor, durations: tuple[int, ...], sigma: float = 0.0
) -> Tensor:
    """Negative log-likelihood of each row, in nats: float [B].

    The forward sums are taken along the diagonals step + label: all that a cell needs lies on earlier ones, so one
    pass over T + U diagonals serves all rows and labels at once. The gradient is autograd's.

    Args:
        logits: float32 [B, T, U + 1, pieces + 1 + durations], the blank after the pieces.
        labels: int64 [B, U].
        steps: int64 [B], how many of the T belong to each row.
        lengths: int64 [B], how many of the U do.
        durations: steps to move on by, by output index; 0 only with a piece.
        sigma: taken off every token's log-probability, which makes long durations worth learning.
    """
    piece, blank = _token_scores(logits, labels, len(durations), sigma)
    moves = logits[..., -len(durations) :].log_softmax(-1)
    stays = torch.tensor([d == 0 for d in durations])
    emit, skip = _diagonals(piece[..., None] + moves, steps), _diagonals(blank[..., None] + moves, steps)
    skip = skip.masked_fill(stays, _NEVER)
    skipped = _forward(emit, skip, durations)
    rows = torch.arange(len(steps))
    ends = [skipped[rows, (steps + lengths - d).clamp(min=0), lengths, n] for n, d in enumerate(durations) if d > 0]
    reached = [end.where(steps >= d, _NEVER) for end, d in zip(ends, (d for d in durations if d > 0), strict=True)]
    return -torch.stack(reached).logsumexp(0)


def _token_scores(logits: Tensor, labels: Tensor, durations: int, sigma: float) -> tuple[Tensor, Tensor]:
    """Log-probability of the next label and of the blank in every cell: [B, T, U + 1] each."""
    tokens = logits[..., : logits.shape[-1] - durations]
    total = tokens.logsumexp(-1) + sigma
    wanted = labels[:, None, :, None].expand(-1, logits.shape[1], -1, 1)
    piece = tokens[:, :, :-1].gather(3, wanted)[..., 0]
    # after the last label there is none to say
    piece = torch.nn.functional.pad(piece - total[:, :, :-1], (0, 1), value=_NEVER)
    return piece, tokens[..., -1] - total


def _diagonals(cells: Tensor, steps: Tensor) -> Tensor:
    """[B, T, U + 1, D] -> [B, T + U, U + 1, D], row n holding the cells with step + label = n."""
    length, labels = cells.shape[1], cells.shape[2]
    label = torch.arange(labels)
    step = torch.arange(length + labels - 1)[:, None] - label
    exists = (step >= 0) & (step < steps[:, None, None])
    return cells[:, step.clamp(0, length - 1), label].masked_fill(~exists[..., None], _NEVER)


def _forward(emit: Tensor, skip: Tensor, durations: tuple[int, ...]) -> Tensor:
    """For each cell and duration, all paths that come to the cell and leave it with a blank: like `skip`."""
    start = torch.full(emit.shape[:1] + emit.shape[2:3], _NEVER)
    start[:, 0] = 0.0
    emitted: list[Tensor] = []
    skipped: list[Tensor] = []
    for n in range(emit.shape[1]):
        ways = [start] if n == 0 else []
        for i, d in enumerate(durations):
            if 0 < d <= n:
                ways.append(skipped[n - d][..., i])
            if d < n:
                ways.append(torch.nn.functional.pad(emitted[n - d - 1][:, :-1, i], (1, 0), value=_NEVER))
        reached = (torch.stack(ways).logsumexp(0) if ways else torch.full_like(start, _NEVER))[..., None]
        emitted.append(reached + emit[:, n])
        skipped.append(reached + skip[:, n])
    return torch.stack(skipped, 1)

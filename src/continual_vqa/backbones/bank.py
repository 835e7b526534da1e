"""The bank of adapters in one residual branch, and the weights with which a task uses them.

Of adapter i the task's query q_i looks at its output A_i(h): c_i is the attention of q_i over the
tokens [q_i; A_i(h)], without projections, in heads, scaled by 1 / sqrt(D). The adapter's weight is
(cos(c_i, k_i) + 1) / 2 with its key k_i, and the branch becomes the sum of weight times A_i(h), not
normalised. Source: arXiv 2410.10923 (ATLAS), section 3, and its code.

Shapes: B samples, S tokens, D width, N adapters, W inner width of an adapter, H heads, E = D / H.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from continual_vqa.backbones.adapters import Adapter, Branch
from continual_vqa.config.tuning import BankTuning
from continual_vqa.errors import UserError


class BankBranch(nn.Module):
    """The adapters of all tasks in one branch, their keys, and one task's queries.

    Parameters
    ----------
    adapters : the tasks, from 1, whose adapters there are
    asked : the adapters that the task has queries to, in order; all are among `adapters`
    task : the task whose queries these are
    """

    def __init__(
        self,
        branch: Branch,
        tuning: BankTuning,
        *,
        adapters: Sequence[int],
        asked: Sequence[int],
        task: int,
    ) -> None:
        super().__init__()
        if branch.width % tuning.heads:
            raise UserError(
                f"{tuning.heads} heads do not divide the width {branch.width} of {branch.module}",
                where="tune.heads",
                expected="a divisor",
            )
        self.tuning, self.whole = tuning, branch.whole
        self.task, self.asked = task, tuple(asked)
        dim = branch.width
        self.adapters = nn.ModuleDict({str(n): Adapter(dim, tuning.width) for n in adapters})
        self.keys = nn.ParameterDict({str(n): _vector(dim) for n in adapters})
        self.queries = nn.ParameterDict({f"{task}-{n}": _vector(dim) for n in asked})

    @property
    def task_queries(self) -> Tensor:
        """(N, D) the task's queries, in the order of `asked`."""
        return torch.stack([self.queries[f"{self.task}-{n}"] for n in self.asked])

    @property
    def task_keys(self) -> Tensor:
        """(N, D) the keys of the adapters in `asked`."""
        return torch.stack([self.keys[str(n)] for n in self.asked])

    def weights(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """The weight of each asked adapter, before it is normalised.

        (B, 1, N, 1), or (B, S, N, 1) where tokens may not see each other; the last is D instead
        where each dimension has its own.
        """
        return self._weights(h, self._inner(h), mask)

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """The weighted sum (B, S, D) of the adapters' outputs for h (B, S, D).

        Parameters
        ----------
        mask : (B, S) true for tokens that are no padding; padding neither is looked at nor matters
        """
        inner = self._inner(h)
        weights = self._weights(h, inner, mask)
        if self.tuning.normalised:
            weights = weights / weights.sum(2, keepdim=True)
        up, bias = self._up()
        if weights.shape[-1] > 1:
            changes = torch.einsum("bsnw,ndw->bsnd", inner, up) + bias
            return weights.sum(2) * h + (weights * changes).sum(2)
        # One product with all W_up side by side: no adapter's own output is ever made.
        changes = (weights * inner).flatten(2) @ up.transpose(1, 2).flatten(0, 1)
        return weights.sum(2) * h + changes + weights[..., 0] @ bias

    def _inner(self, h: Tensor) -> Tensor:
        """SiLU(W_down h + b) of all asked adapters: (B, S, N, W)."""
        layers = [adapter.down for adapter in self._asked()]
        weight = torch.cat([layer.weight for layer in layers])
        bias = torch.cat([layer.bias for layer in layers])
        return F.silu(F.linear(h, weight, bias)).unflatten(2, (len(layers), -1))

    def _up(self) -> tuple[Tensor, Tensor]:
        """W_up (N, D, W) and its bias (N, D) of all asked adapters."""
        layers = [adapter.up for adapter in self._asked()]
        return torch.stack([u.weight for u in layers]), torch.stack([u.bias for u in layers])

    def _asked(self) -> list[Adapter]:
        return [cast(Adapter, self.adapters[str(n)]) for n in self.asked]

    def _weights(self, h: Tensor, inner: Tensor, mask: Tensor | None) -> Tensor:
        if self.tuning.weights == "uniform":
            return h.new_full((1, 1, len(self.asked), 1), 1 / len(self.asked))
        look = self._over_all if self.whole else self._over_each
        found, keys = look(h, inner, mask), self.task_keys
        if self.tuning.weights == "per_dimension":
            return torch.sigmoid(found * keys)
        return (F.cosine_similarity(found, keys, dim=-1)[..., None] + 1) / 2

    def _over_all(self, h: Tensor, inner: Tensor, mask: Tensor | None) -> Tensor:
        """c (B, 1, N, D) over all tokens.

        A_i(h) = h + W_up a + b is linear in what is looked at, so that neither the scores nor the
        sum over tokens needs it: N x S x D numbers per sample are never made.
        """
        heads, scale = self.tuning.heads, h.shape[-1] ** -0.5
        up, bias = self._up()
        queries = self.task_queries.unflatten(1, (heads, -1))  # (N, H, E)
        up, bias = up.unflatten(1, (heads, -1)), bias.unflatten(1, (heads, -1))
        split = h.unflatten(2, (heads, -1))  # (B, S, H, E)
        scores = torch.einsum("bshe,nhe->bnhs", split, queries)
        scores = scores + torch.einsum(
            "bsnw,nhw->bnhs", inner, torch.einsum("nhe,nhew->nhw", queries, up)
        )
        scores = scores + (queries * bias).sum(-1)[..., None]
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None, None], float("-inf"))
        itself = (queries**2).sum(-1)[None, ..., None].expand(len(h), -1, -1, 1)
        shares = (torch.cat([itself, scores], 3) * scale).softmax(3)
        own, tokens = shares[..., :1], shares[..., 1:]
        seen = torch.einsum("bnhs,bsnw->bnhw", tokens, inner)
        found = own * queries + torch.einsum("bnhs,bshe->bnhe", tokens, split)
        found = found + torch.einsum("bnhw,nhew->bnhe", seen, up)
        return (found + tokens.sum(3, keepdim=True) * bias).flatten(2)[:, None]

    def _over_each(self, h: Tensor, inner: Tensor, mask: Tensor | None) -> Tensor:
        """c (B, S, N, D) where every token is looked at alone (choice of this project)."""
        heads, scale = self.tuning.heads, h.shape[-1] ** -0.5
        up, bias = self._up()
        outputs = h[:, :, None] + torch.einsum("bsnw,ndw->bsnd", inner, up) + bias
        outputs = outputs.unflatten(3, (heads, -1))
        queries = self.task_queries.unflatten(1, (heads, -1))
        itself, token = (queries**2).sum(-1), (outputs * queries).sum(-1)
        share = torch.sigmoid((token - itself) * scale)[..., None]
        return ((1 - share) * queries + share * outputs).flatten(3)


def _vector(width: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(width, dtype=torch.float32))

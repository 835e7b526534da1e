"""The formulas of arXiv 2410.10923 (ATLAS), section 3, token by token and number by number.

Written from the formulas alone, in float64 loops, so that it shares nothing with the package.
"""

from __future__ import annotations

import math

import numpy as np

Array = np.ndarray


def adapter(h: Array, down: Array, down_bias: Array, up: Array, up_bias: Array) -> Array:
    """A(h) = h + W_up (s * sigmoid(s)) + b with s = W_down h + b, of one token (D,)."""
    s = down @ h + down_bias
    return h + up @ (s / (1 + np.exp(-s))) + up_bias


def attention(query: Array, tokens: list[Array], heads: int) -> Array:
    """The query over [query; tokens] without projections, each head on its own slice."""
    width = len(query)
    size = width // heads
    rows = [query, *tokens]
    found = np.zeros(width)
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        scores = [float(query[part] @ row[part]) / math.sqrt(width) for row in rows]
        top = max(scores)
        shares = [math.exp(score - top) for score in scores]
        for share, row in zip(shares, rows, strict=True):
            found[part] += share / sum(shares) * row[part]
    return found


def weight(found: Array, key: Array) -> float:
    """(cos(c, k) + 1) / 2."""
    return (float(found @ key) / math.sqrt(float(found @ found) * float(key @ key)) + 1) / 2


def orthogonality(vectors: Array) -> float:
    """mean((T T' - I)^2) / (n d) of the rows of T (n, d)."""
    n, d = vectors.shape
    total = 0.0
    for i in range(n):
        for j in range(n):
            total += (float(vectors[i] @ vectors[j]) - (1.0 if i == j else 0.0)) ** 2
    return total / (n * n) / (n * d)

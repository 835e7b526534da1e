"""Updates B·A of low rank: added up without their dense product, and cut to a rank again.

Shapes: B (out, r), A (r, in); everything in float64. The cut is the best approximation of that rank
(Eckart and Young, 1936), by a singular value decomposition U S Vᵀ, split evenly: B = U √S,
A = √S Vᵀ. Of every column of U the entry of largest magnitude (the first of equals) is positive,
which makes the factors unique where the singular values differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

# Directions whose singular value is this small beside the largest are noise of the computation.
_NOISE = 1e-7


@dataclass(frozen=True, slots=True)
class Factors:
    """B (out, r) and A (r, in), and how far B·A is from the whole update.

    `error`: Frobenius norm of what was cut off / norm of the whole; `norm`: that of the whole.
    """

    b: Doubles
    a: Doubles
    error: float
    norm: float


def combine(
    weights: Sequence[float], b: Sequence[Doubles], a: Sequence[Doubles], rank: int, spare: Doubles
) -> Factors:
    """Σ weight · B·A, cut to `rank`, from the stacked factors: a decomposition of (k r, k r) only.

    Parameters
    ----------
    weights : k factors
    b, a : k matrices each
    spare : (rank, in), see `_split`
    """
    left = np.hstack([weight * each for weight, each in zip(weights, b, strict=True)])
    right = np.vstack(a)
    q_left, r_left = np.linalg.qr(left)
    q_right, r_right = np.linalg.qr(right.T)
    u, s, vt = np.linalg.svd(r_left @ r_right.T)
    return _split(q_left @ u, s, (q_right @ vt.T).T, rank, spare, float(np.linalg.norm(s[rank:])))


def refactor(update: NDArray[np.floating], rank: int, spare: Doubles) -> Factors:
    """A dense update (out, in) cut to `rank`, through the products of its shorter side.

    Singular values below 1e-7 of the largest are taken for 0; so small an error is not resolved.
    """
    matrix = update.astype(np.float64)
    if matrix.shape[0] > matrix.shape[1]:
        vectors, s, beyond = _leading(matrix.T, rank)
        left = np.divide(matrix @ vectors, s, out=np.zeros((len(matrix), len(s))), where=s > 0)
        return _split(left, s, vectors.T, rank, spare, beyond)
    vectors, s, beyond = _leading(matrix, rank)
    right = np.divide(
        vectors.T @ matrix,
        s[:, None],
        out=np.zeros((len(s), matrix.shape[1])),
        where=s[:, None] > 0,
    )
    return _split(vectors, s, right, rank, spare, beyond)


def _leading(matrix: Doubles, rank: int) -> tuple[Doubles, Doubles, float]:
    """The first `rank` left singular vectors and values, and the norm of the other values."""
    squares, vectors = np.linalg.eigh(matrix @ matrix.T)
    squares, vectors = np.maximum(squares[::-1], 0), vectors[:, ::-1]
    beyond = float(np.sqrt(squares[rank:].sum()))
    values = np.sqrt(squares[:rank])
    values[values <= _NOISE * values[:1]] = 0
    return vectors[:, : len(values)], values, beyond


def _split(
    u: Doubles, s: Doubles, vt: Doubles, rank: int, spare: Doubles, beyond: float
) -> Factors:
    """The even split of the first `rank` directions.

    A direction without weight has B = 0 and the row of `spare` as its A: were both zero, no later
    training could use it, for the gradients of both would be zero.
    """
    norm = float(np.hypot(np.linalg.norm(s[:rank]), beyond))
    used = int(np.count_nonzero(s[:rank] > _NOISE * s[:1])) if s.size else 0
    u, vt, roots = u[:, :used], vt[:used], np.sqrt(s[:used])
    signs = np.sign(u[np.abs(u).argmax(axis=0), np.arange(used)])
    b = np.zeros((len(u), rank))
    b[:, :used] = u * signs * roots
    a = np.vstack([vt * (signs * roots)[:, None], spare[used:]])
    return Factors(b, a, beyond / norm if norm else 0.0, norm)

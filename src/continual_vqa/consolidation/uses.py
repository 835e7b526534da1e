"""Where a forward pass uses each trained parameter: what its gradient for each sample is made of.

A model's gradient for one sample is a sum over the places at which the parameter is used. `Uses`
watches a forward pass over B samples and, at each place, keeps what the gradient of every sample
can be computed from once the backward pass brings the gradient of the place's output:

| use | kept | gradient of sample b |
|---|---|---|
| F.linear(x, W) | x (B, T, I), g (B, T, O) | sum over t of g[b, t] x[b, t]^T |
| F.conv2d(x, W), patches side by side | the patches as x | the same, W as a matrix |
| F.embedding(ids, W) | ids (B, T), g (B, T, D) | sum over t of g[b, t] in row ids[b, t] |
| W * x, W + x, layer norm, bias | g (B, ...) of a copy of W for each sample | g[b] |

A place counts only if its input holds one sample in each row. `layout` finds that out by passing
one sample and then the same one twice: what grows holds samples, whatever the sizes. A parameter
with any other use is named as leaking, and its gradients have to be computed sample by sample.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class Products(NamedTuple):
    """Inputs (B, T, I) and output gradients (B, T, O) of a linear map."""

    inputs: Tensor
    gradients: Tensor


class Lookups(NamedTuple):
    """Rows (B, T) that were looked up and the gradients (B, T, D) of what was found."""

    rows: Tensor
    gradients: Tensor


class Whole(NamedTuple):
    """The gradient (B, ...) of each sample itself."""

    gradients: Tensor


Use = Products | Lookups | Whole
Place = tuple[str, int]  # parameter, and which of its uses in the forward pass


@dataclass(frozen=True, slots=True)
class Layout:
    """What `layout` found out about a model.

    Attributes
    ----------
    places : rows: the input holds a sample in each row; shared: one row for all samples
    leaking : parameters that are also used in a way that is not in the table above
    """

    places: Mapping[Place, Literal["rows", "shared"]]
    leaking: frozenset[str]


def layout(
    parameters: Mapping[str, nn.Parameter], forward: Callable[[int], Tensor], samples: int = 2
) -> Layout:
    """The layout of a model's uses of `parameters`.

    Parameters
    ----------
    forward : number of samples -> values (samples,), of the same sample over and over
    """
    sizes: list[dict[Place, int]] = []
    for count in (1, samples):
        with torch.no_grad(), Uses(parameters, count, Layout({}, frozenset())) as watched:
            forward(count)
        sizes.append(watched.seen)
    places: dict[Place, Literal["rows", "shared"]] = {}
    for place, size in sizes[0].items():
        match size, sizes[1].get(place):
            case 1, 1:
                places[place] = "shared"
            case 1, n if n == samples:
                places[place] = "rows"
    with Uses(parameters, samples, Layout(places, frozenset())):
        value = forward(samples).sum()
    if not value.requires_grad:
        return Layout(places, frozenset())
    # What is kept of a use is cut off from its parameter: a gradient has come another way.
    reached = torch.autograd.grad(value, list(parameters.values()), allow_unused=True)
    leaking = (name for name, g in zip(parameters, reached, strict=True) if g is not None)
    return Layout(places, frozenset(leaking))


class Uses(TorchFunctionMode):
    """Within, uses of `parameters` over `samples` samples are kept instead of differentiated.

    When the backward pass has brought the gradients of all uses of a parameter, `on_complete` gets
    its name and its uses; `finish` hands over those that the objective did not depend on fully.
    """

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        samples: int,
        known: Layout,
        on_complete: Callable[[str, list[Use]], None] = lambda name, uses: None,
    ) -> None:
        super().__init__()
        self._names = {id(p): name for name, p in parameters.items() if name not in known.leaking}
        self._samples, self._places, self._on_complete = samples, known.places, on_complete
        self._count: Counter[str] = Counter()
        self._awaited: Counter[str] = Counter()
        self._uses: dict[str, list[Use]] = defaultdict(list)
        self.seen: dict[Place, int] = {}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Called by torch for each of its functions."""
        keeper = _KEEPERS.get(func)
        if keeper is not None and any(
            id(a) in self._names for a in (*args, *(kwargs or {}).values())
        ):
            return keeper(self, func, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def finish(self) -> None:
        """Hand over what is still incomplete: the uses whose gradient never came add nothing."""
        for name in list(self._uses):
            self._on_complete(name, self._uses.pop(name))

    def _place(self, parameter: Tensor | None, holder: Tensor, kinds: tuple[str, ...]) -> bool:
        """Note a use of `parameter` on the rows of `holder`; whether it is to be kept."""
        name = self._names.get(id(parameter))
        if name is None:
            return False
        place = (name, self._count[name])
        self._count[name] += 1
        self.seen[place] = holder.shape[0] if holder.dim() > 1 else 0
        return torch.is_grad_enabled() and self._places.get(place) in kinds

    def _keep(self, parameter: Tensor, output: Tensor, make: Callable[[Tensor], Use]) -> None:
        name = self._names[id(parameter)]
        self._awaited[name] += 1

        def arrived(gradient: Tensor) -> None:
            self._uses[name].append(make(gradient.detach()))
            self._awaited[name] -= 1
            if not self._awaited[name]:
                self._on_complete(name, self._uses.pop(name))

        output.register_hook(arrived)

    def _copy(self, parameter: Tensor, like: Tensor) -> Tensor:
        """A copy of `parameter` for each sample, without memory, that broadcasts with `like`."""
        own = parameter.detach()
        if like.dim() == parameter.dim():
            own = own[0]
        ones = (1,) * (like.dim() - own.dim() - 1)
        copy = own.expand(self._samples, *ones, *own.shape).requires_grad_()
        shape = (self._samples, *parameter.shape)
        self._keep(parameter, copy, lambda gradient: Whole(gradient.reshape(shape)))
        return copy

    def linear(
        self, func: Any, input: Tensor, weight: Tensor, bias: Tensor | None = None
    ) -> Tensor:
        """y = x W^T + b."""
        keep_weight = self._place(weight, input, ("rows",))
        keep_bias = self._place(bias, input, ("rows",))
        output = _open(
            func(
                input,
                weight.detach() if keep_weight else weight,
                bias.detach() if keep_bias and bias is not None else bias,
            )
        )
        x = input.detach()
        if keep_weight:
            self._keep(weight, output, lambda g: Products(_flat(x), _flat(g)))
        if keep_bias and bias is not None:
            self._keep(bias, output, lambda g: Whole(_flat(g).sum(1)))
        return output

    def conv2d(
        self,
        func: Any,
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Tensor:
        """A linear map of patches that lie side by side; any other convolution is unknown."""
        size = tuple(weight.shape[2:])
        side_by_side = (stride, padding, dilation, groups) == (size, (0, 0), (1, 1), 1)
        whole = side_by_side and not any(n % k for n, k in zip(input.shape[2:], size, strict=True))
        kinds = ("rows",) if whole and input.dim() == 4 else ()
        keep_weight = self._place(weight, input, kinds)
        keep_bias = self._place(bias, input, kinds)
        output = _open(
            func(
                input,
                weight.detach() if keep_weight else weight,
                bias.detach() if keep_bias and bias is not None else bias,
                stride,
                padding,
                dilation,
                groups,
            )
        )
        x = input.detach()
        if keep_weight:
            self._keep(weight, output, lambda g: Products(_patches(x, size), _pixels(g)))
        if keep_bias and bias is not None:
            self._keep(bias, output, lambda g: Whole(_pixels(g).sum(1)))
        return output

    def embedding(
        self,
        func: Any,
        input: Tensor,
        weight: Tensor,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Tensor:
        """Rows of a table; a single row of positions is shared by all samples."""
        plain = max_norm is None and not scale_grad_by_freq and not sparse
        if not self._place(weight, input, ("rows", "shared") if plain else ()):
            return func(input, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        rows = input.expand(self._samples, *input.shape[1:])
        output = _open(func(rows, weight.detach()))

        def use(gradient: Tensor) -> Use:
            if padding_idx is not None:
                absent = rows == padding_idx % weight.shape[0]
                gradient = gradient.masked_fill(absent[..., None], 0)
            return Lookups(rows.reshape(len(rows), -1), _flat(gradient))

        self._keep(weight, output, use)
        return output

    def layer_norm(
        self,
        func: Any,
        input: Tensor,
        normalized_shape: Any,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        eps: float = 1e-5,
    ) -> Tensor:
        """Normalised, then scaled and shifted."""
        keep_weight = self._place(weight, input, ("rows",))
        keep_bias = self._place(bias, input, ("rows",))
        output = func(input, normalized_shape, None, None, eps)
        if weight is not None:
            output = output * (self._copy(weight, input) if keep_weight else weight)
        if bias is not None:
            output = output + (self._copy(bias, input) if keep_bias else bias)
        return output

    def elementwise(self, func: Any, left: Any, right: Any, **options: Any) -> Tensor:
        """A product or sum with a parameter that is broadcast over the samples."""
        operands = [left, right]
        for own, other in ((0, 1), (1, 0)):
            parameter, holder = operands[own], operands[other]
            if id(parameter) not in self._names or not isinstance(holder, Tensor):
                continue
            # A table with one row for each sample may say so by a first dimension of 1.
            one = holder.dim() == parameter.dim() and parameter.shape[0] == 1
            kinds = ("rows",) if one or holder.dim() > parameter.dim() else ()
            if self._place(parameter, holder, kinds):
                operands[own] = self._copy(parameter, holder)
        return func(*operands, **options)


_KEEPERS: dict[Any, Callable[..., Tensor]] = {
    F.linear: Uses.linear,
    F.conv2d: Uses.conv2d,
    F.embedding: Uses.embedding,
    F.layer_norm: Uses.layer_norm,
    **dict.fromkeys(
        (torch.mul, Tensor.mul, torch.add, Tensor.add, Tensor.sub, torch.sub), Uses.elementwise
    ),
}


def _open(output: Tensor) -> Tensor:
    """`output`, in a graph even where nothing before it needs a gradient."""
    return output if output.requires_grad else output.requires_grad_().clone()


def _flat(x: Tensor) -> Tensor:
    """(B, ..., D) as (B, T, D)."""
    return x.reshape(len(x), -1, x.shape[-1])


def _patches(images: Tensor, size: tuple[int, ...]) -> Tensor:
    """Images (B, C, H, W) as patches (B, T, C · h · w) of the given size (h, w)."""
    return F.unfold(images, size, stride=size).transpose(1, 2)


def _pixels(states: Tensor) -> Tensor:
    """(B, D, H, W) as (B, H · W, D)."""
    return states.flatten(2).transpose(1, 2)

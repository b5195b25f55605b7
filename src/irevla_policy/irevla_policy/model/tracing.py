# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A model of transformers recorded as a graph: the same outputs without the time of Python."""

from collections.abc import Callable
import logging
import math
from typing import Any
import warnings

import torch
from torch import Tensor, nn

# Largest difference between graph and model, relative to the largest hidden state.
TOLERANCE = 1e-3

# A function of the inputs, in order.
Graph = Callable[..., Tensor]


class Tracer:
    """Records a model; only for passes without gradients.

    Inputs of a new shape, such as a longer prompt, use an earlier graph if its outputs are those
    of the model, because recording takes many times as long as a pass. If not, the model is
    recorded for this shape too.
    """

    def __init__(self, model: nn.Module) -> None:
        """Record this model, which takes keyword tensors and returns `logits`."""
        self._model = model
        self._version: Any = None
        self._graphs: dict[tuple, Graph | None] = {}
        self._warned = False

    def __call__(self, inputs: dict[str, Tensor], version: Any) -> Tensor:
        """Return the model's `logits`; a new `version` of the weights is recorded again."""
        if version != self._version:
            self._version = version
            self._graphs.clear()
        key = tuple((name, value.shape, value.device) for name, value in inputs.items())
        if key not in self._graphs:
            self._graphs[key] = self._reuse(key, inputs) or self._record(inputs)
        graph = self._graphs[key]
        return self._eager(inputs) if graph is None else graph(*inputs.values())

    def _eager(self, inputs: dict[str, Tensor]) -> Tensor:
        return self._model(**inputs, use_cache=False).logits

    def _reuse(self, key: tuple, inputs: dict[str, Tensor]) -> Graph | None:
        """Return the newest graph of as many rows if it suits these inputs, else None."""
        for other, graph in reversed(self._graphs.items()):
            if graph is not None and _kind(other) == _kind(key):
                try:
                    return graph if self._difference(graph, inputs) is None else None
                except RuntimeError:
                    # The graph contains values that depend on the shape.
                    return None
        return None

    def _difference(self, graph: Graph, inputs: dict[str, Tensor]) -> float | None:
        """Return the largest difference between graph and model if it is too large."""
        expected = self._eager(inputs)
        outputs = graph(*inputs.values())
        if outputs.shape != expected.shape:
            return math.inf
        difference = (outputs - expected).abs().max()
        return None if difference <= TOLERANCE * expected.abs().max() else float(difference)

    def _record(self, inputs: dict[str, Tensor]) -> Graph | None:
        """Return the graph; None if tracing fails or its outputs differ from the model's."""
        try:
            graph = self._trace(inputs)
            other = {
                name: value.flip(-1).neg() if value.is_floating_point() else value
                for name, value in inputs.items()
            }
            difference = self._difference(graph, other)
            if difference is None:
                return graph
            self._warn(f'its outputs are off by {difference:.2g}')
        except Exception as error:
            # Tracing may raise any exception; if the model itself is wrong, the eager pass raises.
            self._warn(f'{type(error).__name__}: {error}')
        return None

    def _trace(self, inputs: dict[str, Tensor]) -> Graph:
        call = positional(self._model, list(inputs))
        with warnings.catch_warnings():
            # Values that depend on shapes may be constant: other shapes are tried before use.
            warnings.simplefilter('ignore', torch.jit.TracerWarning)
            # torch.jit is deprecated, but faster than its successors (docs/benchmarks.md).
            warnings.filterwarnings('ignore', '.*torch.jit', DeprecationWarning)
            # Tracing reads every property of a module, deprecated ones too.
            warnings.filterwarnings('ignore', '', FutureWarning, 'transformers')
            traced = torch.jit.trace(call.eval(), tuple(inputs.values()), check_trace=False)
            return torch.jit.freeze(traced)

    def _warn(self, reason: str) -> None:
        if not self._warned:
            logging.getLogger(__name__).warning(
                'the model cannot be recorded as a graph and runs without, which is slower: %s',
                reason.strip().splitlines()[0],
            )
            self._warned = True


def _kind(key: tuple) -> list:
    # Of as many rows and axes: a GPU could not report that an index of a graph is out of range.
    return [(name, shape[:1], len(shape), device) for name, shape, device in key]


def positional(model: nn.Module, names: list[str]) -> nn.Module:
    """Return a model whose tensors are positional arguments, in this order, for tracing."""
    return _Call(model, names)


class _Call(nn.Module):
    def __init__(self, model: nn.Module, names: list[str]) -> None:
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, *values: Tensor) -> Tensor:
        return self.model(**dict(zip(self.names, values)), use_cache=False).logits

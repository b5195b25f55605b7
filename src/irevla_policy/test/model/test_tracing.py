# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
import logging
from logging.handlers import BufferingHandler
from types import SimpleNamespace
import warnings

import pytest
from small_models import batch, tiny_vla
import torch
from torch import nn

from irevla_policy.model.tracing import Tracer


class Doubling(nn.Module):
    def forward(self, x, use_cache):
        return SimpleNamespace(logits=2 * x)


class DoublingUntraceable(Doubling):
    """Returns a value that a traced graph cannot contain."""

    def forward(self, x, use_cache):
        return SimpleNamespace(logits='no tensor' if torch.jit.is_tracing() else 2 * x)


class SignInPython(nn.Module):
    """Branches on a value, which a traced graph fixes."""

    def forward(self, x, use_cache):
        return SimpleNamespace(logits=x if x.sum() > 0 else 5 * x)


@pytest.fixture
def log():
    logger, handler = logging.getLogger('irevla_policy.model.tracing'), BufferingHandler(1000)
    logger.addHandler(handler)
    yield handler.buffer
    logger.removeHandler(handler)


@torch.no_grad()
@pytest.mark.parametrize(
    'model, warnings',
    [(Doubling(), 0), (DoublingUntraceable(), 1), (SignInPython(), 1)],
    ids=lambda value: type(value).__name__,
)
def test_a_model_that_cannot_be_traced_runs_untraced_with_one_warning(model, warnings, log):
    tracer = Tracer(model)
    for size in (2, 3, 2):
        for sign in (1, -1):
            x = sign * torch.ones(size)
            assert torch.equal(tracer({'x': x}, 0), model(x, False).logits)
    assert len(log) == warnings


@torch.no_grad()
def test_an_error_of_the_model_itself_is_raised():
    class Broken(nn.Module):
        def forward(self, x, use_cache):
            raise ValueError('broken model')

    with pytest.raises(ValueError, match='broken model'):
        Tracer(Broken())({'x': torch.ones(1)}, 0)


@torch.no_grad()
def test_what_tracing_itself_warns_of_reaches_nobody():
    vla = tiny_vla()
    images, instructions, _ = batch(vla, 1)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        vla.encode(images, instructions)
        vla.compile_for_inference()
        vla.encode(images, instructions)
    [graph] = vla.backbone._tracer._graphs.values()
    assert graph is not None


@torch.no_grad()
def test_other_warnings_while_a_model_is_traced_are_shown():
    class Old(Doubling):
        def forward(self, x, use_cache):
            if torch.jit.is_tracing():
                warnings.warn('old weights', stacklevel=1)
            return super().forward(x, use_cache)

    with pytest.warns(UserWarning, match='old weights'):
        Tracer(Old())({'x': torch.ones(1)}, 0)


@torch.no_grad()
def test_without_torch_jit_trace_a_model_runs_as_it_is(log, monkeypatch):
    monkeypatch.delattr(torch.jit, 'trace')
    assert torch.equal(Tracer(Doubling())({'x': torch.ones(2)}, 0), 2 * torch.ones(2))
    assert 'runs without' in log[0].getMessage()

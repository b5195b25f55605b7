# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
import logging
from logging.handlers import BufferingHandler
from types import SimpleNamespace
import warnings

import pytest
from small_families import family_vla
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


class Lengthening(nn.Module):
    """Adds a vector whose length a traced graph fixes, unless ``generic``."""

    def __init__(self, generic):
        super().__init__()
        self.generic = generic

    def forward(self, x, use_cache):
        length = x.shape[1] if self.generic else int(x.shape[1])
        return SimpleNamespace(logits=x + torch.arange(length))


class Chopping(nn.Module):
    """Returns rows that a traced graph cuts to the length of its first inputs."""

    def forward(self, x, use_cache):
        return SimpleNamespace(logits=x[:, : int(x.shape[1])])


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


def recorded(tracer):
    return len({id(graph) for graph in tracer._graphs.values()})


@torch.no_grad()
@pytest.mark.parametrize(
    'model, graphs',
    [(Lengthening(True), 2), (Lengthening(False), 6), (Chopping(), 4)],
    ids=['generic', 'fixed', 'chopping'],
)
def test_a_graph_serves_other_lengths_where_its_outputs_are_those_of_the_model(model, graphs, log):
    tracer = Tracer(model)
    for rows in (1, 2):
        for length in (3, 5, 2, 5, 3):
            x = torch.randn(rows, length)
            assert torch.equal(tracer({'x': x}, 0), model(x, False).logits)
    assert recorded(tracer) == graphs
    assert not log, 'recorded again without a warning'


@torch.no_grad()
@pytest.mark.parametrize('family', [None, 'blip2', 'paligemma', 'idefics3', 'mllama'])
def test_one_recording_of_a_vlm_serves_prompts_of_all_lengths(family, tmp_path):
    vla = family_vla(tmp_path / 'model', family) if family else tiny_vla()
    size, cameras = vla.config.image_size, len(vla.config.cameras)
    prompts = ['press', 'open', 'open a door']
    rows = [[prompt] * count for count in (1, 2) for prompt in prompts]
    # Of different length in one batch: tokens of padding.
    rows.append([prompts[2], prompts[0]])
    images = [
        torch.randint(0, 256, (len(row), cameras, size, size, 3), dtype=torch.uint8)
        for row in rows
    ]
    eager = [vla.encode(*inputs) for inputs in zip(images, rows, strict=True)]
    vla.compile_for_inference()
    for _ in range(2):
        for expected, *inputs in zip(eager, images, rows, strict=True):
            assert torch.equal(vla.encode(*inputs), expected)
    assert recorded(vla.backbone._tracer) == 2, 'one for each number of rows'

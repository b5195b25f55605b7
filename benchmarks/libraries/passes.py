# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares a VLM pass recorded by `Tracer` with eager PyTorch, torch.export and torch.compile.

From benchmarks/: python -m libraries.passes
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
import json
from pathlib import Path
import tempfile
import time

import full_size
from graph.latency import INSTRUCTION, untrained_checkpoint
import numpy as np
from timing import percentiles
import torch
from torch import Tensor

from irevla_policy.checkpoints.checkpoint import load_checkpoint
from irevla_policy.model.backbone import Backbone
from irevla_policy.model.config import load_preset
from irevla_policy.model.tracing import Tracer, positional

# A BLIP-2 of 94 million parameters: the parts of the published model, at a fifth of the width.
SIZES = {
    'vision_config': {
        'initializer_range': 0.02,
        'hidden_size': 384,
        'num_hidden_layers': 12,
        'num_attention_heads': 6,
        'intermediate_size': 1536,
    },
    'qformer_config': {
        'hidden_size': 256,
        'num_hidden_layers': 6,
        'num_attention_heads': 4,
        'intermediate_size': 1024,
        'encoder_hidden_size': 384,
    },
    'text_config': {
        'model_type': 'opt',
        'hidden_size': 512,
        'ffn_dim': 2048,
        'num_hidden_layers': 12,
        'num_attention_heads': 8,
        'word_embed_proj_dim': 512,
        'vocab_size': 50304,
    },
}
IMAGE_SIZE = 224
WARM_UP = 10

Pass = Callable[[dict[str, Tensor]], Tensor]


def tiny() -> Backbone:
    """Return the backbone of the tiny preset."""
    with tempfile.TemporaryDirectory() as folder:
        return load_checkpoint(untrained_checkpoint(Path(folder) / 'checkpoint')).backbone


def middle() -> Backbone:
    """Return a backbone of random weights, loaded like a pretrained one."""
    preset = load_preset(full_size.PRESET)
    with tempfile.TemporaryDirectory() as folder:
        full_size.write_source(Path(folder), SIZES, torch.float32)
        backbone = Backbone(replace(preset.backbone, source=folder, dtype='float32'), IMAGE_SIZE)
    return backbone.eval()


def candidates(backbone: Backbone, inputs: dict[str, Tensor]) -> dict[str, Callable[[], Pass]]:
    """Return functions that prepare a pass for inputs of these shapes, by name."""
    model = backbone.model
    call, values = positional(model, list(inputs)).eval(), tuple(inputs.values())

    def ours() -> Pass:
        tracer = Tracer(model)
        return lambda inputs: tracer(inputs, 0)

    def exported() -> Pass:
        graph = torch.export.export(call, values, strict=False).module(check_guards=False)
        return lambda inputs: graph(*inputs.values())

    def compiled(backend: str) -> Pass:
        graph = torch.compile(call, backend=backend, dynamic=False)
        return lambda inputs: graph(*inputs.values())

    return {
        'eager': lambda: lambda inputs: call(*inputs.values()),
        'traced (ours)': ours,
        'torch.export': exported,
        'torch.compile aot_eager': lambda: compiled('aot_eager'),
        'torch.compile inductor': lambda: compiled('inductor'),
    }


@torch.no_grad()
def compare(backbone: Backbone, passes: int, without: tuple[str, ...] = ()) -> dict[str, dict]:
    """Return preparation [s], times [ms] and difference of each pass, measured in turn.

    The preparation includes the first pass. The difference is the largest of all outputs, for
    inputs that no pass was prepared with, relative to the largest output.
    """
    images = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (2, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    )
    text = backbone.prompts([INSTRUCTION], images.device)
    first, inputs = ({**backbone.pixels(image), **text} for image in images.split(1))
    ready, found = {}, {}
    for name, prepare in candidates(backbone, first).items():
        if name not in without:
            start = time.perf_counter()
            ready[name] = prepare()
            ready[name](first)
            found[name] = {'preparation_s': round(time.perf_counter() - start, 2)}
    expected = ready['eager'](inputs)
    times: dict[str, list[float]] = {name: [] for name in ready}
    for _ in range(WARM_UP + passes):
        for name, run in ready.items():
            start = time.perf_counter()
            output = run(inputs)
            times[name].append(time.perf_counter() - start)
            found[name]['difference'] = float(
                ((output - expected).abs().max() / expected.abs().max()).item()
            )
    return {name: found[name] | percentiles(times[name][WARM_UP:]) for name in ready}


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--passes', type=int, default=500, help='of the tiny model, each way')
    parser.add_argument('--threads', type=int, default=1, help='of torch')
    parser.add_argument('--without', nargs='*', default=(), help='leave these out')
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        json.dumps(
            {
                'tiny': compare(tiny(), options.passes, tuple(options.without)),
                'middle': compare(middle(), options.passes // 10, tuple(options.without)),
            },
            indent=1,
        )
    )


if __name__ == '__main__':
    main()

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""BLIP-2 2.7B at full size in bfloat16: times of latents and of stage 2, against lower bounds.

Times do not depend on the values of the weights, so they are random unless --source is given. It
needs a GPU: a CPU without bfloat16 takes hours. Writes results/full-size-<machine>.json.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
import json
from pathlib import Path
import resource
import tempfile
import time

import numpy as np
import run
from timing import percentiles
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2Processor,
    BlipImageProcessorPil,
    PreTrainedTokenizerFast,
)

from irevla_control.progress_bar import progress_bar
from irevla_policy.frames.dataset import Batch
from irevla_policy.model.config import load_preset
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.tensors import trained_parameters
from irevla_policy.model.tiny_blip2 import build_tokenizer
from irevla_policy.model.vla import VLA
from irevla_policy.training.config import TrainConfig
from irevla_policy.training.trainer import CPU_ONLY, Example, learn, new_accelerator

PRESET = run.RESULTS.parents[1] / 'config/presets/blip2-opt-2.7b.yaml'
# Twelve tokens of text; with BLIP-2's 32 queries the latent of each camera is 44 x 2560.
INSTRUCTION = 'move the red cup from the left shelf to the front tray'
# Sizes of the published model that differ from the defaults of transformers.
SIZES = {
    'vision_config': {'initializer_range': 0.02},
    'text_config': {
        'model_type': 'opt',
        'hidden_size': 2560,
        'ffn_dim': 10240,
        'num_hidden_layers': 32,
        'num_attention_heads': 32,
        'word_embed_proj_dim': 2560,
        'vocab_size': 50304,
    },
}
DEVICE = torch.device('cpu' if CPU_ONLY else 'cuda')
REPEATS = 3 if CPU_ONLY else 30
BATCHES = (1, 2) if CPU_ONLY else (8, 16, 32)
COPY_BYTES = 2**28 if CPU_ONLY else 2**31
MATRIX_SIDE = 256 if CPU_ONLY else 8192


def write_source(folder: Path, sizes: dict, dtype: torch.dtype) -> None:
    """Write a BLIP-2 of random weights in these sizes."""
    tokenizer = build_tokenizer([INSTRUCTION])
    tokenizer.add_special_tokens(['</s>'])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token='<pad>',
        bos_token='<s>',
        eos_token='</s>',
        unk_token='<unk>',
    )
    config = Blip2Config(**sizes, image_token_index=tokenizer.convert_tokens_to_ids('<image>'))
    torch.set_default_dtype(dtype)
    try:
        with DEVICE:
            model = Blip2ForConditionalGeneration(config)
    finally:
        torch.set_default_dtype(torch.float32)
    model.save_pretrained(folder)
    Blip2Processor(
        BlipImageProcessorPil(size={'height': 224, 'width': 224}),
        tokenizer,
        num_query_tokens=config.num_query_tokens,
    ).save_pretrained(folder)


def seconds(work: Callable[[], object], repeats: int = REPEATS) -> list[float]:
    """Return the times of repeated calls after one warm-up call [s]."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        if DEVICE.type == 'cuda':
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return times[1:]


def operations(work: Callable[[], object]) -> int:
    """Return the multiplications and additions of the matrix products in this work."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def limits() -> tuple[float, float]:
    """Return the machine's limits: bytes/s of memory and bfloat16 operations/s."""
    source = torch.ones(COPY_BYTES, dtype=torch.uint8, device=DEVICE)
    target = torch.empty_like(source)
    bandwidth = 2 * COPY_BYTES / min(seconds(lambda: target.copy_(source), 10))
    left, right = torch.randn(2, MATRIX_SIDE, MATRIX_SIDE, dtype=torch.bfloat16, device=DEVICE)
    return bandwidth, 2 * MATRIX_SIDE**3 / min(seconds(lambda: left @ right, 10))


def beside_floors(
    measured_s: float, moved: float, done: float, bandwidth: float, rate: float
) -> dict[str, float]:
    """Return the two lower bounds of a time [ms], and its ratio to the higher one."""
    floors = {'floor_bytes_ms': 1e3 * moved / bandwidth, 'floor_operations_ms': 1e3 * done / rate}
    return floors | {'times_floor': 1e3 * measured_s / max(floors.values())}


def peak_gb() -> float:
    """Return the peak memory since the last call [GB]; without a GPU, of the whole process."""
    if DEVICE.type == 'cuda':
        peak = torch.cuda.max_memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        return peak / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def weight_bytes(vla: VLA) -> int:
    """Return the size of all weights that a pass reads, without embedding tables [bytes]."""
    tables = {module.weight for module in vla.modules() if isinstance(module, torch.nn.Embedding)}
    return sum(weight.nbytes for weight in vla.parameters() if weight not in tables)


def random_batch(vla: VLA, size: int) -> Batch:
    """Return observations and actions at random."""
    random, side = np.random.default_rng(0), vla.config.image_size
    return Batch(
        random.integers(0, 256, (size, len(vla.config.cameras), side, side, 3), np.uint8),
        random.normal(size=(size, 10)),
        random.uniform(-1, 1, (size, 7)),
        [INSTRUCTION] * size,
    )


def measure_latent(vla: VLA, bandwidth: float, rate: float) -> dict:
    """Return the time from the images of one observation to its latent in the CPU's memory."""
    # Gradients of the training must not count.
    vla.zero_grad(set_to_none=True)
    peak_gb()
    batch = random_batch(vla, 1)

    def encode() -> torch.Tensor:
        return vla.encode_observation(batch.images, batch.states, batch.instructions)[0].cpu()

    done = operations(encode)
    vla.compile_for_inference()
    times = seconds(encode)
    return {
        'shape': list(encode().shape[1:]),
        'latency_ms': percentiles(times),
        'peak_gb': peak_gb(),
        **beside_floors(float(np.median(times)), weight_bytes(vla), done, bandwidth, rate),
    }


def measure_training(vla: VLA, bandwidth: float, rate: float) -> list[dict]:
    """Return samples/s of steps of stage 2 at each batch size that fits, with their memory."""
    peak_gb()
    config = replace(TrainConfig(), precision='bf16')
    accelerator = new_accelerator()
    vla.train()
    model, optimizer = accelerator.prepare(
        vla, torch.optim.AdamW(trained_parameters(vla).values(), config.learning_rate, fused=True)
    )
    found = []
    for size in BATCHES:
        example = Example(random_batch(vla, size), vla).to(DEVICE)

        def step(example: Example = example) -> float:
            return learn(model, optimizer, example, config, accelerator)[0].item()

        try:
            done = operations(step)
            taken = float(np.median(seconds(step)))
        except torch.OutOfMemoryError:
            break
        # Each weight is read in the forward and in the backward pass.
        found.append(
            {
                'batch_size': size,
                'samples_per_s': size / taken,
                'peak_gb': peak_gb(),
                **beside_floors(taken, 2 * weight_bytes(vla), done, bandwidth, rate),
            }
        )
    return found


def measure(source: str) -> dict:
    """Return all figures of the model at this source."""
    preset = load_preset(PRESET)
    bar = progress_bar(desc='full size', total=3, unit='part')
    preset = replace(preset, backbone=replace(preset.backbone, source=source))
    random = np.random.default_rng(0)
    vla = (
        VLA(
            preset,
            Statistics.from_data(random.normal(size=(50, 10)), random.uniform(-1, 1, (50, 7))),
        )
        .to(DEVICE)
        .eval()
    )
    bandwidth, rate = limits()
    bar.update()
    results = {
        'parameters': sum(weight.numel() for weight in vla.parameters()),
        'trained_parameters': sum(
            weight.numel() for weight in vla.parameters() if weight.requires_grad
        ),
        'memory_gb_per_s': bandwidth / 1e9,
        'bf16_tflop_per_s': rate / 1e12,
    }
    results['stage2'] = measure_training(vla, bandwidth, rate)
    bar.update()
    results['latent'] = measure_latent(vla.eval(), bandwidth, rate)
    bar.close()
    return results


def main() -> None:
    """Measure and write the results under the name of the machine."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--source',
        default='',
        help='a folder or hub id of a BLIP-2 with OPT '
        '2.7B; random weights of its sizes without (8 GB in the temporary folder)',
    )
    parser.add_argument('--output', type=Path, default=run.RESULTS, help='folder to write into')
    arguments = parser.parse_args()
    source, machine = arguments.source, run.machine()
    arguments.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if not source:
            write_source(Path(folder), SIZES, torch.bfloat16)
        results = {'machine': machine, 'weights': source or 'random'} | measure(source or folder)
    name = run.file_name(machine['gpu'] or machine['cpu'])
    path = arguments.output / f'full-size-{name}.json'
    path.write_text(json.dumps(results, indent=2) + '\n')
    print(json.dumps(results, indent=2))
    print(f'written: {path}')


if __name__ == '__main__':
    main()

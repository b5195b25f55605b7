# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks of the GPU: its driver against the build of torch, and memory for a preset's VLM."""

from collections.abc import Sequence
from dataclasses import dataclass
import importlib.metadata
import importlib.util
from pathlib import Path
import re
import subprocess

from irevla_bringup.doctor.result import (
    Result,
    not_applicable,
    ok,
    problem,
    read_text,
    warning,
)
from irevla_bringup.doctor.vlm_size import VlmSize, vlm_size
from irevla_control.errors import ConfigError
from irevla_policy.model.config import load_preset

# The oldest driver for each major version of CUDA (NVIDIA's table of compatible versions).
DRIVERS = {11: 450, 12: 525, 13: 580}
NVIDIA = '0x10de'
DISPLAY = '0x03'
QUERY = ('nvidia-smi', '--query-gpu=name,memory.free', '--format=csv,noheader,nounits')
# Memory beside the weights: CUDA itself, activations of a batch of one [bytes].
BESIDE_BYTES = 1_500_000_000
# Training all weights in float32: weight, gradient, two moments of Adam [bytes per parameter].
TRAIN_ALL_BYTES = 16


@dataclass(frozen=True)
class Gpu:
    """A GPU and its free memory [bytes]."""

    name: str
    free_bytes: int


def driver(root: Path, torch: tuple[str, str] | None) -> Result:
    """Check that the driver fits the build of torch, given as `torch_build` returns it."""
    if torch is None:
        return problem('torch is not installed', 'make setup')
    version, cuda = torch
    module = read_text(root / 'proc/driver/nvidia/version')
    found = re.search(r'\b(\d{3})\.\d+(\.\d+)?\b', module)
    if not found:
        if has_nvidia_card(root):
            return problem(
                'an NVIDIA card, but its driver is not loaded',
                "install NVIDIA's driver (Debian: nvidia-driver), restart, then make setup",
            )
        return not_applicable(f'no NVIDIA card; torch {version}')
    if not cuda:
        return warning(
            f'driver {found[0]}, but torch {version} is a build for the CPU',
            'make setup TORCH=cuda',
        )
    least = DRIVERS.get(int(cuda.split('.')[0]), 0)
    if int(found[1]) < least:
        return problem(
            f'driver {found[0]}; torch {version} for CUDA {cuda} needs {least} or newer',
            "install a newer driver of NVIDIA's, then restart",
        )
    return ok(f'driver {found[0]}, torch {version} for CUDA {cuda}')


def memory(root: Path, preset: Path | None, gpus: Sequence[Gpu], cache: Path) -> Result:
    """Check that a preset's VLM fits into the memory of a GPU, without one into that of the CPU.

    Args:
        root: root of the file system.
        preset: YAML file of the preset.
        gpus: as `gpus` returns them.
        cache: folder of downloaded models.

    """
    if preset is None:
        return not_applicable('give --preset FILE')
    try:
        config = load_preset(preset)
        size = vlm_size(config.backbone, cache)
    except ConfigError as error:
        return problem(str(error), 'give a preset, such as those in config/presets')
    if size is None:
        return warning(
            f'{config.backbone.source} is not on this machine, so its size is unknown',
            f'download it: hf download {config.backbone.source}',
        )
    free = _meminfo_bytes(root)
    if free < size.bytes:
        return problem(
            f'{free / 1e9:.1f} GB of RAM are free; {size} is loaded through it',
            'end other programs, or take a smaller VLM',
        )
    if not gpus:
        if size.bytes < BESIDE_BYTES:
            return ok(f'{size}: fits a CPU ({free / 1e9:.0f} GB of RAM free)')
        return warning(f'{size}, and no GPU: slow', 'run it on a GPU')
    return judged(size, config.backbone.train, max(gpus, key=lambda gpu: gpu.free_bytes))


def judged(size: VlmSize, train: str, gpu: Gpu) -> Result:
    """Judge the free memory of a GPU for a VLM of which 'all' or 'lora' is trained."""
    act = size.bytes + BESIDE_BYTES
    learn = act + (size.parameters * TRAIN_ALL_BYTES - size.bytes if train == 'all' else 0)
    found = (
        f'{size} needs {act / 1e9:.1f} GB to act, {learn / 1e9:.1f} and room for its batch to '
        f'train; {gpu.free_bytes / 1e9:.1f} GB are free on {gpu.name}'
    )
    remedy = 'end other programs on the GPU (nvidia-smi lists them), or take a smaller VLM'
    if gpu.free_bytes < act:
        return problem(found, remedy)
    if gpu.free_bytes < learn:
        return warning(found, f'{remedy}; or train: lora in the preset')
    return ok(found)


def gpus() -> list[Gpu]:
    """Return the NVIDIA GPUs; none without nvidia-smi, which comes with the driver."""
    try:
        done = subprocess.run(QUERY, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = [line.rpartition(',') for line in done.stdout.splitlines()]
    return [
        Gpu(name, int(free) * 2**20)
        for name, _, free in rows
        if done.returncode == 0 and free.strip().isdigit()
    ]


def torch_build() -> tuple[str, str] | None:
    """Return torch's version and that of its CUDA ('' for a CPU build), without importing it."""
    spec = importlib.util.find_spec('torch')
    if spec is None or spec.origin is None:
        return None
    text = read_text(Path(spec.origin).with_name('version.py'))
    found = re.search(r"^cuda\b[^=]*=\s*'([\d.]+)'", text, re.M)
    return importlib.metadata.version('torch'), found[1] if found else ''


def has_nvidia_card(root: Path) -> bool:
    """Return whether a display controller of NVIDIA is on the PCI bus."""
    return any(
        read_text(folder / 'vendor') == NVIDIA and read_text(folder / 'class').startswith(DISPLAY)
        for folder in (root / 'sys/bus/pci/devices').glob('*')
    )


def _meminfo_bytes(root: Path) -> float:
    """Return the memory that programs can still get [bytes]; inf if unknown."""
    found = re.search(r'^MemAvailable:\s*(\d+) kB', read_text(root / 'proc/meminfo'), re.M)
    return int(found[1]) * 1024 if found else float('inf')

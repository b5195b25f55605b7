# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The GPU's driver against torch, and memory for a preset's VLM."""

from pathlib import Path

import pytest
from safetensors.torch import save_file
from system_tree import write
import torch

from irevla_bringup.doctor import gpu, vlm_size
from irevla_policy.model.config import BackboneConfig, LoraConfig

PRESETS = Path(__file__).resolve().parents[3] / 'config/presets'
CLOSED = (
    'NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n'
)
OPEN = (
    'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build\n'
    'GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n'
)
GB = 10**9


def pretrained(source, train='lora', dtype='bfloat16'):
    return BackboneConfig(
        kind='pretrained',
        source=source,
        dtype=dtype,
        train=train,
        lora=LoraConfig() if train == 'lora' else None,
    )


def with_memory(root, free_gb):
    kilobytes = int(free_gb * GB / 1024)
    return write(root, {'proc/meminfo': f'MemTotal: 9 kB\nMemAvailable: {kilobytes} kB\n'})


@pytest.mark.parametrize(
    ('text', 'build', 'status', 'words'),
    [
        (CLOSED, ('2.13.0', '12.8'), 'ok', 'driver 550.54.15'),
        (OPEN, ('2.13.0', '13.0'), 'ok', 'driver 580.65.06'),
        (CLOSED, ('2.13.0', '13.0'), 'problem', 'needs 580 or newer'),
        (CLOSED, ('2.13.0+cpu', ''), 'warning', 'build for the CPU'),
        (CLOSED, None, 'problem', 'not installed'),
        ('', ('2.13.0+cpu', ''), 'not applicable', 'no NVIDIA card'),
    ],
)
def test_the_driver_fits_the_build_of_torch(tmp_path, text, build, status, words):
    if text:
        write(tmp_path, {'proc/driver/nvidia/version': text})
    found = gpu.driver(tmp_path, build)
    assert found.status == status and words in found.found


def test_a_card_without_its_driver_is_a_problem(tmp_path):
    # The sound of the card is no card; a display of another vendor neither.
    write(
        tmp_path,
        {
            'sys/bus/pci/devices/0000:01:00.1/vendor': '0x10de\n',
            'sys/bus/pci/devices/0000:01:00.1/class': '0x040300\n',
            'sys/bus/pci/devices/0000:00:02.0/vendor': '0x8086\n',
            'sys/bus/pci/devices/0000:00:02.0/class': '0x030000\n',
        },
    )
    assert gpu.driver(tmp_path, ('2.13.0', '12.8')).status == 'not applicable'
    write(
        tmp_path,
        {
            'sys/bus/pci/devices/0000:01:00.0/vendor': '0x10de\n',
            'sys/bus/pci/devices/0000:01:00.0/class': '0x030000\n',
        },
    )
    assert gpu.driver(tmp_path, ('2.13.0', '12.8')).status == 'problem'


def test_the_build_of_torch_is_read_without_importing_it():
    assert gpu.torch_build() == (torch.__version__, torch.version.cuda or '')


@pytest.mark.parametrize(
    ('script', 'found'),
    [
        (
            'echo "NVIDIA GeForce RTX 4090, 23500"; echo "NVIDIA H200, 143000"',
            [('NVIDIA GeForce RTX 4090', 23500), ('NVIDIA H200', 143000)],
        ),
        ('echo "NVIDIA-SMI has failed, 9"; exit 9', []),
        ('echo "NVIDIA Thor, [N/A]"', []),
        (None, []),
    ],
)
def test_gpus_are_those_of_nvidia_smi(tmp_path, monkeypatch, script, found):
    if script:
        write(tmp_path, {'nvidia-smi': f'#!/bin/sh\n{script}\n'})
        (tmp_path / 'nvidia-smi').chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:/bin' if script else str(tmp_path))
    assert gpu.gpus() == [gpu.Gpu(name, free * 2**20) for name, free in found]


@pytest.mark.parametrize(
    ('free_gb', 'train', 'status'),
    [(24, 'lora', 'ok'), (8, 'lora', 'problem'), (24, 'all', 'warning'), (80, 'all', 'ok')],
)
def test_the_memory_of_a_gpu_is_judged_by_the_weights_and_what_is_trained(free_gb, train, status):
    size = vlm_size.VlmSize(3.7e9, 7.4 * GB)
    found = gpu.judged(size, train, gpu.Gpu('NVIDIA RTX', free_gb * GB))
    assert found.status == status and '3.70 billion parameters (7.4 GB)' in found.found


def test_the_tiny_preset_fits_a_cpu(tmp_path):
    found = gpu.memory(with_memory(tmp_path, 4), PRESETS / 'tiny.yaml', [], tmp_path)
    assert found.status == 'ok'


def test_a_large_vlm_needs_a_gpu_and_room_in_ram(tmp_path):
    preset = PRESETS / 'blip2-opt-2.7b.yaml'
    with_memory(tmp_path, 64)
    found = gpu.memory(tmp_path, preset, [], tmp_path)
    assert found.status == 'warning' and '2.70 billion parameters by its name' in found.found
    small, large = gpu.Gpu('small', 4 * GB), gpu.Gpu('large', 24 * GB)
    assert gpu.memory(tmp_path, preset, [small, large], tmp_path).status == 'ok'
    assert gpu.memory(tmp_path, preset, [small], tmp_path).status == 'problem'
    found = gpu.memory(with_memory(tmp_path, 3), preset, [large], tmp_path)
    assert found.status == 'problem' and 'RAM' in found.found


@pytest.mark.parametrize('text', [None, 'cameras: 3\n', ': ['])
def test_a_preset_that_cannot_be_read_is_a_problem(tmp_path, text):
    file = tmp_path / 'preset.yaml'
    if text:
        file.write_text(text)
    found = gpu.memory(tmp_path, file, [], tmp_path)
    assert found.status == 'problem' and 'preset.yaml' in found.found


def test_parameters_are_counted_in_the_files_of_a_folder_or_of_the_cache(tmp_path):
    snapshot = tmp_path / 'models--lab--vlm/snapshots/abc'
    snapshot.mkdir(parents=True)
    assert vlm_size.vlm_size(pretrained('lab/vlm'), tmp_path) is None
    for number, shape in ((1, (30, 10)), (2, (7,))):
        name = snapshot / f'model-0000{number}-of-00002.safetensors'
        save_file({'weight': torch.zeros(shape)}, name, {'format': 'pt'})
    found = vlm_size.vlm_size(pretrained('lab/vlm'), tmp_path)
    assert (found.parameters, found.bytes, found.source) == (307, 614, '')
    found = vlm_size.vlm_size(pretrained(str(snapshot), 'all', 'float32'), tmp_path)
    assert (found.parameters, found.bytes) == (307, 1228)


@pytest.mark.parametrize(
    'content',
    [b'', b'version https://git-lfs.github.com/spec/v1\n', b'\x08' + b'\0' * 7 + b'{"a": 1}'],
)
def test_a_file_that_is_no_weights_does_not_count(tmp_path, content):
    (tmp_path / 'model.safetensors').write_bytes(content)
    assert vlm_size.counted(tmp_path) == 0


@pytest.mark.parametrize(
    ('source', 'parameters'),
    [
        ('Salesforce/blip2-opt-2.7b', 2.7e9),
        ('HuggingFaceTB/SmolVLM-256M-Instruct', 256e6),
        ('Qwen/Qwen2.5-VL-3B-Instruct', 3e9),
        ('lab/vlm-v2beta', None),
    ],
)
def test_the_size_in_a_name_serves_until_the_model_is_downloaded(tmp_path, source, parameters):
    found = vlm_size.vlm_size(pretrained(source), tmp_path)
    assert (found and found.parameters) == parameters


def test_the_cache_of_the_hub_is_where_the_environment_says():
    assert vlm_size.hub_cache({'HF_HUB_CACHE': '/a', 'HF_HOME': '/b'}) == Path('/a')
    assert vlm_size.hub_cache({'HF_HOME': '/b'}) == Path('/b/hub')
    assert vlm_size.hub_cache({}) == Path.home() / '.cache/huggingface/hub'

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A policy as a folder of safetensors and JSON that is refused unless it is whole."""

from hashlib import sha256
import json
import os
from pathlib import Path
import shutil
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
import torch
from torch import Tensor, nn

from irevla_control.errors import ConfigError, IrevlaError
from irevla_control.files import sync

from .config import PolicyConfig
from .statistics import Statistics
from .tensors import misfit, plain
from .vla import VLA

FORMAT = 'irevla-policy'
VERSION = 1
MANIFEST = 'manifest.json'
FILES = ('config.json', 'statistics.json', 'tokenizer.json', 'backbone.safetensors',
         'head.safetensors')


class CheckpointError(IrevlaError):
    """A checkpoint that cannot be written or used."""


def save_checkpoint(folder: str | Path, vla: VLA, extra: dict[str, Any] | None = None) -> None:
    """Write the policy to a folder, which appears at once or not at all.

    With adapters on a pretrained backbone only adapters and head are stored; the manifest's
    backbone hash tells whether the source is still the same. A folder of that name is replaced:
    until the end it lies beside it as `<folder>.previous`. `extra` is plain data for the manifest.
    Raises CheckpointError when the folder cannot be written.
    """
    folder = Path(folder)
    temporary = folder.with_name(f'.{folder.name}.{os.getpid()}')
    previous = folder.with_name(f'{folder.name}.previous')
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        _write_json(temporary / 'config.json', vla.config.to_dict())
        _write_json(temporary / 'statistics.json', vla.statistics.to_dict())
        (temporary / 'tokenizer.json').write_text(vla.backbone.tokenizer_json or '{}')
        save_file(plain(vla.backbone.stored_state()), temporary / 'backbone.safetensors')
        save_file(plain(vla.head.state_dict()), temporary / 'head.safetensors')
        _write_json(temporary / MANIFEST, {
            'format': FORMAT, 'version': VERSION, 'backbone_hash': vla.backbone_hash,
            'files': {name: _sha256(temporary / name) for name in FILES}, 'extra': extra or {}})
        for path in (*temporary.iterdir(), temporary):
            sync(path)
        if folder.exists():
            shutil.rmtree(previous, ignore_errors=True)
            folder.rename(previous)
        temporary.rename(folder)
        sync(folder.parent)
        shutil.rmtree(previous, ignore_errors=True)
    except (OSError, TypeError, ValueError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError(f'checkpoint {folder} cannot be written: {error}') from error


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """Return the manifest: 'format', 'version', 'backbone_hash', 'files' (SHA-256) and 'extra'.

    Raises CheckpointError when it is missing, foreign or of another version.
    """
    path = Path(folder) / MANIFEST
    if not path.is_file():
        raise CheckpointError(f'{path} is missing; give the folder of a policy checkpoint')
    manifest = _read_json(path)
    if manifest.get('format') != FORMAT:
        raise CheckpointError(f'{path} has format {manifest.get("format")!r}, not {FORMAT!r}; '
                              'give the folder of a policy checkpoint')
    if manifest.get('version') != VERSION:
        raise CheckpointError(f'{path} has version {manifest.get("version")!r}, this program '
                              f'reads {VERSION}; use the program that wrote it, or train again')
    if not isinstance(manifest.get('files'), dict) or set(manifest['files']) != set(FILES) \
            or not isinstance(manifest.get('backbone_hash'), str) \
            or not isinstance(manifest.get('extra'), dict):
        raise CheckpointError(f'{path} is incomplete; copy the checkpoint again')
    return manifest


def load_checkpoint(folder: str | Path, device: str = 'cpu') -> VLA:
    """Return the policy in evaluation mode.

    Raises CheckpointError naming the file, the reason and the remedy when anything of it is
    missing, altered or does not fit together.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    for name, expected in manifest['files'].items():
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f'{path} is missing; copy the checkpoint again')
        if _sha256(path) != expected:
            raise CheckpointError(f'{path} is truncated or altered: its SHA-256 is not the '
                                  "manifest's; copy the checkpoint again")
    tokenizer = (folder / 'tokenizer.json').read_text()
    try:
        config = PolicyConfig.from_dict(_read_json(folder / 'config.json'))
        statistics = Statistics.from_dict(_read_json(folder / 'statistics.json'))
        with torch.random.fork_rng(devices=()):
            vla = VLA(config, statistics, tokenizer_json='' if tokenizer == '{}' else tokenizer)
    except ConfigError as error:
        raise CheckpointError(f'checkpoint {folder} cannot be built: {error}') from error
    _load(vla.backbone.model, vla.backbone.stored_state(), folder / 'backbone.safetensors')
    _load(vla.head, vla.head.state_dict(), folder / 'head.safetensors')
    if vla.backbone_hash != manifest['backbone_hash']:
        raise CheckpointError(
            f'checkpoint {folder} was written on another backbone: hash '
            f'{manifest["backbone_hash"][:12]}, but {config.backbone.source or "this program"} '
            f'gives {vla.backbone_hash[:12]}; restore the source it was trained on')
    return vla.to(device).eval()


def _load(module: nn.Module, expected: dict[str, Tensor], path: Path) -> None:
    try:
        stored = load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f'{path} is not a safetensors file: {error}; copy the checkpoint '
                              'again') from error
    problem = misfit(stored, expected)
    if problem:
        raise CheckpointError(f'{path}: {problem}; give files that match the configuration')
    module.load_state_dict(stored, strict=False)


def _sha256(path: Path) -> str:
    digest = sha256()
    with path.open('rb') as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _write_json(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=1, allow_nan=False), encoding='utf-8')


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise CheckpointError(f'{path} is not JSON: {error}; copy the checkpoint again') from error
    if not isinstance(data, dict):
        raise CheckpointError(f'{path} holds no mapping; copy the checkpoint again')
    return data

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks that the files in a model's folder are complete, before the model is built."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open

from irevla_control.errors import ConfigError, one_line

WEIGHTS = 'model.safetensors'
INDEX = 'model.safetensors.index.json'
# Suffixes of other files that transformers reads.
_TEXTS = ('.json', '.jinja', '.txt', '.model')
# Files in which transformers expects a JSON object; other files may contain any JSON value.
_OBJECTS = (
    'config.json',
    'processor_config.json',
    'preprocessor_config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'special_tokens_map.json',
    'generation_config.json',
    'chat_template.json',
    'added_tokens.json',
    INDEX,
)
_POINTER = b'version https://git-lfs'


def check_files(source: str) -> None:
    """Refuse a folder with a damaged file; a hub id is not checked.

    Raises:
        ConfigError: names the first file that is a Git LFS pointer, truncated or missing.

    """
    folder = Path(source)
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.suffix in _TEXTS and path.is_file():
            _check_pointer(path)
            if path.suffix == '.json':
                _read_json(path)
    for path in _weights(folder):
        _check_weights(path)


def _weights(folder: Path) -> list[Path]:
    """Return the weight files that transformers loads; all files of an index must exist."""
    single, index = folder / WEIGHTS, folder / INDEX
    if single.exists() or not index.exists():
        return [single] if single.exists() else []
    shards = _read_json(index).get('weight_map')
    if (
        not isinstance(shards, dict)
        or not shards
        or not all(isinstance(name, str) and name for name in shards.values())
    ):
        raise ConfigError(
            f'{index} has no weight_map of the names of weights to those of files; '
            'copy the file again'
        )
    paths = [folder / name for name in sorted(set(shards.values()))]
    for path in paths:
        if not path.exists():
            raise ConfigError(f'{path} is missing, but {INDEX} names it; copy the file too')
    return paths


def _check_weights(path: Path) -> None:
    if not path.is_file():
        raise ConfigError(
            f'{path} is a folder, not a file of weights; remove it, and copy the file again'
        )
    _check_pointer(path)
    try:
        with safe_open(path, 'pt'):
            pass
    except (SafetensorError, OSError) as error:
        raise ConfigError(
            f'{path} ({path.stat().st_size} bytes) is cut off or no safetensors '
            f'file: {one_line(error)}; copy the file again'
        ) from error


def _check_pointer(path: Path) -> None:
    with path.open('rb') as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise ConfigError(
                f'{path} is a Git LFS pointer, not the file itself; run '
                f'"git lfs pull" in {path.parent}'
            )


def _read_json(path: Path) -> dict:
    try:
        data = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f'{path} is cut off or no JSON: {one_line(error)}; copy the file again'
        ) from error
    if path.name in _OBJECTS and not isinstance(data, dict):
        raise ConfigError(f'{path} contains no object ({{"name": value}}); copy the file again')
    return data if isinstance(data, dict) else {}

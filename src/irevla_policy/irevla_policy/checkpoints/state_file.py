# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A file from which a killed training or learner continues: tensors and their identity."""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from irevla_control.errors import ConfigError
from irevla_control.files import write_synced, writing

# Version of the names and meaning of tensors, identity and progress.
FORMAT = 7


def save_state(
    path: Path,
    tensors: Mapping[str, Tensor],
    identity: Mapping[str, Any],
    progress: Mapping[str, Any],
) -> None:
    """Write a state atomically.

    Args:
        path: path of the file.
        tensors: tensors by name.
        identity: settings as JSON values; `load_state` requires the same.
        progress: progress as JSON values.

    Raises:
        ConfigError: the disk is full, or the file cannot be written for another reason.

    """
    content = save(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
        {
            'identity': json.dumps({'format': FORMAT, **identity}),
            'progress': json.dumps(progress),
        },
    )
    with writing(path, 'free some space; the same command continues'):
        write_synced(path, content)


def load_state(
    path: Path, identity: Mapping[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return tensors and progress that `save_state` wrote; None if there is no file.

    Raises:
        ConfigError: the file is damaged, of another version, or belongs to another training.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, 'pt') as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        saved, progress = json.loads(metadata['identity']), json.loads(metadata['progress'])
    except (SafetensorError, OSError, TypeError, KeyError, ValueError) as error:
        raise ConfigError(
            f'{path} is damaged ({error}); choose another output folder, or '
            'remove that file and what was learned beside it'
        ) from error
    if saved.get('format') != FORMAT:
        raise ConfigError(
            f'{path} has format {saved.get("format")}, this version reads {FORMAT}: '
            'complete that training with the version that began it, or choose '
            'another output folder'
        )
    # Converted through JSON, so that tuples and lists compare as equal.
    wanted = json.loads(json.dumps({'format': FORMAT, **identity}))
    different = sorted(
        key for key in saved.keys() | wanted.keys() if saved.get(key) != wanted.get(key)
    )
    if different:
        changes = ', '.join(
            f'{key} was {saved.get(key)!r}, now {wanted.get(key)!r}' for key in different
        )
        raise ConfigError(
            f'{path} belongs to another training: {changes}; use the same '
            'settings to go on, or another output folder'
        )
    return tensors, progress


def optimizer_state(optimizer: Any) -> dict[str, Tensor]:
    """Return the moments of a torch optimizer as named tensors."""
    return {
        f'{index}/{name}': value
        for index, state in optimizer.state_dict()['state'].items()
        for name, value in state.items()
    }


def restore_optimizer(optimizer: Any, tensors: Mapping[str, Tensor]) -> None:
    """Set the moments of an optimizer of the same parameters from `optimizer_state`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split('/')
        # Copied, because optimizers change these tensors in place.
        state.setdefault(int(index), {})[name] = value.clone()
    optimizer.load_state_dict(optimizer.state_dict() | {'state': state})


def join(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the tensors of all parts by ``part/name``; the inverse of `part`."""
    return {
        f'{name}/{key}': value for name, tensors in parts.items() for key, value in tensors.items()
    }


def part(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Return the tensors whose names start with ``name/``, by the rest of their names."""
    return {
        key[len(name) + 1 :]: value for key, value in tensors.items() if key.startswith(f'{name}/')
    }

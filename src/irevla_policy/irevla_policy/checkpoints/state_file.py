# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""One file that a killed training or learning goes on from: tensors, and what they belong to."""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from irevla_control.errors import ConfigError
from irevla_control.files import write_synced

# Version of the names and meaning of tensors, identity and progress.
FORMAT = 7


def save_state(
    path: Path,
    tensors: Mapping[str, Tensor],
    identity: Mapping[str, Any],
    progress: Mapping[str, Any],
) -> None:
    """Write a state; a kill leaves the old file or the new one.

    Args:
        path: of the file.
        tensors: by name.
        identity: JSON values of what was asked; only the same may go on from here.
        progress: JSON values of how far it came.

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
    try:
        write_synced(path, content)
    except OSError as error:
        raise ConfigError(
            f'{path} cannot be written: {error.strerror}; free some space; the same command '
            'continues'
        ) from error


def load_state(
    path: Path, identity: Mapping[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return tensors and progress of what `save_state` wrote; None when there is nothing.

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
    # Through JSON, so that tuples and lists compare as equal.
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
    """Return the moments of a torch optimizer as tensors with names."""
    return {
        f'{index}/{name}': value
        for index, state in optimizer.state_dict()['state'].items()
        for name, value in state.items()
    }


def restore_optimizer(optimizer: Any, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimizer of the same parameters the moments of `optimizer_state`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split('/')
        # Its own copy: optimizers write into what they are given.
        state.setdefault(int(index), {})[name] = value.clone()
    optimizer.load_state_dict(optimizer.state_dict() | {'state': state})


def join(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the tensors of all parts by ``part/name``, as `part` takes them apart."""
    return {
        f'{name}/{key}': value for name, tensors in parts.items() for key, value in tensors.items()
    }


def part(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Return the tensors below ``name/``, by the rest of their names."""
    return {
        key[len(name) + 1 :]: value for key, value in tensors.items() if key.startswith(f'{name}/')
    }

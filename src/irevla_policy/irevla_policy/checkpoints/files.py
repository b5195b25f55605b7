# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a checkpoint: safetensors, JSON, and a manifest with their hashes."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from irevla_control.errors import ConfigError, IrevlaError
from irevla_control.files import previous_folder, replacement
from irevla_policy.model.config import PolicyConfig
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.tensors import misfit

FORMAT = 'irevla-policy'
VERSION = 1
MANIFEST = 'manifest.json'
CONFIG = 'config.json'
STATISTICS = 'statistics.json'
TOKENIZER = 'tokenizer.json'
BACKBONE = 'backbone.safetensors'
HEAD = 'head.safetensors'
FILES = (CONFIG, STATISTICS, TOKENIZER, BACKBONE, HEAD)


class CheckpointError(IrevlaError):
    """A checkpoint that cannot be written or used."""


@contextmanager
def new_checkpoint(
    folder: str | Path,
    backbone_hash: str,
    extra: dict[str, Any] | None,
    probe: dict[str, Any] | None = None,
) -> Iterator[Path]:
    """Yield a temporary folder for `FILES`; rename it to ``folder`` after the block.

    An existing folder is replaced, see `irevla_control.files.replacement`. ``extra`` and
    ``probe``, the data of a `ProbeResult`, are plain data for the manifest.

    Raises:
        CheckpointError: the folder cannot be written.

    """
    folder = Path(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with replacement(folder) as temporary:
            temporary.mkdir()
            yield temporary
            write_json(
                temporary / MANIFEST,
                {
                    'format': FORMAT,
                    'version': VERSION,
                    'backbone_hash': backbone_hash,
                    'files': {name: _sha256(temporary / name) for name in FILES},
                    'extra': extra or {},
                    **({'probe': probe} if probe else {}),
                },
            )
    except (OSError, TypeError, ValueError) as error:
        raise CheckpointError(f'checkpoint {folder} cannot be written: {error}') from error


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """Return the manifest: 'format', 'version', 'backbone_hash', 'files' (SHA-256) and 'extra'.

    Newer manifests also have 'probe', the result of a pretrained model's probe. Raises
    CheckpointError if the manifest is missing, of another program or of another version.
    """
    path = Path(folder).absolute() / MANIFEST
    if not path.is_file():
        previous = previous_folder(path.parent)
        raise CheckpointError(
            f'{path} is missing; '
            + (
                f'its writer was killed: rename {previous}'
                if previous.is_dir() and not path.parent.exists()
                else 'give the folder of a policy checkpoint'
            )
        )
    manifest = read_json(path)
    if manifest.get('format') != FORMAT:
        raise CheckpointError(
            f'{path} has format {manifest.get("format")!r}, not {FORMAT!r}; '
            'give the folder of a policy checkpoint'
        )
    if manifest.get('version') != VERSION:
        raise CheckpointError(
            f'{path} has version {manifest.get("version")!r}, this program '
            f'reads {VERSION}; use the program that wrote it, or train again'
        )
    if (
        not isinstance(manifest.get('files'), dict)
        or set(manifest['files']) != set(FILES)
        or not isinstance(manifest.get('backbone_hash'), str)
        or not isinstance(manifest.get('extra'), dict)
    ):
        raise CheckpointError(f'{path} is incomplete; copy the checkpoint again')
    return manifest


def read_description(folder: Path) -> tuple[dict[str, Any], PolicyConfig, Statistics]:
    """Return manifest, configuration and statistics of a folder, after checking its files' hashes.

    Raises CheckpointError if a file is changed or not valid.
    """
    manifest = read_manifest(folder)
    for name, expected in manifest['files'].items():
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f'{path} is missing; copy the checkpoint again')
        if _sha256(path) != expected:
            raise CheckpointError(
                f'{path} is truncated or altered: its SHA-256 is not the '
                "manifest's; copy the checkpoint again"
            )
    try:
        return (
            manifest,
            PolicyConfig.from_dict(read_json(folder / CONFIG)),
            Statistics.from_dict(read_json(folder / STATISTICS)),
        )
    except ConfigError as error:
        raise CheckpointError(f'checkpoint {folder} cannot be built: {error}') from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file; CheckpointError if it is not valid."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f'{path} is not a safetensors file: {error}; copy the checkpoint again'
        ) from error


def check_fit(path: Path, stored: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Raise CheckpointError if a file's tensors differ in names or shapes from ``expected``."""
    problem = misfit(stored, expected)
    if problem:
        raise CheckpointError(f'{path}: {problem}; give files that match the configuration')


def write_json(path: Path, data: Any) -> None:
    """Write plain data as JSON."""
    path.write_text(json.dumps(data, indent=1, allow_nan=False), encoding='utf-8')


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's mapping; CheckpointError if it contains none."""
    try:
        data = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise CheckpointError(f'{path} is not JSON: {error}; copy the checkpoint again') from error
    if not isinstance(data, dict):
        raise CheckpointError(f'{path} contains no mapping; copy the checkpoint again')
    return data


def _sha256(path: Path) -> str:
    digest = sha256()
    with path.open('rb') as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()

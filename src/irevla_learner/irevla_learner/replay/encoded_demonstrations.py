# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Encoded demonstrations as one safetensors file, read without the VLM that encoded them.

Tensors are named ``<episode>/<array>``; the metadata has the hash of the backbone, the digest
of the statistics, the folders of the recordings, the identity and a description of each episode.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from irevla_control.bags.usage import usage
from irevla_control.errors import ConfigError, one_line
from irevla_learner.replay.encoded_episode import EncodedEpisode
from irevla_learner.replay.tensor_file import TensorFile
from irevla_policy.model.latent_policy import LatentPolicy

FORMAT = 'irevla-demonstrations'
# Increase this number if the meaning of tensors or metadata changes.
VERSION = 1
_METADATA = ('backbone_hash', 'statistics', 'sources', 'identity', 'left_out', 'episodes')
_REMEDY = 'encode with that policy: python -m irevla_learner.encode --help'
_DESCRIBED = ('episode_id', 'task', 'instruction', 'success', 'terminated', 'dropped')
_ARRAYS = {
    'stamps': np.int64,
    'proprioception': np.float32,
    'actions': np.float32,
    'labels': np.float32,
    'latents': np.float16,
}


class OtherPolicyError(ConfigError):
    """Complete encoded demonstrations of another policy or format version."""


@dataclass(frozen=True)
class EncodedDemonstrations(Sequence[EncodedEpisode]):
    """The episodes of a file, in order of recording; their arrays are memory-mapped.

    Attributes:
        path: path of the file; it may be replaced or removed while this object is in use.
        backbone_hash: hash of the model that encoded the observations.
        sources: folders of the recordings, as given to the program.
        identity: plain data that identifies recordings and selection.
        left_out: reason for each selected recording without an episode.
        episodes: all episodes.

    """

    path: Path
    backbone_hash: str
    sources: tuple[str, ...]
    identity: Any
    left_out: dict[str, str]
    episodes: tuple[EncodedEpisode, ...]

    def __len__(self) -> int:
        """Return the number of episodes."""
        return len(self.episodes)

    def __getitem__(self, index: Any) -> Any:
        """Return the episode of an index, or a tuple of the episodes of a slice."""
        return self.episodes[index]

    @property
    def frames(self) -> int:
        """Number of actions of all episodes."""
        return sum(episode.steps for episode in self.episodes)

    @property
    def tasks(self) -> list[str]:
        """Names of all tasks, sorted."""
        return sorted({episode.task for episode in self.episodes})

    @property
    def tokens(self) -> int:
        """Number m of tokens of the longest latent."""
        return max(episode.latents.shape[1] for episode in self.episodes)

    @property
    def width(self) -> int:
        """Number d, the width of a token."""
        return self.episodes[0].latents.shape[2]


def load_demonstrations(path: Path, policy: LatentPolicy) -> EncodedDemonstrations:
    """Return the demonstrations of a file that the policy's backbone encoded.

    Raises:
        OtherPolicyError: backbone or statistics are not the policy's, or the format has another
            version.
        ConfigError: the file does not exist, is truncated or has other contents.

    """
    path = Path(path)
    with _opened(path) as file:
        about = _about(path, file)
        _check_policy(path, about, policy)
        return EncodedDemonstrations(
            path,
            about['backbone_hash'],
            tuple(about['sources']),
            about['identity'],
            about['left_out'],
            tuple(_episodes(path, file, about['episodes'])),
        )


def save_demonstrations(
    path: Path,
    episodes: Iterable[EncodedEpisode],
    policy: LatentPolicy,
    sources: Sequence[str],
    identity: Any,
    left_out: Mapping[str, str] | None = None,
) -> EncodedDemonstrations:
    """Write episodes to a file, atomically, and return the episodes of that file.

    Memory contains the latents of one episode; the disk contains all latents twice for a moment.

    Args:
        path: path of the file; processes that have loaded an existing one can still read it.
        episodes: episodes, read one by one while they are written.
        policy: policy whose backbone and statistics encoded them.
        sources: folders of the recordings.
        identity: JSON values that identify recordings and selection.
        left_out: reason for each recording without an episode; read after the last episode.

    Raises:
        ConfigError: there are no episodes, or the file cannot be written.

    """
    path = Path(path)
    described: list[dict[str, Any]] = []
    with TensorFile(path) as file:
        for number, episode in enumerate(episodes):
            for name, kind in _ARRAYS.items():
                file.add(f'{number}/{name}', getattr(episode, name).astype(kind, copy=False))
            described.append({name: getattr(episode, name) for name in _DESCRIBED})
        if not described:
            raise ConfigError(
                f'no demonstrations for {path}: {usage(0, left_out or {})}; record some'
            )
        about = {
            'format': FORMAT,
            'version': VERSION,
            'backbone_hash': policy.backbone_hash,
            'statistics': policy.statistics.digest(),
            'sources': list(sources),
            'identity': identity,
            'left_out': dict(left_out or {}),
            'episodes': described,
        }
        file.finish({name: json.dumps(value) for name, value in about.items()})
    return load_demonstrations(path, policy)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a safetensors file; ConfigError if it is truncated or of another format."""
    try:
        with safe_open(path, 'pt') as file:
            yield file
    except FileNotFoundError as error:
        raise ConfigError(f'{path} does not exist; {_REMEDY}') from error
    except (SafetensorError, OSError) as error:
        raise ConfigError(
            f'{path} is truncated or not a safetensors file ({one_line(error)}); {_REMEDY}'
        ) from error


def _about(path: Path, file: Any) -> dict[str, Any]:
    """Return a file's metadata; ConfigError if the file has no encoded demonstrations."""
    try:
        about = {name: json.loads(value) for name, value in (file.metadata() or {}).items()}
        if about['format'] != FORMAT:
            raise KeyError(FORMAT)
        found = about['version']
        if found == VERSION:
            return {name: about[name] for name in _METADATA}
    except (ValueError, KeyError) as error:
        raise ConfigError(f'{path} contains no encoded demonstrations; {_REMEDY}') from error
    raise OtherPolicyError(
        f'{path} has format version {found!r}, this program reads {VERSION}; {_REMEDY}'
    )


def _check_policy(path: Path, about: dict[str, Any], policy: LatentPolicy) -> None:
    for what, there, here in (
        ('latents of backbone', about['backbone_hash'], policy.backbone_hash),
        ('values normalised by statistics', about['statistics'], policy.statistics.digest()),
    ):
        if there != here:
            raise OtherPolicyError(
                f'{path} contains {what} {there[:12]}, this policy has {here[:12]}; {_REMEDY}'
            )


def _episodes(path: Path, file: Any, described: list[dict[str, Any]]) -> Iterator[EncodedEpisode]:
    for number, values in enumerate(described):
        try:
            arrays = {name: file.get_tensor(f'{number}/{name}').numpy() for name in _ARRAYS}
            yield EncodedEpisode(**values, **arrays)
        except (SafetensorError, TypeError) as error:
            raise ConfigError(
                f'{path} lacks a part of episode {number} ({one_line(error)}); {_REMEDY}'
            ) from error

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Encodes folders of recorded episodes into a file of latents."""

from collections.abc import Callable, Iterator, Sequence
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from irevla_control.bags.usage import say, usage
from irevla_control.episode import Episode, Observations
from irevla_control.errors import ConfigError
from irevla_control.files import Lock, writing
from irevla_control.progress_bar import progress_bar
from irevla_learner.encode.saved_policy import SavedPolicy
from irevla_learner.encode.selection import Selection, select
from irevla_learner.replay.encoded_demonstrations import (
    EncodedDemonstrations,
    OtherPolicyError,
    load_demonstrations,
    save_demonstrations,
)
from irevla_learner.replay.encoded_episode import EncodedEpisode
from irevla_policy.frames.bag_frames import Recorded, usable_episodes
from irevla_policy.frames.frame_store import episode_images
from irevla_policy.model.latent_policy import LatentPolicy
from irevla_policy.model.vla import VLA

ALL = Selection()
# Number of observations in one pass of the VLM.
BATCH_SIZE = 16


def encode_demonstrations(
    policy: VLA | SavedPolicy,
    roots: Sequence[Path],
    output: Path,
    selection: Selection = ALL,
    batch_size: int = BATCH_SIZE,
) -> EncodedDemonstrations:
    """Encode recorded demonstrations with the backbone of ``policy``, on its device.

    An existing ``output`` is used again if backbone, statistics, recordings and selection are the
    same; else it is replaced after all are encoded. A file of other contents is never replaced. A
    second process with the same ``output`` waits for the first. A line on stderr reports the
    recordings used.

    Args:
        policy: policy, set to evaluation mode; the VLM of a saved one is loaded only if the file
            must be written.
        roots: folders of bags and LeRobot datasets.
        output: path of the file.
        selection: which recordings to encode; by default all successes.
        batch_size: number of observations in one pass of the VLM.

    Raises:
        ConfigError: there is nothing to encode, a recording does not fit the policy, a pass does
            not fit the device's memory, or the file cannot be written.
        BagError: a folder does not exist, or a recording is damaged.

    """
    if batch_size < 1:
        raise ConfigError(f'batch_size is {batch_size}; 1 or more is needed')
    output, latent_policy = Path(output), policy.latent_policy
    usable = usable_episodes(roots, selection.include_failures, max_skew_s=selection.max_skew_s)
    chosen, left_out = select(usable.episodes, selection)
    identity = _identity(policy.config.cameras, chosen, selection)
    found = _same(output, latent_policy, identity)
    if found is None:
        with _lock(output):
            found = _same(output, latent_policy, identity)
            if found is None:
                vla = policy.vla if isinstance(policy, SavedPolicy) else policy
                encoder = _Encoder(vla, selection, batch_size)
                found = save_demonstrations(
                    output,
                    encoder.encode(chosen),
                    latent_policy,
                    [str(root) for root in roots],
                    identity,
                    encoder.left_out,
                )
    say(
        usage(
            len(chosen) - len(found.left_out),
            usable.left_out | left_out | found.left_out,
            usable.others,
        )
        + f': {found.frames} frames in {output}'
    )
    return found


def _identity(cameras: Sequence[str], chosen: Sequence[Recorded], selection: Selection) -> Any:
    """Return the inputs that determine the content, except backbone and statistics, as JSON."""
    return json.loads(
        json.dumps(
            {
                'cameras': cameras,
                'tasks': sorted(selection.tasks) if selection.tasks else None,
                'max_skew_s': selection.max_skew_s,
                'recordings': [each.identity for each in chosen],
            }
        )
    )


def _same(path: Path, policy: LatentPolicy, identity: Any) -> EncodedDemonstrations | None:
    """Return a file's demonstrations if policy and identity match; None: it may be replaced.

    Raises ConfigError for a file of other contents, which may be a user's.
    """
    if not path.is_file():
        return None
    try:
        found = load_demonstrations(path, policy)
    except OtherPolicyError:
        return None
    except ConfigError as error:
        raise ConfigError(
            f'{path} exists, but is not a complete file of encoded demonstrations; remove it, or '
            'choose another file'
        ) from error
    return found if found.identity == identity else None


def _lock(output: Path) -> Lock:
    if output.is_dir():
        raise ConfigError(f'{output} is a folder; give the name of a file')
    with writing(output, 'choose another file'):
        output.parent.mkdir(parents=True, exist_ok=True)
        return Lock(output.with_name(f'.{output.name}.lock'), wait=True)


class _Encoder:
    """Encodes recordings one by one.

    Attributes:
        left_out: reason for each recording without an episode.

    """

    def __init__(self, vla: VLA, selection: Selection, batch_size: int) -> None:
        self._vla = vla.eval()
        self._tasks = selection.tasks
        self._batch_size = batch_size
        self.left_out: dict[str, str] = {}

    def encode(self, chosen: Sequence[Recorded]) -> Iterator[EncodedEpisode]:
        """Yield the encoded episodes, and show a progress bar."""
        with progress_bar(
            total=sum(each.steps for each in chosen), desc='encoding', unit='frame'
        ) as bar:
            for recorded in chosen:
                yield from self._episodes(recorded, bar.update)

    def _episodes(
        self, recorded: Recorded, advance: Callable[[int], object]
    ) -> Iterator[EncodedEpisode]:
        parts = list(recorded.read(self._vla.config.cameras, True))
        # The first part has the count of the whole recording, but steps may be missing in any.
        dropped = sum(part.dropped for part in parts)
        reason = ''
        for part in self._wanted(parts):
            if not len(part.stamps):
                reason = f'without a step, {part.unjoined or "it is empty"}'
                continue
            # A next instruction shows that the task of this part was done.
            followed = part is not parts[-1]
            ended = part.terminated or (followed and part.success)
            yield self._encoded(part, ended, dropped, advance)
        if reason:
            self.left_out[recorded.place] = reason

    def _wanted(self, parts: Sequence[Episode]) -> Sequence[Episode]:
        """Return the parts of the selected tasks; all parts if only the recording's task is."""
        return [part for part in parts if part.task in (self._tasks or ())] or parts

    def _encoded(
        self, part: Episode, terminated: bool, dropped: int, advance: Callable[[int], object]
    ) -> EncodedEpisode:
        config, statistics = self._vla.config, self._vla.statistics
        seen: list[Episode | Observations] = [part]
        if part.final is not None:
            seen.append(part.final)
        images = np.concatenate(
            [episode_images(each, config.cameras, config.image_size) for each in seen]
        )
        states = np.concatenate([each.states for each in seen])
        latents, proprioception = self._observations(part, images, states, advance)
        return EncodedEpisode(
            episode_id=part.episode_id,
            task=part.task,
            instruction=part.instruction,
            success=part.success,
            terminated=terminated,
            latents=latents,
            proprioception=proprioception,
            actions=statistics.normalise_action(part.actions),
            labels=statistics.normalise_action(part.labels),
            stamps=part.stamps,
            dropped=dropped,
        )

    def _observations(
        self,
        part: Episode,
        images: np.ndarray,
        states: np.ndarray,
        advance: Callable[[int], object],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the latents (N, m, d) and normalised states (N, p) of observations."""
        latents: list[np.ndarray] = []
        normalised: list[np.ndarray] = []
        for start in range(0, len(images), self._batch_size):
            # The batch size is constant, so that a traced model is traced once.
            rows = np.minimum(np.arange(start, start + self._batch_size), len(images) - 1)
            count = min(self._batch_size, len(images) - start)
            latent, state = self._pass(part, images[rows], states[rows])
            latents.append(latent[:count])
            normalised.append(state[:count])
            advance(min(count, max(len(part.stamps) - start, 0)))
        return np.concatenate(latents), np.concatenate(normalised)

    def _pass(
        self, part: Episode, images: np.ndarray, states: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        try:
            latent, state = self._vla.encode_observation(
                images, states, [part.instruction] * len(images)
            )
        except torch.OutOfMemoryError as error:
            raise ConfigError(
                f'a pass of {len(images)} observations does not fit into the memory of '
                f'{self._vla.device}; lower batch_size'
            ) from error
        if not torch.isfinite(latent).all():
            raise ConfigError(
                f'the backbone gives latents that are not finite for episode {part.episode_id}; '
                'leave it out, or train a policy with another dtype of the backbone'
            )
        return latent.cpu().numpy(), state.cpu().numpy()

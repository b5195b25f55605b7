# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The vision-language-action model of section IV-A: images and an instruction to an action."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from irevla_control.errors import ConfigError
from irevla_control.observation import STATE_SIZE
from irevla_policy.model.backbone import Backbone
from irevla_policy.model.config import PolicyConfig
from irevla_policy.model.head import Head
from irevla_policy.model.latent_policy import LatentPolicy
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.probe import ProbeResult, known_probe, probe


@dataclass(frozen=True)
class PolicyOutput:
    """What the policy computed from one observation.

    Attributes:
        latent: float16 (m, d), the VLM's last hidden states of all cameras.
        proprioception: float32 (p,), normalised, as the head saw it.
        chunk: float32 (k, a), normalised, as the head gave it.
        action_normalised: float32 (a,), the first action, after noise.
        action: float64 (7,), in physical units.

    """

    latent: np.ndarray
    proprioception: np.ndarray
    chunk: np.ndarray
    action_normalised: np.ndarray
    action: np.ndarray


class VLA(nn.Module):
    """Backbone and head.

    Attributes:
        views: by camera where it looked in the demonstrations, uint8 (size, size, 4): RGB, and
            255 where it is static; of the cameras that this is known of.
        probed: what the last `probe` found, here or before the checkpoint was written; None where
            there was none, as with a tiny backbone.

    """

    def __init__(
        self,
        config: PolicyConfig,
        statistics: Statistics,
        instructions: Sequence[str] = (),
        tokenizer_json: str = '',
    ) -> None:
        """Build the model with a new head; a tiny backbone learns the words of `instructions`.

        Raises ConfigError when the backbone cannot be built or the data never moves.
        """
        super().__init__()
        if statistics.action_size == 0:
            raise ConfigError('no action dimension varies in the data; record episodes that move')
        self.config = config
        self.statistics = statistics
        self.views: dict[str, np.ndarray] = {}
        self.probed: ProbeResult | None = None
        self.backbone = Backbone(config.backbone, config.image_size, instructions, tokenizer_json)
        self.head = Head(
            self.backbone.width,
            statistics.state_size,
            config.head.chunk_size * statistics.action_size,
            config.head.hidden,
            config.head.queries,
        )

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.head.pool.query.device

    @property
    def backbone_hash(self) -> str:
        """Of backbone, adapters and preprocessing: latents of two hashes never mix."""
        return self.backbone.hash()

    @property
    def latent_policy(self) -> LatentPolicy:
        """The policy without its VLM; the head is this one's."""
        return LatentPolicy(self.head, self.statistics, self.backbone_hash)

    def train(self, mode: bool = True) -> 'VLA':
        """Set the mode; a frozen backbone stays in evaluation mode, so latents stay the same."""
        super().train(mode)
        if not any(weight.requires_grad for weight in self.backbone.parameters()):
            self.backbone.eval()
        return self

    def encode(self, images: Tensor, instructions: Sequence[str]) -> Tensor:
        """Map uint8 (B, C, H, W, 3), cameras in the preset's order, to the latent (B, m, d)."""
        return self.backbone(images, instructions)

    def act(self, latent: Tensor, state: Tensor) -> Tensor:
        """Map latent (B, m, d) and normalised state (B, p) to flat chunks (B, k * a)."""
        return self.head(latent, state)

    def forward(self, images: Tensor, instructions: Sequence[str], states: Tensor) -> Tensor:
        """Map observations to flat chunks (B, k * a): pi(o, l) of equation 2."""
        return self.act(self.encode(images, instructions), states)

    def probe(self, *, learns: bool = False) -> None:
        """Try a pretrained backbone where it is, see `model.probe`; a tiny one fits by itself.

        Raises:
            ConfigError: model and processor do not work together.

        """
        if self.config.backbone.kind == 'pretrained':
            self.probed = probe(self.backbone, self.config.image_size, learns=learns)

    def take_probe(self, stored: Any) -> None:
        """Take what a manifest says a probe of the same backbone found, or probe where it is.

        Raises:
            ConfigError: model and processor do not work together.

        """
        if self.config.backbone.kind == 'pretrained':
            self.probed = known_probe(stored, self.backbone)
        if self.probed is None:
            self.probe()

    def compile_for_inference(self) -> None:
        """Make `step` faster by tracing; the outputs stay the same."""
        self.backbone.compile_for_inference()

    @torch.no_grad()
    def encode_observation(
        self, images: np.ndarray, states: np.ndarray, instructions: Sequence[str]
    ) -> tuple[Tensor, Tensor]:
        """Return what a head sees, as it is stored: latent float16 (B, m, d), state (B, p).

        Args:
            images: uint8 (B, C, H, W, 3), cameras in the preset's order.
            states: float (B, 10).
            instructions: B of them.

        """
        latent = self.encode(torch.from_numpy(images).to(self.device), instructions).half()
        proprioception = torch.from_numpy(self.statistics.normalise_state(states))
        return latent, proprioception.to(self.device)

    @torch.no_grad()
    def step(
        self,
        images: Mapping[str, np.ndarray],
        state: np.ndarray,
        instruction: str,
        noise: np.ndarray | None = None,
    ) -> PolicyOutput:
        """Compute the actions that one observation decides, in evaluation mode.

        Args:
            images: camera name to uint8 (image_size, image_size, 3) RGB; others are ignored.
            state: float (10,), see `irevla_control.observation`.
            instruction: what to do, in words.
            noise: (a,), of the first action, see `executed`.

        Raises:
            ConfigError: a camera is missing, an image or the state does not fit.

        """
        if self.training:
            self.eval()
        stacked = self._checked_images(images)
        if np.shape(state) != (STATE_SIZE,) or not np.isfinite(state).all():
            raise ConfigError(
                f'state {state}; {STATE_SIZE} finite numbers are needed, check the robot state'
            )
        # The head acts on what is stored: the half-precision latent.
        latent, proprioception = self.encode_observation(
            stacked[None], np.asarray(state)[None], [instruction]
        )
        chunk = self.act(latent, proprioception)[0].cpu().numpy()
        chunk = chunk.reshape(-1, self.statistics.action_size)
        return PolicyOutput(
            latent[0].cpu().numpy(),
            proprioception[0].cpu().numpy(),
            chunk,
            *self.executed(chunk[0], noise),
        )

    def executed(
        self, action: np.ndarray, noise: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return an action of a chunk as it is executed: normalised (a,), and in units (7,).

        ``noise`` (a,) is added to the normalised action, which then is clipped to [-1, 1].
        """
        if noise is not None:
            action = np.clip(action + noise, -1, 1).astype(np.float32)
        return action, self.statistics.denormalise_action(action)

    def _checked_images(self, images: Mapping[str, np.ndarray]) -> np.ndarray:
        shape = (self.config.image_size, self.config.image_size, 3)
        stacked = np.empty((len(self.config.cameras), *shape), np.uint8)
        for index, camera in enumerate(self.config.cameras):
            if camera not in images:
                raise ConfigError(
                    f'camera {camera!r} is missing, there are {sorted(images)}; '
                    'start it or use a policy trained without it'
                )
            image = np.asarray(images[camera])
            if image.shape != shape or image.dtype != np.uint8:
                raise ConfigError(
                    f'image of camera {camera!r} is {image.dtype} {image.shape}; '
                    f'uint8 {shape} is needed, set the camera to that size'
                )
            stacked[index] = image
        return stacked

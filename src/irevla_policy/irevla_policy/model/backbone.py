# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The vision-language model: images and instructions to its last hidden states."""

from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
import json

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from irevla_control.errors import ConfigError
from irevla_policy.model.config import BackboneConfig
from irevla_policy.model.tensors import tensor_bytes
from irevla_policy.model.tracing import Tracer
from irevla_policy.model.vlm import load_vlm


class Backbone(nn.Module):
    """Any image-text-to-text model of transformers, without its last layer (section IV-A)."""

    def __init__(
        self,
        config: BackboneConfig,
        image_size: int,
        instructions: Sequence[str] = (),
        tokenizer_json: str = '',
    ) -> None:
        """Build or load the model.

        A tiny one learns the words of `instructions`, or takes a stored tokenizer. Raises
        ConfigError when the source cannot be used.
        """
        super().__init__()
        self.config = config
        vlm = load_vlm(config, image_size, instructions, tokenizer_json)
        self.model = vlm.model
        self.pixels = vlm.pixels
        self.prompts = vlm.prompts
        self.width = vlm.width
        self.tokenizer_json = vlm.tokenizer_json
        self._trained = {
            name for name, weight in self.model.named_parameters() if weight.requires_grad
        }
        self._stored = frozenset(self._trained)
        # Fused optimizers write past torch's counters, so passes with gradients count as changes.
        self._gradients = 0
        self._digests: dict[str, tuple[tuple, str]] = {}
        self._tracer: Tracer | None = None
        # The weights of the recorded model.
        self._weights: tuple[nn.Parameter, ...] = ()

    def forward(self, images: Tensor, instructions: Sequence[str]) -> Tensor:
        """Map uint8 images (B, C, H, W, 3) and B instructions to the latent (B, m, d).

        Each camera's image goes through the model with the instruction; the tokens of all
        cameras are joined. Tokens that only pad a shorter instruction are zero.
        """
        cameras = images.shape[1]
        text = self.prompts(instructions, images.device)
        inputs = self.pixels(images.flatten(0, 1)) | {
            name: tokens.repeat_interleave(cameras, 0) for name, tokens in text.items()
        }
        if self.training or torch.is_grad_enabled():
            self._gradients += 1
        # The vocabulary layer was replaced by the identity: its output is the hidden state.
        if self._tracer is not None and not torch.is_grad_enabled():
            hidden = self._tracer(inputs, self._weights_version())
        else:
            hidden = self.model(**inputs, use_cache=False).logits
        hidden = hidden * self._mask(inputs['attention_mask'], hidden)
        return hidden.unflatten(0, (-1, cameras)).flatten(1, 2)

    def _mask(self, mask: Tensor, hidden: Tensor) -> Tensor:
        """Return the mask (N, T) of the prompt as one of the hidden states (N, m, d)."""
        pictures = hidden.shape[1] - mask.shape[1]
        if pictures < 0:
            raise ConfigError(
                f'backbone.source {self.config.source!r} gives {hidden.shape[1]} '
                f'hidden states for {mask.shape[1]} tokens; choose another model'
            )
        # Some models put the picture before the prompt instead of into it.
        return pad(mask, (pictures, 0), value=1).unsqueeze(-1).to(hidden.dtype)

    def compile_for_inference(self) -> None:
        """Trace what is encoded from now on; outputs stay, the time of Python goes."""
        self._tracer = Tracer(self.model)
        # Once, because a search through all modules takes a twentieth of a small model's pass.
        self._weights = tuple(self.model.parameters())

    def freeze(self) -> None:
        """Stop all training of the backbone (stage 1)."""
        self.model.requires_grad_(False)

    def unfreeze(self) -> None:
        """Train again what the configuration says: all weights or the adapters."""
        for name, weight in self.model.named_parameters():
            weight.requires_grad_(name in self._trained)

    def leave_untrained(self, names: set[str]) -> None:
        """Train these weights no more; a checkpoint stores them all the same."""
        self._trained -= names
        for name, weight in self.model.named_parameters():
            if name in names:
                weight.requires_grad_(False)

    def stored_state(self) -> dict[str, Tensor]:
        """Return what a checkpoint stores: everything, or only the adapters of a source."""
        state = self.model.state_dict()
        if self.config.train == 'lora':
            return {name: tensor for name, tensor in state.items() if name in self._stored}
        return state

    def hash(self) -> str:
        """Return the SHA-256 of weights, adapters, configuration and preprocessing.

        Latents of backbones with different hashes never mix. Computed again after a change only.
        """
        description = [
            asdict(self.config) | {'source': ''},
            self.pixels.description,
            self.tokenizer_json,
        ]
        digest = sha256(json.dumps(description, sort_keys=True).encode())
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)} '.encode())
            digest.update(self._tensor_digest(name, tensor).encode())
        return digest.hexdigest()

    def _tensor_digest(self, name: str, tensor: Tensor) -> str:
        """Hash a weight, unless nothing can have changed it since."""
        version = (tensor.data_ptr(), tensor._version, self._gradients)
        if self.training or self._digests.get(name, ((), ''))[0] != version:
            self._digests[name] = (version, sha256(tensor_bytes(tensor)).hexdigest())
        return self._digests[name][1]

    def _weights_version(self) -> tuple[int, ...]:
        """Return what changes whenever a weight of the recorded model does."""
        return (
            self._gradients,
            *(value for one in self._weights for value in (one.data_ptr(), one._version)),
        )

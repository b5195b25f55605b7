# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The vision-language model: images and instructions to its last hidden states."""

from collections.abc import Sequence
from dataclasses import asdict
import hashlib
import json

import torch
from torch import Tensor, nn

from .config import BackboneConfig
from .tensors import tensor_bytes
from .vlm import load_vlm


class Backbone(nn.Module):
    """Any image-text-to-text model of transformers, without its last layer (section IV-A)."""

    def __init__(self, config: BackboneConfig, image_size: int, instructions: Sequence[str] = (),
                 tokenizer_json: str = '') -> None:
        """Build or load the model.

        A tiny one learns the words of `instructions`, or takes a stored tokenizer. Raises
        ConfigError when the source cannot be used.
        """
        super().__init__()
        self.config = config
        vlm = load_vlm(config, image_size, instructions, tokenizer_json)
        self.model = vlm.model
        self.preprocessing = vlm.preprocessing
        self.prompts = vlm.prompts
        self.width = vlm.width
        self.tokenizer_json = vlm.tokenizer_json
        self._trained = {name for name, weight in self.model.named_parameters()
                         if weight.requires_grad}
        self._hash: tuple[tuple, str] = ((), '')
        self._traces: dict[tuple, torch.jit.ScriptModule] | None = None

    def forward(self, images: Tensor, instructions: Sequence[str]) -> Tensor:
        """Map uint8 images (B, C, H, W, 3) and B instructions to the latent (B, m, d).

        Each camera's image goes through the model with the instruction; the tokens of all
        cameras are joined. Tokens that only pad a shorter instruction are zero.
        """
        text = self.prompts(instructions, images.device)
        if self._traces is not None and len(instructions) == 1 and not self.training \
                and not torch.is_grad_enabled():
            return self._trace(images, text)(images, *text.values())
        return self._encode(images, text)

    def _encode(self, images: Tensor, text: dict[str, Tensor]) -> Tensor:
        cameras = images.shape[1]
        if cameras > 1:
            text = {name: tokens.repeat_interleave(cameras, 0) for name, tokens in text.items()}
        pixels = self.preprocessing(images.flatten(0, 1))
        # The vocabulary layer was replaced by the identity: its output is the hidden state.
        hidden = self.model(**pixels, **text, use_cache=False).logits
        hidden = hidden * text['attention_mask'].unsqueeze(-1).to(hidden.dtype)
        return hidden.unflatten(0, (-1, cameras)).flatten(1, 2)

    def compile_for_inference(self) -> None:
        """Trace from now on single observations; outputs stay, the time of Python goes."""
        self._traces = {}

    def _trace(self, images: Tensor, text: dict[str, Tensor]) -> torch.jit.ScriptModule:
        key = (self._version(), images.shape, text['input_ids'].shape, images.device)
        if key not in self._traces:
            names = list(text)
            module = _Encoder(self, names).eval()
            traced = torch.jit.trace(module, (images, *text.values()), check_trace=False)
            self._traces = {old: trace for old, trace in self._traces.items()
                            if old[0] == key[0]}
            self._traces[key] = torch.jit.freeze(traced)
        return self._traces[key]

    def freeze(self) -> None:
        """Stop all training of the backbone (stage 1)."""
        self.model.requires_grad_(False)

    def unfreeze(self) -> None:
        """Train again what the configuration says: all weights or the adapters."""
        for name, weight in self.model.named_parameters():
            weight.requires_grad_(name in self._trained)

    def stored_state(self) -> dict[str, Tensor]:
        """Return what a checkpoint stores: everything, or only the adapters of a source."""
        state = self.model.state_dict()
        if self.config.train == 'lora':
            return {name: tensor for name, tensor in state.items() if name in self._trained}
        return state

    def hash(self) -> str:
        """Return the SHA-256 of weights, adapters, configuration and preprocessing.

        Latents of backbones with different hashes never mix. Computed again after a change only.
        """
        version = self._version()
        if self._hash[0] != version:
            digest = hashlib.sha256(json.dumps(
                [asdict(self.config) | {'source': ''}, self.preprocessing.description,
                 self.tokenizer_json], sort_keys=True).encode())
            for name, tensor in sorted(self.model.state_dict().items()):
                digest.update(f'{name} {tensor.dtype} {tuple(tensor.shape)}'.encode())
                digest.update(tensor_bytes(tensor))
            self._hash = (version, digest.hexdigest())
        return self._hash[1]

    def _version(self) -> tuple:
        """Return what changes whenever a weight does: torch counts writes to each tensor."""
        return tuple((tensor.data_ptr(), tensor._version)
                     for tensor in self.model.state_dict(keep_vars=True).values())


class _Encoder(nn.Module):
    """The traced part: tensors in, tensor out."""

    def __init__(self, backbone: Backbone, names: list[str]) -> None:
        super().__init__()
        self.backbone = backbone
        self.names = names

    def forward(self, images: Tensor, *tokens: Tensor) -> Tensor:
        return self.backbone._encode(images, dict(zip(self.names, tokens)))

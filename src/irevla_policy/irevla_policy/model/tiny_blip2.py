# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A BLIP-2 built small from transformers' own classes, to be trained from scratch on a CPU."""

from collections.abc import Iterable
import string

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
import torch
from torch import Tensor, nn
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2QFormerConfig,
    Blip2VisionConfig,
    OPTConfig,
)

from irevla_control.errors import ConfigError
from irevla_policy.model.config import TinyConfig

PAD, UNKNOWN, BEGIN, IMAGE = range(4)
SPECIAL_TOKENS = ('<pad>', '<unk>', '<s>', '<image>')
# Layers whose products are the scores of attention, in the Q-Former and in OPT.
ATTENTION_SCORES = ('.query.', '.key.', 'q_proj', 'k_proj')


class ConvolutionalStem(nn.Sequential):
    """Three convolutions in place of the patch embedding: one token per patch of the image.

    It trains several times faster from scratch than one projection of plain patches.
    """

    def __init__(self, width: int, patch: int) -> None:
        """Map images to `width` channels; `patch` is a multiple of 4 pixels."""
        super().__init__(
            nn.Conv2d(3, 32, kernel_size=4, stride=4),
            nn.ReLU(),
            nn.Conv2d(32, 64, kernel_size=patch // 4, stride=patch // 4),
            nn.ReLU(),
            nn.Conv2d(64, width, kernel_size=3, padding=1),
        )
        for layer in self:
            if isinstance(layer, nn.Conv2d):
                # torch's own scale leaves patches (0.09) small beside their positions (0.5).
                nn.init.kaiming_normal_(layer.weight)

    @property
    def weight(self) -> Tensor:
        """The first layer's weight: BLIP-2 asks its patch embedding for its dtype."""
        first = self[0]
        assert isinstance(first, nn.Conv2d)
        return first.weight


def build_tiny_blip2(
    config: TinyConfig, image_size: int, vocabulary_size: int, max_text_tokens: int
) -> Blip2ForConditionalGeneration:
    """Build it with random weights from torch's generator, for square images of this size."""
    if image_size % config.patch:
        raise ConfigError(
            f'image_size is {image_size}; a tiny backbone needs a multiple of '
            f'tiny.patch, {config.patch}: for example {7 * config.patch}'
        )
    shared = {'hidden_size': config.width, 'num_attention_heads': config.attention_heads}
    mlp_size = config.width * config.mlp_ratio
    vision = Blip2VisionConfig(
        **shared,
        intermediate_size=mlp_size,
        num_hidden_layers=config.vision_layers,
        image_size=image_size,
        patch_size=config.patch,
        hidden_act='relu',
        initializer_range=0.02,
    )
    qformer = Blip2QFormerConfig(
        **shared,
        intermediate_size=mlp_size,
        num_hidden_layers=config.qformer_layers,
        hidden_act='relu',
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        cross_attention_frequency=1,
        vocab_size=vocabulary_size,
    )
    text = OPTConfig(
        **shared,
        ffn_dim=mlp_size,
        word_embed_proj_dim=config.width,
        dropout=0.0,
        num_hidden_layers=config.text_layers,
        vocab_size=vocabulary_size,
        max_position_embeddings=config.queries + 1 + max_text_tokens,
        pad_token_id=PAD,
        bos_token_id=BEGIN,
        eos_token_id=PAD,
    )
    model = Blip2ForConditionalGeneration(
        Blip2Config(
            vision_config=vision,
            qformer_config=qformer,
            text_config=text,
            num_query_tokens=config.queries,
            image_token_index=IMAGE,
        )
    )
    embeddings = model.vision_model.embeddings
    embeddings.patch_embedding = ConvolutionalStem(config.width, config.patch)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            # The classes' own scale suits wide layers; here it would let nothing of the image
            # through, and the policy would learn to act without it.
            if weight.ndim == 2 and 'embed' not in name:
                # Even attention hands on the mean of all patches, to which a small object adds
                # little: its scores begin four times as large.
                scored = any(part in name for part in ATTENTION_SCORES)
                weight.normal_(std=(2.0 if scored else 1.0) * weight.shape[1] ** -0.5)
        # Queries of zeros would all stay the same; random ones look at different things.
        model.query_tokens.normal_(std=0.5)
        embeddings.position_embedding[0, 1:] = sine_cosine_positions(
            image_size // config.patch, config.width
        )
    return model


def sine_cosine_positions(side: int, width: int) -> Tensor:
    """Return (side * side, width) sines and cosines of the row and of the column."""
    frequency = torch.exp(torch.linspace(0, -4, width // 4))
    angle = torch.arange(side).unsqueeze(1) * frequency
    wave = torch.cat((angle.sin(), angle.cos()), dim=1)
    rows = wave.repeat_interleave(side, dim=0)
    return torch.cat((rows, wave.repeat(side, 1)), dim=1)


def build_tokenizer(instructions: Iterable[str]) -> Tokenizer:
    """Build a WordPiece tokenizer: a token for each word here, characters for any other."""
    normalizer = normalizers.BertNormalizer(lowercase=True)
    splitter = pre_tokenizers.BertPreTokenizer()
    words = {
        word
        for text in instructions
        for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))
    }
    characters = string.digits + string.ascii_lowercase + string.punctuation
    vocabulary = dict.fromkeys(
        (
            *SPECIAL_TOKENS,
            *characters,
            *(f'##{character}' for character in characters),
            *sorted(words),
        )
    )
    tokenizer = Tokenizer(
        models.WordPiece(
            {token: index for index, token in enumerate(vocabulary)}, unk_token='<unk>'
        )
    )
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitter
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Small models of families whose image does not enter through tokens of the prompt."""

from pathlib import Path

from family_parts import LAYERS, SQUARE, VISION, clip_like, llama, save, token_id
from small_models import small_tokenizer
from transformers import (
    BlipImageProcessorPil,
    CLIPImageProcessorPil,
    GitConfig,
    GitForCausalLM,
    GitProcessor,
    InstructBlipConfig,
    InstructBlipForConditionalGeneration,
    InstructBlipProcessor,
    Kosmos2Config,
    Kosmos2ForConditionalGeneration,
    Kosmos2Processor,
    MllamaConfig,
    MllamaForConditionalGeneration,
    MllamaImageProcessorPil,
    MllamaProcessor,
)


def save_instructblip(folder: Path) -> Path:
    """Write a small InstructBLIP: its Q-Former has its own tokenizer."""
    tokenizer = small_tokenizer()
    processor = InstructBlipProcessor(
        BlipImageProcessorPil(size=SQUARE),
        tokenizer,
        small_tokenizer('<qformer>'),
        num_query_tokens=3,
    )
    return save(
        folder,
        InstructBlipForConditionalGeneration,
        InstructBlipConfig(
            vision_config=VISION,
            qformer_config=LAYERS
            | {'hidden_size': 16, 'encoder_hidden_size': 16, 'vocab_size': 256},
            text_config=llama(tokenizer),
            num_query_tokens=3,
            image_token_index=token_id(tokenizer),
        ),
        processor,
    )


def save_mllama(folder: Path) -> Path:
    """Write a small Mllama: its text attends to the image in separate layers."""
    tokenizer = small_tokenizer('<|image|>', '<|python_tag|>')
    processor = MllamaProcessor(MllamaImageProcessorPil(size=SQUARE, max_image_tiles=2), tokenizer)
    vision = {name: value for name, value in VISION.items() if name != 'num_attention_heads'}
    return save(
        folder,
        MllamaForConditionalGeneration,
        MllamaConfig(
            vision_config=vision
            | {
                'attention_heads': 2,
                'num_global_layers': 1,
                'max_num_tiles': 2,
                'intermediate_layers_indices': [0],
                'vision_output_dim': 32,
                'supported_aspect_ratios': [[1, 1], [1, 2], [2, 1]],
            },
            text_config=llama(
                tokenizer,
                model_type='mllama_text_model',
                cross_attention_layers=[1],
                rope_parameters={'rope_type': 'default', 'rope_theta': 1e4},
            ),
            image_token_index=token_id(tokenizer, '<|image|>'),
        ),
        processor,
    )


def save_git(folder: Path) -> Path:
    """Write a small GIT: the image precedes the text, without a token in the prompt."""
    tokenizer = small_tokenizer()
    processor = GitProcessor(clip_like(CLIPImageProcessorPil), tokenizer)
    return save(
        folder,
        GitForCausalLM,
        GitConfig(
            **LAYERS,
            hidden_size=24,
            vocab_size=len(tokenizer),
            max_position_embeddings=64,
            pad_token_id=0,
            vision_config=VISION,
        ),
        processor,
    )


def save_kosmos2(folder: Path) -> Path:
    """Write a small Kosmos-2: a mask marks the 64 positions of the image."""
    tokenizer = small_tokenizer(
        '</image>',
        '</doc>',
        '</chunk>',
        '</line>',
        '<grounding>',
        '<phrase>',
        '</phrase>',
        '<object>',
        '</object>',
        '</delimiter_of_multi_objects/>',
    )
    # Four more tokens, because the processor adds names of image positions.
    processor = Kosmos2Processor(clip_like(CLIPImageProcessorPil), tokenizer, 4)
    return save(
        folder,
        Kosmos2ForConditionalGeneration,
        Kosmos2Config(
            vision_config=VISION,
            latent_query_num=64,
            text_config={
                'vocab_size': len(tokenizer),
                'embed_dim': 24,
                'layers': 2,
                'ffn_dim': 32,
                'attention_heads': 2,
                'max_position_embeddings': 256,
                'pad_token_id': 0,
            },
        ),
        processor,
    )

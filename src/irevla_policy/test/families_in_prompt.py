# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Small models of families whose image replaces image tokens of the prompt."""

from pathlib import Path

from family_parts import (
    CLIP,
    PATCH,
    PATCHES,
    SQUARE,
    VISION,
    clip_like,
    llama,
    save,
    token_id,
)
from small_models import SOURCE_SIZE, small_tokenizer
import torch
from transformers import (
    AyaVisionConfig,
    AyaVisionForConditionalGeneration,
    AyaVisionProcessor,
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2Processor,
    BlipImageProcessorPil,
    CLIPImageProcessorPil,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ImageProcessorPil,
    Gemma3Processor,
    GotOcr2ImageProcessorPil,
    Idefics2Config,
    Idefics2ForConditionalGeneration,
    Idefics2ImageProcessorPil,
    Idefics2Processor,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3ImageProcessorPil,
    Idefics3Processor,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextImageProcessorPil,
    LlavaNextProcessor,
    LlavaProcessor,
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    PaliGemmaProcessor,
    PreTrainedTokenizerFast,
    SiglipImageProcessorPil,
    VipLlavaConfig,
    VipLlavaForConditionalGeneration,
)

SIGLIP = VISION | {'model_type': 'siglip_vision_model', 'vision_use_head': False}


def save_blip2(folder: Path, seed=1):
    """Write a small BLIP-2 with its processor, as `save_pretrained` does."""
    torch.manual_seed(seed)
    tokenizer = small_tokenizer()
    processor = Blip2Processor(
        BlipImageProcessorPil(size={'height': SOURCE_SIZE, 'width': SOURCE_SIZE}),
        tokenizer,
        num_query_tokens=3,
    )
    shared = {'num_hidden_layers': 2, 'num_attention_heads': 2}
    model = Blip2ForConditionalGeneration(
        Blip2Config(
            vision_config=shared
            | {
                'hidden_size': 16,
                'intermediate_size': 16,
                'patch_size': 14,
                'image_size': SOURCE_SIZE,
                'initializer_range': 0.1,
            },
            qformer_config=shared | {'hidden_size': 16, 'intermediate_size': 16},
            text_config=shared
            | {
                'model_type': 'opt',
                'hidden_size': 24,
                'ffn_dim': 24,
                'word_embed_proj_dim': 24,
                'vocab_size': len(tokenizer),
                'max_position_embeddings': 64,
                'init_std': 0.1,
            },
            num_query_tokens=3,
            image_token_index=token_id(tokenizer),
        )
    )
    model.query_tokens.data.normal_()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def save_idefics3(folder: Path, seed=1):
    """Write a small Idefics3, the family of SmolVLM, with its processor."""
    torch.manual_seed(seed)
    tokenizer = small_tokenizer(
        '<fake_token_around_image>',
        '<global-img>',
        '<end_of_utterance>',
        *(f'<row_{row}_col_{column}>' for row in range(1, 7) for column in range(1, 7)),
    )
    processor = Idefics3Processor(
        Idefics3ImageProcessorPil(
            size={'longest_edge': 2 * SOURCE_SIZE}, max_image_size={'longest_edge': SOURCE_SIZE}
        ),
        tokenizer,
        image_seq_len=4,
    )
    shared = {'num_hidden_layers': 2, 'num_attention_heads': 2, 'intermediate_size': 32}
    model = Idefics3ForConditionalGeneration(
        Idefics3Config(
            vision_config=shared | {'hidden_size': 16, 'image_size': SOURCE_SIZE, 'patch_size': 7},
            text_config=shared
            | {
                'model_type': 'llama',
                'hidden_size': 24,
                'num_key_value_heads': 2,
                'vocab_size': len(tokenizer),
                'pad_token_id': 0,
                'initializer_range': 0.1,
            },
            scale_factor=2,
            image_token_id=token_id(tokenizer),
        )
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def save_paligemma(folder: Path) -> Path:
    """Write a small PaliGemma."""
    tokenizer = small_tokenizer()
    processor = PaliGemmaProcessor(
        SiglipImageProcessorPil(size=SQUARE, image_seq_length=PATCHES), tokenizer
    )
    return save(
        folder,
        PaliGemmaForConditionalGeneration,
        PaliGemmaConfig(
            vision_config=SIGLIP | {'projection_dim': 24},
            text_config=llama(tokenizer, model_type='gemma', head_dim=12),
            projection_dim=24,
            image_token_index=token_id(tokenizer),
        ),
        processor,
    )


def save_idefics2(folder: Path) -> Path:
    """Write a small Idefics2."""
    tokenizer = small_tokenizer('<fake_token_around_image>', '<end_of_utterance>')
    processor = Idefics2Processor(
        Idefics2ImageProcessorPil(
            size={'shortest_edge': SOURCE_SIZE, 'longest_edge': SOURCE_SIZE},
            do_image_splitting=False,
        ),
        tokenizer,
        image_seq_len=3,
    )
    return save(
        folder,
        Idefics2ForConditionalGeneration,
        Idefics2Config(
            vision_config=VISION,
            perceiver_config={
                'hidden_size': 24,
                'resampler_n_latents': 3,
                'resampler_depth': 1,
                'resampler_n_heads': 2,
                'resampler_head_dim': 12,
                'num_key_value_heads': 2,
            },
            text_config=llama(tokenizer, model_type='mistral', head_dim=12),
            image_token_id=token_id(tokenizer),
        ),
        processor,
    )


def llava_processor(tokenizer):
    """Return the processor of LLaVA and ViP-LLaVA."""
    return LlavaProcessor(
        clip_like(CLIPImageProcessorPil),
        tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy='default',
        num_additional_image_tokens=1,
    )


def save_llava(folder: Path) -> Path:
    """Write a small LLaVA: it uses the second-to-last layer of its vision tower."""
    tokenizer = small_tokenizer()
    processor = llava_processor(tokenizer)
    return save(
        folder,
        LlavaForConditionalGeneration,
        LlavaConfig(
            vision_config=CLIP, text_config=llama(tokenizer), image_token_index=token_id(tokenizer)
        ),
        processor,
    )


def save_llava_next(folder: Path) -> Path:
    """Write a small LLaVA-NeXT: an image becomes several tiles."""
    tokenizer = small_tokenizer()
    pinpoints = [[SOURCE_SIZE, 2 * SOURCE_SIZE], [2 * SOURCE_SIZE, 2 * SOURCE_SIZE]]
    processor = LlavaNextProcessor(
        clip_like(LlavaNextImageProcessorPil, image_grid_pinpoints=pinpoints),
        tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy='default',
        num_additional_image_tokens=1,
    )
    return save(
        folder,
        LlavaNextForConditionalGeneration,
        LlavaNextConfig(
            vision_config=CLIP,
            text_config=llama(tokenizer),
            image_grid_pinpoints=pinpoints,
            image_token_index=token_id(tokenizer),
        ),
        processor,
    )


def save_vipllava(folder: Path) -> Path:
    """Write a small ViP-LLaVA: it uses several layers of its vision tower."""
    tokenizer = small_tokenizer()
    processor = llava_processor(tokenizer)
    return save(
        folder,
        VipLlavaForConditionalGeneration,
        VipLlavaConfig(
            vision_config=CLIP,
            text_config=llama(tokenizer),
            vision_feature_layer=[-1, -2],
            image_token_index=token_id(tokenizer),
        ),
        processor,
    )


def save_gemma3(folder: Path) -> Path:
    """Write a small Gemma 3: tokens of an image attend to each other."""
    names = {'boi_token': '<boi>', 'eoi_token': '<eoi>', 'image_token': '<image>'}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=small_tokenizer('<boi>', '<eoi>').backend_tokenizer,
        pad_token='<pad>',
        bos_token='<s>',
        eos_token='</s>',
        unk_token='<unk>',
        extra_special_tokens=names,
    )
    processor = Gemma3Processor(
        Gemma3ImageProcessorPil(size=SQUARE), tokenizer, image_seq_length=PATCHES
    )
    return save(
        folder,
        Gemma3ForConditionalGeneration,
        Gemma3Config(
            vision_config=SIGLIP,
            mm_tokens_per_image=PATCHES,
            text_config=llama(
                tokenizer, model_type='gemma3_text', head_dim=12, query_pre_attn_scalar=12
            ),
            **{f'{name}_index': token_id(tokenizer, word) for name, word in names.items()},
        ),
        processor,
    )


def save_aya_vision(folder: Path) -> Path:
    """Write a small Aya Vision: an image that is not square is cut into tiles."""
    tokenizer = small_tokenizer(
        '<|START_OF_IMG|>',
        '<|END_OF_IMG|>',
        '<|IMG_PATCH|>',
        '<|IMG_LINE_BREAK|>',
        'TILE_1',
        'TILE_GLOBAL',
    )
    patch = PATCH // 2
    processor = AyaVisionProcessor(
        GotOcr2ImageProcessorPil(size=SQUARE, crop_to_patches=True, min_patches=1, max_patches=2),
        tokenizer,
        patch_size=patch,
        img_size=SOURCE_SIZE,
        downsample_factor=2,
    )
    return save(
        folder,
        AyaVisionForConditionalGeneration,
        AyaVisionConfig(
            vision_config=SIGLIP | {'patch_size': patch},
            downsample_factor=2,
            text_config=llama(tokenizer, model_type='cohere2', head_dim=12),
            image_token_index=token_id(tokenizer, '<|IMG_PATCH|>'),
        ),
        processor,
    )

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Small models of further families, which `make conformance` tests and `make test` does not."""

from pathlib import Path

from family_parts import LAYERS, PATCH, PATCHES, SQUARE, VISION, Family, llama, save
from small_models import SOURCE_SIZE, small_tokenizer
from transformers import (
    BartConfig,
    CLIPImageProcessorPil,
    Florence2Config,
    Florence2ForConditionalGeneration,
    Florence2Processor,
    Lfm2VlConfig,
    Lfm2VlForConditionalGeneration,
    Lfm2VlImageProcessor,
    Lfm2VlProcessor,
    LlavaConfig,
    LlavaForConditionalGeneration,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    PixtralImageProcessorPil,
    PixtralProcessor,
    PreTrainedTokenizerFast,
)


def _named_tokens(**names: str) -> PreTrainedTokenizerFast:
    """Return a tokenizer with named special tokens, such as `image_token`."""
    return PreTrainedTokenizerFast(
        tokenizer_object=small_tokenizer(*names.values()).backend_tokenizer,
        pad_token='<pad>',
        bos_token='<s>',
        eos_token='</s>',
        unk_token='<unk>',
        extra_special_tokens=names,
    )


def _pixtral(merge: int) -> tuple[PixtralProcessor, dict, PreTrainedTokenizerFast]:
    tokenizer = small_tokenizer('[IMG]', '[IMG_BREAK]', '[IMG_END]')
    patch = PATCH // 2
    images = PixtralImageProcessorPil(
        size={'longest_edge': SOURCE_SIZE}, patch_size={'height': patch, 'width': patch}
    )
    vision = VISION | {'model_type': 'pixtral', 'patch_size': patch}
    return (
        PixtralProcessor(images, tokenizer, patch_size=patch, spatial_merge_size=merge),
        vision,
        tokenizer,
    )


def save_mistral3(folder: Path) -> Path:
    """Write a small Mistral Small 3.1: Pixtral's vision tower with merged patches."""
    processor, vision, tokenizer = _pixtral(2)
    return save(
        folder,
        Mistral3ForConditionalGeneration,
        Mistral3Config(
            vision_config=vision,
            text_config=llama(tokenizer, model_type='mistral', head_dim=12),
            spatial_merge_size=2,
            image_token_index=tokenizer.convert_tokens_to_ids('[IMG]'),
        ),
        processor,
    )


def save_pixtral(folder: Path) -> Path:
    """Write a small Pixtral: LLaVA with another vision tower and processor."""
    processor, vision, tokenizer = _pixtral(1)
    return save(
        folder,
        LlavaForConditionalGeneration,
        LlavaConfig(
            vision_config=vision,
            text_config=llama(tokenizer, model_type='mistral', head_dim=12),
            vision_feature_layer=-1,
            vision_feature_select_strategy='full',
            image_token_index=tokenizer.convert_tokens_to_ids('[IMG]'),
        ),
        processor,
    )


def save_florence2(folder: Path) -> Path:
    """Write a small Florence-2: an encoder and a decoder."""
    tokenizer = _named_tokens(image_token='<image>')
    processor = Florence2Processor(
        CLIPImageProcessorPil(size=SQUARE, do_center_crop=False, image_seq_length=PATCHES),
        tokenizer,
    )
    text = BartConfig(
        vocab_size=len(tokenizer),
        d_model=24,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        pad_token_id=0,
    )
    return save(
        folder,
        Florence2ForConditionalGeneration,
        Florence2Config(
            vision_config={
                'depths': [1],
                'patch_size': [7],
                'patch_stride': [4],
                'patch_padding': [3],
                'patch_prenorm': [False],
                'embed_dim': [16],
                'num_heads': [2],
                'num_groups': [2],
                'projection_dim': 24,
            },
            text_config=text.to_dict(),
            image_token_id=tokenizer.image_token_id,
        ),
        processor,
    )


def save_lfm2_vl(folder: Path) -> Path:
    """Write a small LFM2-VL, whose image processor needs torchvision."""
    tokenizer = small_tokenizer('<|image_start|>', '<|image_end|>', '<|img_thumbnail|>')
    images = Lfm2VlImageProcessor(
        encoder_patch_size=PATCH,
        downsample_factor=2,
        min_image_tokens=1,
        max_image_tokens=4,
        tile_size=SOURCE_SIZE,
        do_image_splitting=False,
    )
    return save(
        folder,
        Lfm2VlForConditionalGeneration,
        Lfm2VlConfig(
            vision_config=LAYERS
            | {
                'model_type': 'siglip2_vision_model',
                'hidden_size': 16,
                'patch_size': PATCH,
                'num_patches': 16,
                'vision_use_head': False,
            },
            text_config=llama(
                tokenizer, model_type='lfm2', layer_types=['conv', 'full_attention']
            ),
            projector_hidden_size=32,
            downsample_factor=2,
            image_token_id=tokenizer.convert_tokens_to_ids('<image>'),
        ),
        Lfm2VlProcessor(images, tokenizer),
    )


MORE_FAMILIES = {
    'mistral3': Family(save_mistral3, '<s>[IMG]{instruction}'),
    'pixtral': Family(save_pixtral, '<s>[IMG]{instruction}'),
    'florence2': Family(save_florence2),
    'lfm2-vl': Family(save_lfm2_vl, '<s><image>{instruction}'),
}

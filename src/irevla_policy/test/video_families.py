# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Small models of families that also read videos, whose video processors need torchvision.

The files of their processors are written as in the original repositories, because transformers
cannot build such a processor without torchvision.
"""

import json
from pathlib import Path

from family_parts import LAYERS, PATCHES, SQUARE, VISION, Family, llama, save
from small_models import SOURCE_SIZE, small_tokenizer
from transformers import (
    GotOcr2ImageProcessorPil,
    InternVLConfig,
    InternVLForConditionalGeneration,
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    LlavaOnevisionImageProcessorPil,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
    SmolVLMImageProcessorPil,
)

QWEN_TOKENS = ('<|image_pad|>', '<|video_pad|>', '<|vision_start|>', '<|vision_end|>')


class ProcessorFiles:
    """The files of a processor that transformers cannot build without torchvision."""

    def __init__(self, name: str, image_processor, tokenizer, **options) -> None:
        """Take a processor's class name, its parts and its options."""
        self._described = {'processor_class': name} | options
        # The repositories name the image processor that uses torchvision.
        kind = type(image_processor).__name__.removesuffix('Pil')
        self._images = image_processor.to_dict() | {
            'processor_class': name,
            'image_processor_type': kind,
        }
        self._tokenizer = tokenizer

    def save_pretrained(self, folder: Path) -> None:
        """Write the files."""
        for file, content in (
            ('processor_config.json', self._described),
            ('preprocessor_config.json', self._images),
        ):
            (folder / file).write_text(json.dumps(content))
        self._tokenizer.save_pretrained(folder)


def _qwen(folder: Path, name: str, model: type, config: type, vision: dict, patch: int) -> Path:
    tokenizer = small_tokenizer(*QWEN_TOKENS)
    image, video, start, end = tokenizer.convert_tokens_to_ids(QWEN_TOKENS)
    images = Qwen2VLImageProcessorPil(
        patch_size=patch,
        size={'shortest_edge': (2 * patch) ** 2, 'longest_edge': (8 * patch) ** 2},
    )
    text = {
        'hidden_size': 32,
        'num_key_value_heads': 2,
        'vocab_size': len(tokenizer),
        'pad_token_id': 0,
        'rope_parameters': {'rope_type': 'default', 'rope_theta': 1e4, 'mrope_section': [2, 3, 3]},
    } | LAYERS
    if name.startswith('Qwen3'):
        text['head_dim'] = 16
    return save(
        folder,
        model,
        config(
            text_config=text,
            vision_config={'depth': 2, 'num_heads': 2, 'patch_size': patch} | vision,
            image_token_id=image,
            video_token_id=video,
            vision_start_token_id=start,
            vision_end_token_id=end,
        ),
        ProcessorFiles(name, images, tokenizer),
    )


def save_qwen2_vl(folder: Path) -> Path:
    """Write a small Qwen2-VL: the size of an image determines its number of tokens."""
    return _qwen(
        folder,
        'Qwen2VLProcessor',
        Qwen2VLForConditionalGeneration,
        Qwen2VLConfig,
        {'embed_dim': 32, 'hidden_size': 32, 'mlp_ratio': 2},
        14,
    )


def save_qwen2_5_vl(folder: Path) -> Path:
    """Write a small Qwen2.5-VL: most layers of its vision tower attend within windows."""
    return _qwen(
        folder,
        'Qwen2_5_VLProcessor',
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLConfig,
        {
            'hidden_size': 32,
            'out_hidden_size': 32,
            'intermediate_size': 32,
            'window_size': 28,
            'fullatt_block_indexes': [1],
        },
        14,
    )


def save_qwen3_vl(folder: Path) -> Path:
    """Write a small Qwen3-VL: early layers of the language model get the image too."""
    return _qwen(
        folder,
        'Qwen3VLProcessor',
        Qwen3VLForConditionalGeneration,
        Qwen3VLConfig,
        {
            'hidden_size': 32,
            'out_hidden_size': 32,
            'intermediate_size': 32,
            'num_position_embeddings': 16,
            'deepstack_visual_indexes': [0],
        },
        16,
    )


def save_internvl(folder: Path) -> Path:
    """Write a small InternVL."""
    names = {
        'start_image_token': '<img>',
        'end_image_token': '</img>',
        'context_image_token': '<IMG_CONTEXT>',
        'video_token': '<video>',
    }
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=small_tokenizer(*names.values()).backend_tokenizer,
        pad_token='<pad>',
        bos_token='<s>',
        eos_token='</s>',
        unk_token='<unk>',
        extra_special_tokens=names,
    )
    images = GotOcr2ImageProcessorPil(size=SQUARE, crop_to_patches=True, max_patches=4)
    return save(
        folder,
        InternVLForConditionalGeneration,
        InternVLConfig(
            vision_config=VISION | {'image_size': [SOURCE_SIZE] * 2, 'patch_size': [14, 14]},
            text_config=llama(tokenizer, model_type='qwen2'),
            image_seq_length=1,
            image_token_id=tokenizer.convert_tokens_to_ids('<IMG_CONTEXT>'),
        ),
        ProcessorFiles('InternVLProcessor', images, tokenizer, image_seq_length=1),
    )


def save_llava_onevision(folder: Path) -> Path:
    """Write a small LLaVA-OneVision: an image becomes several tiles."""
    tokenizer = small_tokenizer('<video>')
    pinpoints = [[SOURCE_SIZE, 2 * SOURCE_SIZE], [2 * SOURCE_SIZE, 2 * SOURCE_SIZE]]
    images = LlavaOnevisionImageProcessorPil(size=SQUARE, image_grid_pinpoints=pinpoints)
    return save(
        folder,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionConfig(
            vision_config=VISION | {'model_type': 'siglip_vision_model', 'vision_use_head': False},
            text_config=llama(tokenizer, model_type='qwen2'),
            image_grid_pinpoints=pinpoints,
            image_token_index=tokenizer.convert_tokens_to_ids('<image>'),
            video_token_index=tokenizer.convert_tokens_to_ids('<video>'),
        ),
        ProcessorFiles(
            'LlavaOnevisionProcessor',
            images,
            tokenizer,
            num_image_tokens=PATCHES,
            vision_feature_select_strategy='full',
        ),
    )


def save_lfm2_vl_processor(folder: Path) -> Path:
    """Write the files of an LFM2-VL's processor, whose images also need torchvision."""
    folder.mkdir()
    tokenizer = small_tokenizer('<|image_start|>', '<|image_end|>', '<|img_thumbnail|>')
    images = SmolVLMImageProcessorPil()
    ProcessorFiles('Lfm2VlProcessor', images, tokenizer).save_pretrained(folder)
    described = json.loads((folder / 'preprocessor_config.json').read_text())
    described['image_processor_type'] = 'Lfm2VlImageProcessor'
    (folder / 'preprocessor_config.json').write_text(json.dumps(described))
    return folder


def save_smolvlm2(folder: Path) -> Path:
    """Write a small SmolVLM2."""
    tokenizer = small_tokenizer(
        '<fake_token_around_image>',
        '<global-img>',
        '<end_of_utterance>',
        '<video>',
        *(f'<row_{row}_col_{column}>' for row in range(1, 4) for column in range(1, 4)),
    )
    images = SmolVLMImageProcessorPil(
        size={'longest_edge': 2 * SOURCE_SIZE}, max_image_size={'longest_edge': SOURCE_SIZE}
    )
    return save(
        folder,
        SmolVLMForConditionalGeneration,
        SmolVLMConfig(
            vision_config=VISION | {'patch_size': 7},
            text_config=llama(tokenizer),
            scale_factor=2,
            image_token_id=tokenizer.convert_tokens_to_ids('<image>'),
            pad_token_id=0,
        ),
        ProcessorFiles('SmolVLMProcessor', images, tokenizer, image_seq_len=4),
    )


QWEN_PROMPT = '<|vision_start|><|image_pad|><|vision_end|>{instruction}'
VIDEO_FAMILIES = {
    'qwen2-vl': Family(save_qwen2_vl, QWEN_PROMPT, ('qkv', 'q_proj', 'v_proj')),
    'qwen2.5-vl': Family(save_qwen2_5_vl, QWEN_PROMPT, ('qkv', 'q_proj', 'v_proj')),
    'qwen3-vl': Family(save_qwen3_vl, QWEN_PROMPT, ('qkv', 'q_proj', 'v_proj')),
    'internvl': Family(
        save_internvl, '<IMG_CONTEXT>{instruction}', processor={'crop_to_patches': False}
    ),
    'llava-onevision': Family(save_llava_onevision, '<image>{instruction}'),
    'smolvlm2': Family(
        save_smolvlm2, '<s><image>{instruction}', processor={'do_image_splitting': False}
    ),
}

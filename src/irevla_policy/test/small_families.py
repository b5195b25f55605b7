# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Families of vision-language models, built small by transformers' own classes, no download.

Each is saved as a folder with weights, processor and tokenizer, like a downloaded model; `Family`
holds what a preset says of it. None of these needs torchvision.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from small_models import (
    SOURCE_SIZE,
    save_blip2,
    save_idefics3,
    small_tokenizer,
    statistics,
    tiny_config,
)
import torch
from transformers import (
    BlipImageProcessorPil,
    CLIPImageProcessorPil,
    GitConfig,
    GitForCausalLM,
    GitProcessor,
    Idefics2Config,
    Idefics2ForConditionalGeneration,
    Idefics2ImageProcessorPil,
    Idefics2Processor,
    InstructBlipConfig,
    InstructBlipForConditionalGeneration,
    InstructBlipProcessor,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaNextConfig,
    LlavaNextForConditionalGeneration,
    LlavaNextImageProcessorPil,
    LlavaNextProcessor,
    LlavaProcessor,
    MllamaConfig,
    MllamaForConditionalGeneration,
    MllamaImageProcessorPil,
    MllamaProcessor,
    PaliGemmaConfig,
    PaliGemmaForConditionalGeneration,
    PaliGemmaProcessor,
    ProcessorMixin,
    SiglipImageProcessorPil,
)

from irevla_policy.model.config import BackboneConfig, LoraConfig
from irevla_policy.model.vla import VLA

PATCH = 14
SQUARE = {'height': SOURCE_SIZE, 'width': SOURCE_SIZE}
PATCHES = (SOURCE_SIZE // PATCH) ** 2
LAYERS = {'num_hidden_layers': 2, 'num_attention_heads': 2, 'intermediate_size': 32}
VISION = LAYERS | {'hidden_size': 16, 'image_size': SOURCE_SIZE, 'patch_size': PATCH}
CLIP = VISION | {'model_type': 'clip_vision_model', 'projection_dim': 16}


@dataclass(frozen=True)
class Family:
    """A family of models.

    Attributes:
        save: writes a small one to a folder, which it returns.
        options: what a preset has under `backbone` for it, beside `source`.
        targets: `lora.targets` that adapt attention in both its towers.
        prompt: as `options`; '{instruction}' is replaced.

    """

    save: Callable[[Path], Path]
    prompt: str = '{instruction}'
    targets: tuple[str, ...] = ('q_proj', 'v_proj')
    processor: dict = field(default_factory=dict)

    @property
    def options(self) -> dict:
        """Return the keys of `BackboneConfig` that are not as in every preset."""
        return {'prompt': self.prompt, 'processor': self.processor}


def llama(tokenizer, **changes):
    """Return the configuration of a small Llama for a tokenizer."""
    return LAYERS | {'model_type': 'llama', 'hidden_size': 24, 'num_key_value_heads': 2,
                     'vocab_size': len(tokenizer), 'pad_token_id': 0, 'initializer_range': 0.1
                     } | changes


def save(folder: Path, model: type, config: object, processor: ProcessorMixin) -> Path:
    """Write a model of random weights, large enough that the picture counts, with a processor."""
    torch.manual_seed(1)
    built = model(config)
    with torch.no_grad():
        for name, weight in built.named_parameters():
            # Gates and queries that begin at zero would hide the picture.
            if 'gate' in name and weight.numel() == 1 or 'query_tokens' in name:
                weight.normal_()
            elif weight.ndim > 1:
                weight.normal_(std=0.1)
    built.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def save_instructblip(folder: Path) -> Path:
    """Write a small InstructBLIP: its Q-Former has a tokenizer of its own."""
    tokenizer = small_tokenizer()
    processor = InstructBlipProcessor(BlipImageProcessorPil(size=SQUARE), tokenizer,
                                      small_tokenizer('<qformer>'), num_query_tokens=3)
    return save(folder, InstructBlipForConditionalGeneration, InstructBlipConfig(
        vision_config=VISION, qformer_config=LAYERS | {
            'hidden_size': 16, 'encoder_hidden_size': 16, 'vocab_size': 256},
        text_config=llama(tokenizer), num_query_tokens=3,
        image_token_index=tokenizer.convert_tokens_to_ids('<image>')), processor)


def save_paligemma(folder: Path) -> Path:
    """Write a small PaliGemma."""
    tokenizer = small_tokenizer()
    processor = PaliGemmaProcessor(
        SiglipImageProcessorPil(size=SQUARE, image_seq_length=PATCHES), tokenizer)
    return save(folder, PaliGemmaForConditionalGeneration, PaliGemmaConfig(
        vision_config=VISION | {'model_type': 'siglip_vision_model', 'projection_dim': 24,
                                'vision_use_head': False},
        text_config=llama(tokenizer, model_type='gemma', head_dim=12), projection_dim=24,
        image_token_index=tokenizer.convert_tokens_to_ids('<image>')), processor)


def save_mllama(folder: Path) -> Path:
    """Write a small Mllama: its text attends to the picture in layers of their own."""
    tokenizer = small_tokenizer('<|image|>', '<|python_tag|>')
    processor = MllamaProcessor(MllamaImageProcessorPil(size=SQUARE, max_image_tiles=2), tokenizer)
    vision = {name: value for name, value in VISION.items() if name != 'num_attention_heads'}
    return save(folder, MllamaForConditionalGeneration, MllamaConfig(
        vision_config=vision | {
            'attention_heads': 2, 'num_global_layers': 1, 'max_num_tiles': 2,
            'intermediate_layers_indices': [0], 'vision_output_dim': 32,
            'supported_aspect_ratios': [[1, 1], [1, 2], [2, 1]]},
        text_config=llama(tokenizer, model_type='mllama_text_model', cross_attention_layers=[1],
                          rope_parameters={'rope_type': 'default', 'rope_theta': 1e4}),
        image_token_index=tokenizer.convert_tokens_to_ids('<|image|>')), processor)


def save_git(folder: Path) -> Path:
    """Write a small GIT: the picture comes before the text, without a token in the prompt."""
    tokenizer = small_tokenizer()
    processor = GitProcessor(CLIPImageProcessorPil(
        size={'shortest_edge': SOURCE_SIZE}, crop_size=SQUARE), tokenizer)
    return save(folder, GitForCausalLM, GitConfig(
        **LAYERS, hidden_size=24, vocab_size=len(tokenizer), max_position_embeddings=64,
        pad_token_id=0, vision_config=VISION), processor)


def save_idefics2(folder: Path) -> Path:
    """Write a small Idefics2."""
    tokenizer = small_tokenizer('<fake_token_around_image>', '<end_of_utterance>')
    processor = Idefics2Processor(
        Idefics2ImageProcessorPil(size={'shortest_edge': SOURCE_SIZE,
                                        'longest_edge': SOURCE_SIZE}, do_image_splitting=False),
        tokenizer, image_seq_len=3)
    return save(folder, Idefics2ForConditionalGeneration, Idefics2Config(
        vision_config=VISION, perceiver_config={
            'hidden_size': 24, 'resampler_n_latents': 3, 'resampler_depth': 1,
            'resampler_n_heads': 2, 'resampler_head_dim': 12, 'num_key_value_heads': 2},
        text_config=llama(tokenizer, model_type='mistral', head_dim=12),
        image_token_id=tokenizer.convert_tokens_to_ids('<image>')), processor)


def _clip_processor(kind: type, **options: object) -> object:
    return kind(size={'shortest_edge': SOURCE_SIZE}, crop_size=SQUARE, **options)


def save_llava(folder: Path) -> Path:
    """Write a small LLaVA: it reads the last layer of its vision tower but one."""
    tokenizer = small_tokenizer()
    processor = LlavaProcessor(
        _clip_processor(CLIPImageProcessorPil), tokenizer, patch_size=PATCH,
        vision_feature_select_strategy='default', num_additional_image_tokens=1)
    return save(folder, LlavaForConditionalGeneration, LlavaConfig(
        vision_config=CLIP, text_config=llama(tokenizer),
        image_token_index=tokenizer.convert_tokens_to_ids('<image>')), processor)


def save_llava_next(folder: Path) -> Path:
    """Write a small LLaVA-NeXT: a picture becomes several tiles."""
    tokenizer = small_tokenizer()
    pinpoints = [[SOURCE_SIZE, 2 * SOURCE_SIZE], [2 * SOURCE_SIZE, 2 * SOURCE_SIZE]]
    processor = LlavaNextProcessor(
        _clip_processor(LlavaNextImageProcessorPil, image_grid_pinpoints=pinpoints), tokenizer,
        patch_size=PATCH, vision_feature_select_strategy='default',
        num_additional_image_tokens=1)
    return save(folder, LlavaNextForConditionalGeneration, LlavaNextConfig(
        vision_config=CLIP, text_config=llama(tokenizer), image_grid_pinpoints=pinpoints,
        image_token_index=tokenizer.convert_tokens_to_ids('<image>')), processor)


IMAGE_FIRST = '<image>{instruction}'
FAMILIES = {
    'blip2': Family(save_blip2, targets=('qkv', 'q_proj', 'v_proj')),
    'instructblip': Family(save_instructblip, targets=('qkv', 'query', 'q_proj', 'v_proj')),
    'paligemma': Family(save_paligemma, IMAGE_FIRST),
    'mllama': Family(save_mllama, '<|image|>{instruction}'),
    'git': Family(save_git, targets=('query', 'value', 'q_proj', 'v_proj')),
    'idefics2': Family(save_idefics2, '<s>' + IMAGE_FIRST),
    'idefics3': Family(save_idefics3, '<s>' + IMAGE_FIRST,
                       processor={'do_image_splitting': False}),
    'idefics3-tiles': Family(save_idefics3, '<s>' + IMAGE_FIRST),
    'llava': Family(save_llava, '<s>' + IMAGE_FIRST),
    'llava-next': Family(save_llava_next, '<s>' + IMAGE_FIRST),
}


def family_vla(source: Path, family: str, image_size: int = 40, **changes: object) -> VLA:
    """Return a policy with adapters on the model in a folder; `changes` are of `backbone`."""
    torch.manual_seed(0)
    options = {'kind': 'pretrained', 'source': str(source), 'train': 'lora', 'max_text_tokens': 12,
               'lora': LoraConfig(rank=2, dropout=0.0, targets=FAMILIES[family].targets)}
    backbone = BackboneConfig(**options | FAMILIES[family].options | changes)
    return VLA(tiny_config(image_size=image_size, backbone=backbone), statistics()).eval()

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Small models of families that need no torchvision, built without a download.

Each is saved as a folder with weights, processor and tokenizer, like a downloaded model; `Family`
has the settings of its preset.
"""

from pathlib import Path

from families_beside_prompt import (
    save_git,
    save_instructblip,
    save_kosmos2,
    save_mllama,
)
from families_in_prompt import (
    save_aya_vision,
    save_blip2,
    save_gemma3,
    save_idefics2,
    save_idefics3,
    save_llava,
    save_llava_next,
    save_paligemma,
    save_vipllava,
)
from family_parts import Family
from small_models import statistics, tiny_config
import torch

from irevla_policy.model.config import BackboneConfig, LoraConfig
from irevla_policy.model.vla import VLA

IMAGE_FIRST = '<image>{instruction}'
FAMILIES = {
    'blip2': Family(save_blip2, targets=('qkv', 'q_proj', 'v_proj')),
    'instructblip': Family(save_instructblip, targets=('qkv', 'query', 'q_proj', 'v_proj')),
    'paligemma': Family(save_paligemma, IMAGE_FIRST),
    'mllama': Family(save_mllama, '<|image|>{instruction}'),
    'git': Family(save_git, targets=('query', 'value', 'q_proj', 'v_proj')),
    'idefics2': Family(save_idefics2, '<s>' + IMAGE_FIRST),
    'idefics3': Family(
        save_idefics3, '<s>' + IMAGE_FIRST, processor={'do_image_splitting': False}
    ),
    'idefics3-tiles': Family(save_idefics3, '<s>' + IMAGE_FIRST),
    'llava': Family(save_llava, '<s>' + IMAGE_FIRST),
    'llava-next': Family(save_llava_next, '<s>' + IMAGE_FIRST),
    'vipllava': Family(save_vipllava, '<s>' + IMAGE_FIRST),
    'gemma3': Family(save_gemma3, '<s><boi>{instruction}'),
    'aya-vision': Family(save_aya_vision, '<s>' + IMAGE_FIRST),
    'kosmos2': Family(save_kosmos2),
}


# One family for each way to preprocess: as tensors, resized as tensors, by the processor.
PIXEL_FAMILIES = ('blip2', 'idefics3', 'idefics3-tiles')


def family_vla(
    folder: Path, family: str, image_size: int = 40, seed: int = 0, **changes: object
) -> VLA:
    """Return a policy with adapters on the model in a folder; `changes` are `backbone` settings.

    The model is written first if the folder does not exist.
    """
    if not folder.exists():
        FAMILIES[family].save(folder)
    torch.manual_seed(seed)
    options = {
        'kind': 'pretrained',
        'source': str(folder),
        'train': 'lora',
        'max_text_tokens': 12,
        'lora': LoraConfig(rank=2, dropout=0.0, targets=FAMILIES[family].targets),
    }
    backbone = BackboneConfig(**options | FAMILIES[family].options | changes)
    return VLA(tiny_config(image_size=image_size, backbone=backbone), statistics()).eval()

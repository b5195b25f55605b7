# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The number of parameters of a preset's VLM, from the headers of its weight files."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
import math
from pathlib import Path
import re
import struct

from irevla_policy.model.config import BackboneConfig

BYTES = {'float32': 4, 'bfloat16': 2, 'float16': 2}
# A tiny VLM has less than this.
TINY_PARAMETERS = 1_000_000
# A header longer than this is none [bytes].
LONGEST_HEADER = 100_000_000
# The size in a name, such as blip2-opt-2.7b or SmolVLM-256M.
IN_NAME = re.compile(r'(?<![\w.])(\d+(?:\.\d+)?)([bm])(?![a-z])', re.I)


@dataclass(frozen=True)
class VlmSize:
    """The size of a VLM.

    Attributes:
        parameters: their number.
        bytes: memory of its weights in the preset's dtype [bytes].
        source: where the number is from, '' if it is counted.

    """

    parameters: float
    bytes: float
    source: str = ''

    def __str__(self) -> str:
        """Return the number and the memory."""
        count = f'{self.parameters / 1e9:.2f} billion parameters{self.source}'
        return f'a VLM of {count} ({self.bytes / 1e9:.1f} GB)'


def vlm_size(backbone: BackboneConfig, cache: Path) -> VlmSize | None:
    """Return the size of a preset's VLM; None if it is neither on this machine nor in the name.

    Args:
        backbone: its configuration.
        cache: folder of models downloaded from the hub.

    """
    each = BYTES[backbone.dtype]
    if backbone.kind == 'tiny':
        return VlmSize(TINY_PARAMETERS, TINY_PARAMETERS * each)
    parameters = counted(weights_folder(backbone.source, cache))
    if parameters:
        return VlmSize(parameters, parameters * each)
    found = IN_NAME.search(backbone.source.rpartition('/')[2])
    if not found:
        return None
    parameters = float(found[1]) * (1e9 if found[2].lower() == 'b' else 1e6)
    return VlmSize(parameters, parameters * each, ' by its name (not on this machine)')


def weights_folder(source: str, cache: Path) -> Path:
    """Return the folder of a source: a folder, or a hub id and the newest snapshot of it."""
    if Path(source).is_dir():
        return Path(source)
    snapshots = cache / f'models--{source.replace("/", "--")}' / 'snapshots'
    found = sorted(snapshots.glob('*'), key=lambda folder: folder.stat().st_mtime)
    return found[-1] if found else snapshots


def hub_cache(environment: Mapping[str, str]) -> Path:
    """Return the folder of models downloaded from the hub."""
    home = environment.get('HF_HOME') or Path.home() / '.cache/huggingface'
    return Path(environment.get('HF_HUB_CACHE') or Path(home) / 'hub')


def counted(folder: Path) -> float:
    """Return the number of parameters in the safetensors files of a folder; 0 without any."""
    files = [folder / 'model.safetensors', *folder.glob('model-*-of-*.safetensors')]
    return sum(_in_file(file) for file in files if file.is_file())


def _in_file(file: Path) -> int:
    """Return the number of parameters in a file; 0 if it is no safetensors file."""
    try:
        with file.open('rb') as opened:
            (length,) = struct.unpack('<Q', opened.read(8))
            tensors = json.loads(opened.read(length)) if length < LONGEST_HEADER else {}
        return sum(
            math.prod(tensor['shape'])
            for name, tensor in tensors.items()
            if name != '__metadata__'
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, struct.error):
        return 0

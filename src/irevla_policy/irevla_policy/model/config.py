# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What a policy is made of, as data: presets in YAML, checkpoints in JSON."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from irevla_policy.settings import SettingError, Settings, build, setting


def _require(condition: bool, key: str, problem: str) -> None:
    if not condition:
        raise SettingError(key, f'{key} {problem}')


@dataclass(frozen=True)
class LoraConfig(Settings):
    """Low-rank adaptation of the backbone (section IV-A); targets are endings of module names."""

    rank: int = setting(16, least=1)
    alpha: float = setting(32.0, above=0)
    dropout: float = setting(0.05, least=0, below=1)
    targets: tuple[str, ...] = ('q_proj', 'v_proj')

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(bool(self.targets), 'targets', 'is empty; name at least one module')


@dataclass(frozen=True)
class TinyConfig(Settings):
    """The size of a BLIP-2 that is built small and trained from scratch."""

    width: int = setting(96, least=1)
    attention_heads: int = setting(4, least=1)
    mlp_ratio: int = setting(2, least=1)
    patch: int = setting(12, least=1)
    vision_layers: int = setting(0, least=0)
    queries: int = setting(8, least=1)
    qformer_layers: int = setting(1, least=1)
    text_layers: int = setting(2, least=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(self.patch % 4 == 0, 'patch', f'is {self.patch}; use a multiple of 4')
        _require(
            self.width % self.attention_heads == 0 and self.width % 4 == 0,
            'width',
            f'is {self.width}; use a multiple of attention_heads '
            f'({self.attention_heads}) and of 4',
        )


@dataclass(frozen=True)
class BackboneConfig(Settings):
    """The vision-language model.

    Attributes:
        kind: 'tiny' (built small from random weights) or 'pretrained' (loaded from `source`).
        source: folder or hub id of any image-text-to-text model of transformers.
        dtype: of a pretrained backbone's weights; half precision needs train 'lora', whose
            adapters are float32 always, as the head is.
        lora: adapters to add, or None.
        train: 'all' weights or the 'lora' adapters only; both train the head too.
        max_text_tokens: longest instruction; a longer one is refused, never cut.
        prompt: what the model reads; '{instruction}' is replaced. Models that want their image
            token written out have it here.
        processor: options for the source's processor, for example to switch tiling off.
        tiny: size of the tiny kind.

    """

    kind: Literal['tiny', 'pretrained'] = 'tiny'
    source: str = ''
    dtype: Literal['float32', 'bfloat16', 'float16'] = 'float32'
    lora: LoraConfig | None = None
    train: Literal['all', 'lora'] = 'all'
    max_text_tokens: int = setting(32, least=1)
    prompt: str = '{instruction}'
    processor: dict = field(default_factory=dict)
    tiny: TinyConfig | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(
            '{instruction}' in self.prompt,
            'prompt',
            f"is {self.prompt!r}; it must contain '{{instruction}}'",
        )
        if self.kind == 'tiny':
            _require(self.tiny is not None, 'tiny', 'is missing; give the sizes')
            _require(
                not self.source,
                'source',
                f'is {self.source!r}; a tiny backbone has none, leave it out',
            )
        else:
            _require(self.tiny is None, 'tiny', "needs backbone.kind 'tiny'; leave it out")
            _require(bool(self.source), 'source', 'is empty; give a folder or a hub id')
        _require(
            (self.train == 'lora') == (self.lora is not None),
            'train',
            f'is {self.train!r} but backbone.lora is {self.lora}; '
            "give lora exactly when train is 'lora'",
        )


@dataclass(frozen=True)
class HeadConfig(Settings):
    """The light head: token learner, then an MLP.

    Attributes:
        hidden: hidden layers of the MLP.
        chunk_size: number k of actions that one pass decides, one for each of k observations.
        queries: learned queries of the token learner; each pools the latent into its own part of
            the width.

    """

    hidden: tuple[int, ...] = setting((256, 256), least=1)
    chunk_size: int = setting(1, least=1, most=64)
    # Checkpoints and presets that do not say have one query.
    queries: int = setting(1, least=1)


@dataclass(frozen=True)
class PolicyConfig(Settings):
    """A whole policy. Images of every camera are square, `image_size` pixels a side."""

    what: ClassVar[str] = 'preset'

    cameras: tuple[str, ...]
    image_size: int = setting(least=1)
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    head: HeadConfig = field(default_factory=HeadConfig)

    def __post_init__(self) -> None:
        super().__post_init__()
        _require(bool(self.cameras), 'cameras', 'is empty; name at least one camera')
        _require(
            len(set(self.cameras)) == len(self.cameras),
            'cameras',
            f'is {self.cameras} with a name twice; name each camera once',
        )

    def check_trainable(self) -> None:
        """Raise SettingError where training of the backbone would be lost in rounding."""
        backbone = self.backbone
        _require(
            backbone.kind == 'tiny' or backbone.train == 'lora' or backbone.dtype == 'float32',
            'backbone.dtype',
            f"is {backbone.dtype!r} with backbone.train 'all': steps of training are lost in the "
            'rounding of half precision; use float32 (with precision: bf16 in the training '
            "settings, for speed), or backbone.train 'lora'",
        )

    def check_new(self) -> None:
        """Raise SettingError for what the model would not obey; older checkpoints may have it."""
        self.check_trainable()
        backbone = self.backbone
        if backbone.kind != 'tiny':
            return
        _require(
            backbone.dtype == 'float32',
            'backbone.dtype',
            f'is {backbone.dtype!r}; a tiny backbone has float32 weights, use float32 (with '
            'precision: bf16 in the training settings, for speed)',
        )
        _require(
            backbone.train == 'all',
            'backbone.train',
            f"is {backbone.train!r}; a tiny backbone trains all its weights, use 'all' and leave "
            'backbone.lora out',
        )
        _require(
            not backbone.processor,
            'backbone.processor',
            f'is {backbone.processor}; a tiny backbone has no processor, leave it out',
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON or YAML.

        A chunk size of 1 and one query are left out, so that what was written before these
        settings stays valid.
        """
        data = asdict(self)
        for name in ('chunk_size', 'queries'):
            if data['head'][name] == 1:
                del data['head'][name]
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> 'PolicyConfig':
        """Build from plain data; ConfigError names a key or value that does not fit."""
        return build(cls, data)


def load_preset(path: str | Path) -> PolicyConfig:
    """Read a preset from a YAML file; ConfigError says what does not fit, and where."""
    return PolicyConfig.load(Path(path))

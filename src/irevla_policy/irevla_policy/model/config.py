# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What a policy is made of, as data: presets in YAML, checkpoints in JSON."""

from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import yaml

from irevla_control.errors import ConfigError, one_line

T = TypeVar('T')


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ConfigError(message)


@dataclass(frozen=True)
class LoraConfig:
    """Low-rank adaptation of the backbone (section IV-A); targets are endings of module names."""

    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.05
    targets: tuple[str, ...] = ('q_proj', 'v_proj')

    def __post_init__(self) -> None:
        _require(self.rank >= 1, f'lora.rank is {self.rank}; use 1 or more')
        _require(self.alpha > 0, f'lora.alpha is {self.alpha}; use more than 0')
        _require(0 <= self.dropout < 1, f'lora.dropout is {self.dropout}; use 0 to below 1')
        _require(bool(self.targets), 'lora.targets is empty; name at least one module')


@dataclass(frozen=True)
class TinyConfig:
    """The size of a BLIP-2 that is built small and trained from scratch."""

    width: int = 96
    attention_heads: int = 4
    mlp_ratio: int = 2
    patch: int = 12
    vision_layers: int = 0
    queries: int = 8
    qformer_layers: int = 1
    text_layers: int = 2

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            least = 0 if item.name == 'vision_layers' else 1
            _require(value >= least, f'tiny.{item.name} is {value}; use {least} or more')
        _require(self.patch % 4 == 0, f'tiny.patch is {self.patch}; use a multiple of 4')
        _require(self.width % self.attention_heads == 0 and self.width % 4 == 0,
                 f'tiny.width is {self.width}; use a multiple of tiny.attention_heads '
                 f'({self.attention_heads}) and of 4')


@dataclass(frozen=True)
class BackboneConfig:
    """The vision-language model.

    Attributes:
        kind: 'tiny' (built small from random weights) or 'pretrained' (loaded from `source`).
        source: folder or hub id of any image-text-to-text model of transformers.
        dtype: of the backbone's weights; the head is float32 always.
        lora: adapters to add, or None.
        train: 'all' weights or the 'lora' adapters only; both train the head too.
        max_text_tokens: longest instruction; a longer one is refused, never cut.
        prompt: what the model reads; '{instruction}' is replaced. Models that want their image
            token written out have it here.
        processor: options for the source's processor, for example to switch tiling off.
        tiny: size of the tiny kind.

    """

    kind: str = 'tiny'
    source: str = ''
    dtype: str = 'float32'
    lora: LoraConfig | None = None
    train: str = 'all'
    max_text_tokens: int = 32
    prompt: str = '{instruction}'
    processor: dict = field(default_factory=dict)
    tiny: TinyConfig | None = None

    def __post_init__(self) -> None:
        for name, choices in (('kind', ('tiny', 'pretrained')), ('train', ('all', 'lora')),
                              ('dtype', ('float32', 'bfloat16', 'float16'))):
            value = getattr(self, name)
            _require(value in choices, f'backbone.{name} is {value!r}; use one of {choices}')
        _require(self.max_text_tokens >= 1,
                 f'backbone.max_text_tokens is {self.max_text_tokens}; use 1 or more')
        _require('{instruction}' in self.prompt,
                 f"backbone.prompt is {self.prompt!r}; it must contain '{{instruction}}'")
        if self.kind == 'tiny':
            _require(self.tiny is not None, 'backbone.tiny is missing; give the sizes')
            _require(not self.source,
                     f'backbone.source is {self.source!r}; a tiny backbone has none, leave it out')
        else:
            _require(self.tiny is None, "backbone.tiny needs backbone.kind 'tiny'; leave it out")
            _require(bool(self.source),
                     'backbone.source is empty; give a folder or a hub id')
        _require((self.train == 'lora') == (self.lora is not None),
                 f"backbone.train is {self.train!r} but backbone.lora is {self.lora}; "
                 "give lora exactly when train is 'lora'")


@dataclass(frozen=True)
class HeadConfig:
    """The light head: token learner, then an MLP with these hidden layers."""

    hidden: tuple[int, ...] = (256, 256)

    def __post_init__(self) -> None:
        _require(all(size >= 1 for size in self.hidden),
                 f'head.hidden is {self.hidden}; use sizes of 1 or more')


@dataclass(frozen=True)
class PolicyConfig:
    """A whole policy. Images of every camera are square, `image_size` pixels a side."""

    cameras: tuple[str, ...]
    image_size: int
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    head: HeadConfig = field(default_factory=HeadConfig)

    def __post_init__(self) -> None:
        _require(bool(self.cameras), 'cameras is empty; name at least one camera')
        _require(len(set(self.cameras)) == len(self.cameras),
                 f'cameras {self.cameras} has a name twice; name each camera once')
        _require(self.image_size >= 1, f'image_size is {self.image_size}; use 1 or more pixels')

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON or YAML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> 'PolicyConfig':
        """Build from plain data; ConfigError names a key or value that does not fit."""
        return _build(cls, data, '')


def load_preset(path: str | Path) -> PolicyConfig:
    """Read a preset from a YAML file; ConfigError says what does not fit, and where."""
    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f'preset {path} cannot be read: {one_line(error)}') from error
    try:
        return PolicyConfig.from_dict(data)
    except ConfigError as error:
        raise ConfigError(f'preset {path}: {error}') from error


def _build(cls: type[T], data: Any, where: str) -> T:
    """Make a dataclass from a mapping, strict about keys and types."""
    if not isinstance(data, dict):
        raise ConfigError(f'{where or "the preset"} is {data!r}; a mapping of keys is needed')
    hints = get_type_hints(cls)
    for key in data:
        if key not in hints:
            raise ConfigError(f'unknown key {_join(where, key)}; known keys here: '
                              f'{", ".join(hints)}')
    try:
        return cls(**{key: _convert(hints[key], value, _join(where, key))
                      for key, value in data.items()})
    except TypeError as error:
        raise ConfigError(f'{where or "the preset"} lacks a key: {error}') from error


def _convert(hint: Any, value: Any, where: str) -> Any:
    if isinstance(hint, UnionType):
        if value is None and NoneType in get_args(hint):
            return None
        hint = next(option for option in get_args(hint) if option is not NoneType)
    if is_dataclass(hint):
        return _build(hint, value, where)
    if get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f'{where} is {value!r}; a list is needed')
        return tuple(_convert(get_args(hint)[0], item, where) for item in value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ConfigError(f'{where} is {value!r}; {hint.__name__} is needed')
    return value


def _join(where: str, key: Any) -> str:
    return f'{where}.{key}' if where else str(key)

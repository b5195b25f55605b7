# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings that have a new name: files of settings must use it, records may have the old one."""

from collections.abc import Callable, Container
from typing import Any

RENAMED = {
    'averaging': 'actor_ema',
    'cloning': 'bc_weight',
    'components': 'pca_components',
    'copies': 'num_envs',
    'critics': 'num_critics',
    'decisions': 'env_steps',
    'ema_decay': 'ema',
    'improvement': 'algorithm1',
    'polyak': 'target_tau',
    'window': 'success_window',
}
# The value of a new setting, where it is not that of the old one.
CONVERTED: dict[str, Callable[[float], float]] = {
    # Rounded, so that 0.999 becomes 0.001 and not the nearest difference of binary fractions.
    'ema_decay': lambda decay: round(1 - decay, 12),
}


def renamed_hint(name: str, value: Any, known: Container[str]) -> str:
    """Return what replaces a setting of an old name if its new one is known, else ''."""
    new = RENAMED.get(name, '')
    if new not in known:
        return ''
    if name in CONVERTED and isinstance(value, int | float):
        return (
            f'{name} is now {new} and means 1 - {name}: write {new}: {CONVERTED[name](value):.12g}'
        )
    return f'{name} is now {new}: write {new}: {value}'


def with_new_names(record: Any) -> Any:
    """Return recorded JSON values with the new names, and their values, of renamed settings."""
    if isinstance(record, list):
        return [with_new_names(item) for item in record]
    if not isinstance(record, dict):
        return record
    return {
        RENAMED.get(name, name): _converted(name, with_new_names(value))
        for name, value in record.items()
    }


def _converted(name: str, value: Any) -> Any:
    return CONVERTED[name](value) if name in CONVERTED else value

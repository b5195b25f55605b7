# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Loads the weights of a pretrained model; refuses a model with a weight missing in its files."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from transformers import AutoModelForImageTextToText, PreTrainedModel
from transformers.utils import logging

from irevla_control.errors import ConfigError, one_line
from irevla_policy.sources.optional_packages import missing_packages

# Largest number of names in an error.
_SHOWN = 4


def load_weights(source: str, dtype: torch.dtype) -> tuple[PreTrainedModel, int]:
    """Return the model without its vocabulary layer, and the width d of its hidden states.

    `logits` of this model are its last hidden states. Raises ConfigError if it cannot be loaded,
    a weight is missing or has another shape, or the model is no decoder.
    """
    try:
        with _without_report():
            # Safetensors only: other weight files can run code.
            model, report = AutoModelForImageTextToText.from_pretrained(
                source,
                dtype=dtype,
                use_safetensors=True,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except Exception as error:  # model families raise different types
        reason = missing_packages(error) or (
            f'{one_line(error)}; give a folder or hub id of an image-text-to-text model with '
            'safetensors weights'
        )
        raise ConfigError(f'backbone.source {source!r} cannot be loaded: {reason}') from error
    vocabulary_layer = model.get_output_embeddings()
    if model.config.is_encoder_decoder or not isinstance(vocabulary_layer, nn.Linear):
        raise ConfigError(
            f'backbone.source {source!r} ({type(model).__name__}) has no '
            'decoder-only language model; choose another'
        )
    _check_report(source, model, vocabulary_layer, report)
    model.set_output_embeddings(nn.Identity())
    # Some decoders bound the outputs of the vocabulary layer.
    model.config.get_text_config().final_logit_softcapping = None
    return model, vocabulary_layer.in_features


@contextmanager
def _without_report() -> Iterator[None]:
    """Suppress transformers' table of missing weights; the ConfigError names them."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def _check_report(
    source: str, model: PreTrainedModel, vocabulary_layer: nn.Linear, report: dict
) -> None:
    """Refuse a model with weights that are not in its files, because they are random."""
    replaced = tuple(
        f'{name}.' for name, module in model.named_modules() if module is vocabulary_layer
    )
    missing = sorted(name for name in report['missing_keys'] if not name.startswith(replaced))
    mismatched = sorted(
        row for row in report['mismatched_keys'] if not row[0].startswith(replaced)
    )
    problems = []
    if missing:
        problems.append(f'{len(missing)} weights are missing: {_some(missing)}')
    if mismatched:
        problems.append(
            f'{len(mismatched)} weights have another shape than config.json says: '
            + _some(
                [
                    f'{name} {tuple(found)} instead of {tuple(expected)}'
                    for name, found, expected in mismatched
                ]
            )
        )
    if not problems:
        return
    if report['unexpected_keys']:
        names = sorted(report['unexpected_keys'])
        problems.append(f'{len(names)} are there that the model does not have: {_some(names)}')
    raise ConfigError(
        f'backbone.source {source!r} ({type(model).__name__}): '
        f'{", and ".join(problems)}; give weights and config.json of one and the '
        'same model, saved by its save_pretrained'
    )


def _some(names: list[str]) -> str:
    more = ', ...' if len(names) > _SHOWN else ''
    return ', '.join(names[:_SHOWN]) + more

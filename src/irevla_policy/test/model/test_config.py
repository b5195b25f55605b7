# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import pytest
import yaml

from irevla_control.errors import ConfigError
from irevla_policy.model.config import PolicyConfig, load_preset

PRESETS = Path(__file__).parents[4] / 'config' / 'presets'
SHIPPED = sorted(PRESETS.glob('*.yaml'))


def changed(**changes):
    """Return the tiny preset as data with changes; '__' joins the keys of nested levels."""
    data = yaml.safe_load((PRESETS / 'tiny.yaml').read_text())
    for path, value in changes.items():
        *parents, key = path.split('__')
        level = data
        for parent in parents:
            level = level[parent]
        level[key] = value
    return data


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_shipped_preset_is_the_same_after_json(path):
    config = load_preset(path)
    assert PolicyConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_every_line_of_a_shipped_preset_has_a_comment(path):
    assert all('#' in line for line in path.read_text().splitlines())


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'camera': ['front']}, 'unknown key camera'),
        ({'backbone__tiny__depth': 3}, 'unknown key backbone.tiny.depth'),
        ({'cameras': 'front'}, "cameras is 'front'; a list"),
        ({'cameras': []}, 'cameras is empty'),
        ({'cameras': ['front', 'front']}, 'a name twice'),
        ({'image_size': 0}, 'image_size is 0'),
        ({'image_size': 84.5}, 'image_size is 84.5; a whole number of 1 or more'),
        ({'image_size': True}, 'image_size is True; a whole number of 1 or more'),
        ({'backbone__kind': 'huge'}, "backbone.kind is 'huge'"),
        ({'backbone__dtype': 'int8'}, "backbone.dtype is 'int8'"),
        ({'backbone__train': 'head'}, "backbone.train is 'head'"),
        ({'backbone__source': 'some/model'}, 'leave it out'),
        ({'backbone__tiny': None}, 'backbone.tiny is missing'),
        ({'backbone__kind': 'pretrained'}, "backbone.tiny needs backbone.kind 'tiny'"),
        ({'backbone__kind': 'pretrained', 'backbone__tiny': None}, 'backbone.source is empty'),
        ({'backbone__prompt': 'go'}, 'backbone.prompt'),
        ({'backbone__max_text_tokens': 0}, 'max_text_tokens is 0'),
        ({'backbone__train': 'lora'}, 'give lora exactly when'),
        ({'backbone__lora': {'rank': 4}}, 'give lora exactly when'),
        ({'backbone__train': 'lora', 'backbone__lora': {'rank': 0}}, 'lora.rank is 0'),
        ({'backbone__train': 'lora', 'backbone__lora': {'dropout': 1.0}}, 'lora.dropout is 1.0'),
        ({'backbone__train': 'lora', 'backbone__lora': {'alpha': 0}}, 'lora.alpha is 0'),
        ({'backbone__train': 'lora', 'backbone__lora': {'targets': []}}, 'lora.targets is empty'),
        ({'backbone__tiny__width': 90}, 'tiny.width is 90'),
        ({'backbone__tiny__queries': 0}, 'tiny.queries is 0'),
        ({'head__hidden': [0]}, 'head.hidden'),
        ({'head': 5}, 'head is 5'),
    ],
)
def test_preset_with_a_wrong_value_is_refused_with_the_key(tmp_path, changes, message):
    path = tmp_path / 'preset.yaml'
    path.write_text(yaml.safe_dump(changed(**changes)))
    with pytest.raises(ConfigError) as caught:
        load_preset(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize('text', ['cameras: [', '', '- 1', 'image_size: 84'])
def test_file_that_is_no_preset_is_refused(tmp_path, text):
    path = tmp_path / 'preset.yaml'
    path.write_text(text)
    with pytest.raises(ConfigError, match='preset'):
        load_preset(path)


def test_missing_preset_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='cannot be read'):
        load_preset(tmp_path / 'none.yaml')

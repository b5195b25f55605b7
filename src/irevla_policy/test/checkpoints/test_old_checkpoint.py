# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A checkpoint of an earlier release gives its old actions; a later format is refused."""

import json
from pathlib import Path
import shutil

import numpy as np
import pytest

from irevla_policy.checkpoints.checkpoint import load_checkpoint
from irevla_policy.checkpoints.files import CheckpointError, read_manifest
from irevla_policy.checkpoints.latent_checkpoint import load_latent_policy, save_latent_policy

FOLDER = Path(__file__).parents[1] / 'format_1' / 'policy'
CAMERAS = ('front', 'wrist')
# The action that the earlier release computed.
ACTION = [
    -0.006895872110658046,
    0.0031935302115592493,
    0.0035947191266004104,
    0.0119557627058946,
    -0.005119018433449573,
    0.00772254046418077,
    -0.0029514171784307264,
]


def test_a_checkpoint_of_format_1_gives_its_old_actions():
    vla = load_checkpoint(FOLDER)
    grey = {camera: np.full((16, 16, 3), 100, np.uint8) for camera in CAMERAS}
    np.testing.assert_allclose(
        vla.step(grey, np.zeros(10), 'lift the red cube').action, ACTION, atol=1e-5
    )
    assert {name: view.flat[0] for name, view in vla.views.items()} == {'front': 100, 'wrist': 101}
    assert read_manifest(FOLDER)['extra'] == {'step': 7, 'task': 'lift'}


def test_a_head_learned_on_a_checkpoint_of_format_1_is_saved_whole(tmp_path):
    policy = load_latent_policy(FOLDER)
    save_latent_policy(tmp_path / 'new', FOLDER, policy)
    assert load_checkpoint(tmp_path / 'new').backbone_hash == policy.backbone_hash


@pytest.mark.parametrize('version', [0, 2, '1', None])
def test_a_checkpoint_of_another_format_is_refused_in_one_line(tmp_path, version):
    folder = shutil.copytree(FOLDER, tmp_path / 'policy')
    manifest = json.loads((folder / 'manifest.json').read_text())
    (folder / 'manifest.json').write_text(json.dumps(manifest | {'version': version}))
    for load in (load_checkpoint, load_latent_policy, read_manifest):
        with pytest.raises(
            CheckpointError, match=f'has version {version!r}, this program reads'
        ) as caught:
            load(folder)
        assert '\n' not in str(caught.value)

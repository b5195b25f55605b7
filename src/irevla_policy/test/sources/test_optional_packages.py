# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path
import subprocess
import sys

import pytest

from irevla_policy.sources import optional_packages
from irevla_policy.sources.optional_packages import missing_packages

HELPERS = Path(__file__).resolve().parents[1]
# PyPI's torchvision raises this error with a CPU build of torch.
BROKEN = "raise RuntimeError('operator torchvision::nms does not exist')\n"
PROGRAM = """
import sys
import torch
from irevla_control.errors import ConfigError
from irevla_policy.model.backbone import Backbone
from irevla_policy.model.config import BackboneConfig, TinyConfig
tiny = Backbone(BackboneConfig(tiny=TinyConfig(width=32, attention_heads=2)), 24, ['press'])
print('tiny', tuple(tiny(torch.zeros(1, 1, 24, 24, 3, dtype=torch.uint8), ['press']).shape))
from pathlib import Path
from video_families import save_lfm2_vl_processor
try:
    Backbone(BackboneConfig(kind='pretrained', source=str(save_lfm2_vl_processor(
        Path(sys.argv[1])))), 24)
except ConfigError as error:
    print(error)
"""


def test_torchvision_of_another_build_breaks_only_models_that_need_it(tmp_path):
    (tmp_path / 'torchvision').mkdir()
    (tmp_path / 'torchvision/__init__.py').write_text(BROKEN)
    described = tmp_path / 'torchvision-0.1.2.dist-info'
    described.mkdir()
    (described / 'METADATA').write_text(
        'Metadata-Version: 2.1\nName: torchvision\nVersion: 0.1.2\n'
    )
    paths = [str(tmp_path), str(HELPERS), os.environ.get('PYTHONPATH', '')]
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM, tmp_path / 'source'],
        text=True,
        capture_output=True,
        env=os.environ | {'PYTHONPATH': os.pathsep.join(paths)},
    )
    assert done.returncode == 0, done.stderr
    tiny, refusal = done.stdout.splitlines()
    assert tiny == 'tiny (1, 10, 32)'
    assert 'torchvision 0.1.2 is there, but does not work beside torch' in refusal
    assert '(RuntimeError: operator torchvision::nms does not exist)' in refusal
    assert '-m pip install --force-reinstall --no-deps ' in refusal
    assert 'torchvision==0.' in refusal
    assert 'torchvision 0.1.2 does not work beside torch' in done.stderr


def test_the_command_quotes_the_path_of_python(monkeypatch):
    monkeypatch.setattr(optional_packages, '_missing', lambda _: True)
    monkeypatch.setattr(sys, 'executable', '/home/my lab/bin/python')
    assert missing_packages(ImportError('num2words')).endswith(
        "run `'/home/my lab/bin/python' -m pip install num2words`"
    )


@pytest.mark.parametrize(
    ('torch', 'torchvision', 'more'),
    [
        ('2.11.0', '0.26.0', ''),
        ('2.14.1', '0.29.1', ''),
        ('2.13.0+cpu', '0.28.0', '--index-url https://download.pytorch.org/whl/cpu '),
        ('2.13.0+cu130', '0.28.0', '--index-url https://download.pytorch.org/whl/cu130 '),
    ],
)
def test_the_suggested_torchvision_matches_torch(monkeypatch, torch, torchvision, more):
    monkeypatch.setattr(optional_packages, '_missing', lambda _: True)
    monkeypatch.setattr(optional_packages, '_version', lambda _: torch)
    line = missing_packages(ImportError('AutoVideoProcessor requires the Torchvision library'))
    assert line.endswith(f'-m pip install {more}torchvision=={torchvision}`')


def test_several_packages_are_named_in_one_command(monkeypatch):
    monkeypatch.setattr(optional_packages, '_missing', lambda _: True)
    line = missing_packages(ImportError('you need `timm` and mistral_common'))
    assert 'needs timm and mistral-common,' in line
    assert line.endswith('pip install timm mistral-common`')


def test_torchvision_has_a_separate_command(monkeypatch):
    monkeypatch.setattr(optional_packages, '_missing', lambda _: True)
    monkeypatch.setattr(optional_packages, '_version', lambda _: '2.13.0+cpu')
    line = missing_packages(ImportError('requires Torchvision and timm'))
    assert f'whl/cpu torchvision==0.28.0 && {sys.executable} -m pip install timm`' in line


def test_an_installed_package_with_another_module_name_is_found():
    """The package protobuf is the module google.protobuf."""
    pytest.importorskip('google.protobuf')
    assert missing_packages(ImportError('requires the protobuf library')) == ''


def test_a_module_of_a_missing_package_is_reported(monkeypatch):
    monkeypatch.setitem(optional_packages._MODULES, 'protobuf', 'no_such_package.protobuf')
    assert 'needs protobuf,' in missing_packages(ImportError('requires the protobuf library'))


def test_another_import_error_is_not_explained():
    assert missing_packages(ImportError('cannot import name x from numpy')) == ''

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Finds missing packages that transformers needs for some models, and how to install them."""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
import logging
import re
from shlex import quote
import sys
from typing import Any

# Names in transformers' messages, and the name of the package if it differs.
_PACKAGES = {
    'torchvision': '',
    'num2words': '',
    'sentencepiece': '',
    'tiktoken': '',
    'timm': '',
    'einops': '',
    'mistral_common': 'mistral-common',
    'pytesseract': '',
    'librosa': '',
    'soundfile': '',
    'torchaudio': '',
    'protobuf': '',
    'detectron2': '',
}
TORCH_INDEX = 'https://download.pytorch.org/whl'
# Modules of packages whose names differ.
_MODULES = {'protobuf': 'google.protobuf'}
_broken_torchvision = ''


def hide_broken_torchvision() -> None:
    """Hide an installed torchvision that cannot be imported.

    transformers imports torchvision with every model, and a build for another torch raises. Call
    this before transformers is imported.
    """
    global _broken_torchvision
    if 'torchvision' in sys.modules or find_spec('torchvision') is None:
        return
    try:
        import torchvision  # noqa: F401
    except Exception as error:  # RuntimeError, OSError, ...: any error of its import
        # Python treats None as "not installed".
        modules: dict[str, Any] = sys.modules
        modules['torchvision'] = None
        _broken_torchvision = f'{type(error).__name__}: {error}'.splitlines()[0]
        logging.getLogger(__name__).warning(
            'torchvision %s does not work beside torch %s and is not used (%s)',
            _version('torchvision'),
            _version('torch'),
            _broken_torchvision,
        )


def missing_packages(error: Exception) -> str:
    """Return the missing packages that an error names and the install command, in one line.

    Returns '' if the error names no known package.
    """
    text = str(error)
    if not isinstance(error, ImportError):
        text = text.partition('Missing optional dependencies:')[2]
    words = set(re.findall(r'\w+', text.lower()))
    names = [_PACKAGES[word] or word for word in _PACKAGES if word in words and _missing(word)]
    if not names:
        return ''
    broken = ''
    if 'torchvision' in names and _broken_torchvision:
        broken = (
            f'; torchvision {_version("torchvision")} is there, but does not work beside '
            f'torch {_version("torch")} ({_broken_torchvision})'
        )
    return (
        f'it needs {" and ".join(names)}, which make setup does not install{broken}: run '
        f'`{" && ".join(_commands(names))}`'
    )


def _commands(names: list[str]) -> list[str]:
    """Return the commands that install packages; torchvision's own command has options."""
    pip = f'{quote(sys.executable)} -m pip install'
    commands = []
    if 'torchvision' in names:
        # pip accepts an installed build of the same release for another torch.
        replace = '--force-reinstall --no-deps ' if _broken_torchvision else ''
        commands.append(f'{pip} {replace}{_torchvision_index()}{_torchvision()}')
    others = [name for name in names if name != 'torchvision']
    return [*commands, f'{pip} {" ".join(others)}'] if others else commands


def _missing(word: str) -> bool:
    try:
        return find_spec(_MODULES.get(word, word)) is None
    except ModuleNotFoundError:  # the parent package is missing too
        return True


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return '(unknown version)'


def _torchvision() -> str:
    """Return pip's requirement of the torchvision release that fits the installed torch."""
    release = re.match(r'2\.(\d+)\.(\d+)', _version('torch'))
    return f'torchvision==0.{int(release[1]) + 15}.{release[2]}' if release else 'torchvision'


def _torchvision_index() -> str:
    """Return pip's index option if torch is a build that PyPI does not have."""
    build = _version('torch').partition('+')[2]
    return f'--index-url {TORCH_INDEX}/{build} ' if build else ''

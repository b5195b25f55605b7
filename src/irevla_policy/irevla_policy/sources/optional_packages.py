# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Packages that transformers needs for some models only: which is missing, how to install it."""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
import logging
import re
from shlex import quote
import sys
from typing import Any

# Names in transformers' messages, and the package that each one means where it differs.
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
# Modules of packages where they have another name.
_MODULES = {'protobuf': 'google.protobuf'}
_broken_torchvision = ''


def hide_broken_torchvision() -> None:
    """Make a torchvision that cannot be imported look as if it were not installed.

    transformers imports it with every model, and one that was built for another torch raises. To
    be called before transformers is imported.
    """
    global _broken_torchvision
    if 'torchvision' in sys.modules or find_spec('torchvision') is None:
        return
    try:
        import torchvision  # noqa: F401
    except Exception as error:  # RuntimeError, OSError, ...: whatever its own code ends in
        # What Python itself takes for "not installed".
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
    """Return which packages loading failed for and the command that installs them, in a line.

    Returns '' when the error is about none, or names none that is known.
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
    """Return the commands that install packages: torchvision alone, since it has options."""
    pip = f'{quote(sys.executable)} -m pip install'
    commands = []
    if 'torchvision' in names:
        # pip takes another build of the same release for what was asked for.
        replace = '--force-reinstall --no-deps ' if _broken_torchvision else ''
        commands.append(f'{pip} {replace}{_torchvision_index()}{_torchvision()}')
    others = [name for name in names if name != 'torchvision']
    return [*commands, f'{pip} {" ".join(others)}'] if others else commands


def _missing(word: str) -> bool:
    try:
        return find_spec(_MODULES.get(word, word)) is None
    except ModuleNotFoundError:  # not even the package around it is there
        return True


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return '(unknown version)'


def _torchvision() -> str:
    """Return what pip is asked for: the release of torchvision that keeps this torch."""
    release = re.match(r'2\.(\d+)\.(\d+)', _version('torch'))
    return f'torchvision==0.{int(release[1]) + 15}.{release[2]}' if release else 'torchvision'


def _torchvision_index() -> str:
    """Return pip's option for where to get it, if torch is a build that PyPI does not have."""
    build = _version('torch').partition('+')[2]
    return f'--index-url {TORCH_INDEX}/{build} ' if build else ''

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Packages that the set-up installs beside others, and the build of torch that it selects."""

import hashlib
from pathlib import Path
import subprocess
import sys
from types import SimpleNamespace
import zipfile

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path('bin') / 'python'


def write_wheel(folder, name, version, script):
    """Write a wheel with one program; return the file."""
    file = folder / f'{name}-{version}-py3-none-any.whl'
    info = f'{name}-{version}.dist-info'
    with zipfile.ZipFile(file, 'w') as wheel:
        wheel.writestr(f'{name}-{version}.data/scripts/{script}', f'#!python\n{version}\n')
        wheel.writestr(
            f'{info}/METADATA', f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n'
        )
        wheel.writestr(
            f'{info}/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n'
        )
        wheel.writestr(f'{info}/RECORD', '')
    return file


@pytest.fixture(scope='module')
def venv(tmp_path_factory):
    """Return a virtual environment as the set-up makes it with a sourced system ROS 2."""
    folder = tmp_path_factory.mktemp('setup') / 'venv'
    subprocess.run(
        [sys._base_executable, '-m', 'venv', '--system-site-packages', folder],
        check=True,
        timeout=120,
    )
    return folder


@pytest.fixture
def environment(install, venv, tmp_path, monkeypatch):
    """Return that environment, for a set-up without a network."""
    monkeypatch.setattr(install, 'VENV', venv)
    monkeypatch.setattr(install, 'SETUP', tmp_path)
    monkeypatch.setattr(install, 'FRANKY', tmp_path / 'franky')
    monkeypatch.setattr(install, 'FRANKY_STAMP', venv / '.franky')
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    monkeypatch.setenv('PIP_FIND_LINKS', str(tmp_path))
    return venv


def lock(wheel):
    """Write a lock with one wheel."""
    name, version = wheel.name.split('-')[:2]
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    wheel.with_name('requirements.lock').write_text(
        f'{name.replace("_", "-")}=={version} \\\n    --hash=sha256:{digest}\n'
    )


def test_package_on_pythonpath_is_installed_into_the_environment_too(
    install, environment, tmp_path, monkeypatch
):
    wheel = write_wheel(tmp_path, 'uv', '0.0.1', 'uv')
    lock(wheel)
    prefix = tmp_path / 'ros'
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(prefix)
    monkeypatch.setenv('PYTHONPATH', str(prefix))
    install.pip_install(install.reinstall(environment / PYTHON), install.locked('uv=='))
    assert (environment / 'bin/uv').is_file()
    assert (prefix / 'uv-0.0.1.dist-info/METADATA').is_file(), 'the other one must stay'


def test_franky_of_the_lock_replaces_a_build_for_another_libfranka(
    install, environment, tmp_path, monkeypatch
):
    lock(write_wheel(tmp_path, 'franky_control', '2.0.0', 'franky'))
    (tmp_path / 'other').mkdir()
    other = write_wheel(tmp_path / 'other', 'franky_control', '2.0.0+libfranka.0.9.2', 'franky')
    monkeypatch.setattr(install, 'TOO_OLD', '')
    install.install_franky(environment / PYTHON, str(other))
    assert '0.9.2' in (environment / 'bin/franky').read_text()
    install.install_franky(environment / PYTHON, 'lock')
    assert '0.9.2' not in (environment / 'bin/franky').read_text()


@pytest.fixture
def torch(install, tmp_path, monkeypatch):
    """Return a function that installs torch and returns the build: cpu or cuda."""
    wheel = tmp_path / 'torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl'
    wheel.write_bytes(b'a CPU build')
    hashes = tmp_path / 'torch-cpu.hashes'
    hashes.write_text(f'# CPU\n--hash=sha256:{hashlib.sha256(b"a CPU build").hexdigest()}\n')
    (tmp_path / 'requirements.lock').write_text(
        f'nvidia-cublas==1 \\\n    --hash=sha256:0\ntorch==2.13.0 \\\n'
        f'    {hashes.read_text().split()[-1]} \\\n    --hash=sha256:1\n'
    )
    monkeypatch.setattr(install, 'SETUP', tmp_path)
    monkeypatch.setattr(install, 'VENV', tmp_path)
    installed = []

    def run(*words, **_):
        listing = tmp_path / 'requirements.txt'
        installed.append(listing.read_text() if listing in words else str(words[-1]))

    def fetch(words, **_):
        source = 'index' if install.CPU_TORCH_INDEX in words else 'configured'
        assert words[-1] == 'torch==2.13.0+cpu'
        if source == on_offer['source']:
            (Path(words[words.index('-d') + 1]) / wheel.name).write_bytes(on_offer['bytes'])
            return SimpleNamespace(returncode=0)
        return SimpleNamespace(returncode=1, stderr='ERROR: No matching distribution\n')

    on_offer = {'bytes': b'a CPU build'}
    monkeypatch.setattr(install, 'run', run)
    monkeypatch.setattr(install.subprocess, 'run', fetch)

    def set_up(wanted='auto', source='', driver=False, content=b'a CPU build'):
        installed.clear()
        on_offer.update(source=source, bytes=content)
        monkeypatch.setattr(install, 'nvidia_driver', lambda: driver)
        install.install_torch(Path('python'), wanted)
        (text,) = installed
        if 'torch==2.13.0' not in text:
            assert text.endswith('+cpu-cp311-cp311-linux_x86_64.whl')
            return 'cpu'
        assert 'nvidia-cublas' in text and '--hash=sha256:1' in text
        assert hashes.read_text().split()[-1] not in text, 'pip could install the CPU build'
        return 'cuda'

    return set_up


@pytest.mark.parametrize('source', ['configured', 'index'])
def test_cpu_build_is_installed_without_a_driver_or_on_request(torch, source):
    assert torch(source=source) == 'cpu'
    assert torch('cpu', source=source, driver=True) == 'cpu'


@pytest.mark.parametrize('source', ['configured', 'index', ''])
def test_cuda_build_is_installed_with_a_driver_or_on_request(torch, source):
    assert torch(source=source, driver=True) == 'cuda'
    assert torch('cuda', source=source) == 'cuda'


def test_cuda_build_is_installed_with_a_reason_if_there_is_no_cpu_build(torch, capsys):
    assert torch() == 'cuda'
    assert 'No matching distribution' in capsys.readouterr().out
    with pytest.raises(SystemExit, match='torch==2.13.0[+]cpu is neither at the sources'):
        torch('cpu')


def test_cpu_build_of_unknown_hash_is_not_installed(torch, capsys):
    assert torch(source='index', content=b'another') == 'cuda'
    assert 'which the lock does not list' in capsys.readouterr().out
    with pytest.raises(SystemExit, match='torch-cpu.hashes'):
        torch('cpu', source='index', content=b'another')


def test_lock_contains_every_hash_of_a_cpu_build(install):
    entry = install.locked('torch==')
    hashes = (ROOT / 'setup/torch-cpu.hashes').read_text().split('\n')
    listed = [line for line in hashes if line.startswith('--hash')]
    assert listed and all(line in entry for line in listed)


@pytest.fixture
def environments(install, tmp_path, monkeypatch):
    """Return a function that runs the set-up and returns the builds of torch it installed."""
    built = []
    for name, file in (('VENV', '.'), ('STAMP', '.installed'), ('TORCH_CHOICE', '.torch')):
        monkeypatch.setattr(install, name, tmp_path / 'venv' / file)
    monkeypatch.setattr(install, 'install_debian_packages', lambda: None)
    monkeypatch.setattr(install, 'install_franky', lambda *_: None)
    monkeypatch.setattr(install, 'run', lambda *_: (tmp_path / 'venv').mkdir(exist_ok=True))
    monkeypatch.setattr(
        install, 'install_python_packages', lambda _python, _ros, torch: built.append(torch)
    )
    monkeypatch.setattr(install.subprocess, 'run', lambda *_, **__: SimpleNamespace(returncode=0))
    monkeypatch.delenv('ROS_DISTRO', raising=False)

    def set_up(*words):
        built.clear()
        monkeypatch.setattr(install.sys, 'argv', ['install.py', *words])
        install.main()
        return built[:]

    return set_up


def test_choice_of_torch_is_kept_for_later_set_ups(environments, install, monkeypatch):
    assert environments() == ['auto']
    assert environments() == []
    assert environments('--torch', 'cpu') == ['cpu']
    assert environments() == environments('--torch', 'cpu') == []
    monkeypatch.setattr(install, 'fingerprint', lambda: 'of another lock')
    assert environments() == ['cpu']
    assert environments('--torch', 'auto') == ['auto']


def test_sourced_ros_of_another_python_is_refused_before_any_installation(
    environments, install, monkeypatch
):
    monkeypatch.setattr(install.subprocess, 'run', lambda *_, **__: SimpleNamespace(returncode=1))
    monkeypatch.delenv('IREVLA_ROS_WHEELS', raising=False)
    monkeypatch.setenv('ROS_DISTRO', 'humble')
    with pytest.raises(SystemExit, match='ROS 2 humble is sourced, but .* cannot import'):
        environments()

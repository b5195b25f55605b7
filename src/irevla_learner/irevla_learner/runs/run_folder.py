# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A run is a folder: what was asked, which steps are finished, and everything they made.

Layout, beside what `algorithm1` and the demo say of their own:

    manifest.json            what was asked, and the finished steps (this module)
    logs/                    what the nodes printed
    plots/*.png, videos/*.mp4, report.json, report.md, report.html
                             written by `report.write_report`

The same command on the same folder goes on where it stopped, also after `kill -9`:

    with RunFolder('runs/demo', config, seed=0) as run:
        with run.step('train', outputs=['checkpoint']) as step:
            if step.needed:
                step.results['loss'] = train(run.path / 'checkpoint')
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
import hashlib
import json
from pathlib import Path
import shutil
import subprocess
import time
from typing import Any
import uuid

from irevla_control.errors import IrevlaError
from irevla_control.files import InUseError, Lock
from irevla_learner.json_file import write_json
from irevla_learner.runs.environment import environment_facts

MANIFEST = 'manifest.json'
FORMAT = 2
_KEYS = {'run_id', 'created', 'seed', 'config', 'environment', 'steps'}


class RunFolderError(IrevlaError):
    """A run folder that cannot be used as asked."""


@dataclass
class Step:
    """One step of a run inside `RunFolder.step`.

    Attributes:
        needed: False when it is finished already with the same inputs.
        results: JSON values kept in the manifest when the step ends.

    """

    needed: bool
    results: dict[str, Any] = field(default_factory=dict)


class RunFolder:
    """The one process that works on a run folder; a context manager that gives it back."""

    def __init__(self, path: str | Path, config: Mapping[str, Any] | None = None,
                 seed: int | None = None) -> None:
        """Open the folder, or make it when a configuration (JSON values) and a seed are given.

        Raises RunFolderError when another process works on it, when it belongs to another
        configuration or seed, or when its manifest cannot be read.
        """
        self.path = Path(path)
        manifest_file = self.path / MANIFEST
        if not manifest_file.exists() and (config is None or seed is None):
            raise RunFolderError(f'{self.path} is no run folder (it has no {MANIFEST}); '
                                 'give a configuration and a seed to start one')
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            self._lock = Lock(self.path / '.lock')
        except InUseError as error:
            raise RunFolderError(f'{self.path} is in use by process '
                                 f'{error.holder or "(unknown)"}; wait for it or end it'
                                 ) from error
        try:
            # Looked at again: another process may have made it until the lock was ours.
            if manifest_file.exists():
                self.manifest = read_manifest(self.path)
                self._check_same(config, seed)
            else:
                self.manifest = {
                    'format': FORMAT, 'run_id': uuid.uuid4().hex, 'created': _now(),
                    'seed': seed, 'config': _as_json(config),
                    'environment': environment_facts(), 'steps': {}}
                self._save()
        except BaseException:
            self._lock.close()
            raise
        self._previous = ''

    def __enter__(self) -> 'RunFolder':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let other processes work on the folder."""
        self._lock.close()

    @contextmanager
    def step(self, name: str, inputs: Any = None, outputs: Sequence[str] = (),
             makes: Sequence[str] = ()) -> Iterator[Step]:
        """Run one step, and remember it with its wall seconds once the block ends without error.

        It is needed again when its inputs (JSON values) differ, when one of its outputs (paths in
        the folder) is missing, or when the step before it was; all that it makes (paths there,
        too) is then removed first. A block cut short runs again with the next command, and finds
        what it left: it must itself go on.
        """
        # The execution before is an input too: what is done anew redoes all that follows.
        inputs_hash = _hash([name, _as_json(inputs), self._previous])
        old = self.manifest['steps'].get(name, {})
        same = old.get('inputs_hash') == inputs_hash
        if same and old['finished'] and all((self.path / output).exists() for output in outputs):
            self._previous = old['execution']
            yield Step(needed=False, results=old['results'])
            return
        # Time of attempts that ended with an error counts; of those killed it is not known.
        going_on = same and not old['finished']
        spent_s = old['wall_s'] if going_on else 0.0
        if not going_on:
            # Forgotten first: after a kill in between, what is left is not gone on with.
            self.manifest['steps'].pop(name, None)
            self._save()
            for path in makes:
                _remove(self.path / path)
        entry = {'inputs_hash': inputs_hash, 'execution': uuid.uuid4().hex, 'started': _now(),
                 'finished': None, 'attempt': old['attempt'] + 1 if going_on else 1,
                 'wall_s': spent_s, 'git_revision': git_revision(), 'results': {}}
        self.manifest['steps'][name] = entry
        self._save()
        self._previous = entry['execution']
        step = Step(needed=True)
        start = time.monotonic()
        try:
            yield step
            entry.update(finished=_now(), results=_as_json(step.results))
        finally:
            entry['wall_s'] = round(spent_s + time.monotonic() - start, 3)
            self._save()

    def add_time(self, name: str, wall_s: float) -> None:
        """Note the wall seconds of work outside the run, such as the set-up; the first stay."""
        self.manifest.setdefault('wall_s', {}).setdefault(name, round(float(wall_s), 3))
        self._save()

    def _save(self) -> None:
        write_json(self.path / MANIFEST, self.manifest)

    def _check_same(self, config: Mapping[str, Any] | None, seed: int | None) -> None:
        old = {'seed': self.manifest['seed']}
        new = {'seed': old['seed'] if seed is None else seed}
        if config is not None:
            old |= _flat(self.manifest['config'])
            new |= _flat(_as_json(config))
        absent = '(absent)'
        differing = [f'  {key}: {old.get(key, absent)!r} there, {new.get(key, absent)!r} asked'
                     for key in sorted(old.keys() | new.keys())
                     if old.get(key, absent) != new.get(key, absent)]
        if differing:
            raise RunFolderError('\n'.join([
                f'{self.path} belongs to another configuration:', *differing,
                'Ask for the same, choose another folder, or remove this one.']))


def read_manifest(path: str | Path) -> dict[str, Any]:
    """Read the manifest of a run folder without locking it; raises RunFolderError."""
    file = Path(path) / MANIFEST
    remedy = 'choose another folder, or remove this one'
    try:
        manifest = json.loads(file.read_text())
    except OSError as error:
        raise RunFolderError(f'{path} is no run folder: {error}') from error
    except ValueError as error:
        raise RunFolderError(f'{file} is not JSON ({error}); {remedy}') from error
    if not isinstance(manifest, dict) or manifest.get('format') != FORMAT:
        found = manifest.get('format') if isinstance(manifest, dict) else manifest
        raise RunFolderError(f'{file} has format {found!r}, this irevla reads {FORMAT}; {remedy}')
    missing = _KEYS - manifest.keys()
    if missing:
        raise RunFolderError(f'{file} lacks {sorted(missing)}; {remedy}')
    return manifest


def git_revision() -> str | None:
    """Return the commit of the sources, '-dirty' when they differ from it; None without git."""
    command = ['git', 'describe', '--always', '--abbrev=40', '--exclude=*', '--dirty']
    try:
        return subprocess.run(command, cwd=Path(__file__).resolve().parent, check=True,
                              capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _as_json(value: Any) -> Any:
    """Return the value as it reads back from JSON, so that it compares equal after a restart."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise RunFolderError(f'not a JSON value: {error}; use numbers, text, lists and '
                             'dictionaries') from error


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _flat(value: Any, prefix: str = '') -> dict[str, Any]:
    """Return nested dictionaries as one, {'train': {'steps': 5}} as {'train.steps': 5}."""
    if not isinstance(value, dict) or not value:
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, item in value.items():
        flat |= _flat(item, f'{prefix}.{key}' if prefix else key)
    return flat


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec='seconds')

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The folder of a run: its configuration, its finished steps and their outputs.

Layout, in addition to the folders of `algorithm1` and of the demo:

    manifest.json            configuration and finished steps (this module)
    logs/                    output of the nodes
    plots/*.png, videos/*.mp4, report.json, report.md, report.html
                             written by `report.write_report`

The same command on the same folder continues where it stopped, also after `kill -9`:

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
from irevla_policy.renamed_settings import with_new_names

MANIFEST = 'manifest.json'
FORMAT = 2
_KEYS = {'run_id', 'created', 'seed', 'config', 'environment', 'steps'}


class RunFolderError(IrevlaError):
    """A run folder that cannot be used with this configuration, or now."""


@dataclass
class Step:
    """One step of a run inside `RunFolder.step`.

    Attributes:
        needed: False if it is already finished with the same inputs.
        results: JSON values for the manifest, written when the step ends.

    """

    needed: bool
    results: dict[str, Any] = field(default_factory=dict)


class RunFolder:
    """A locked run folder; a context manager that releases the lock."""

    def __init__(
        self, path: str | Path, config: Mapping[str, Any] | None = None, seed: int | None = None
    ) -> None:
        """Open the folder, or create it if a configuration (JSON values) and a seed are given.

        Raises RunFolderError if another process uses it, if it is of another configuration or
        seed, or if its manifest cannot be read.
        """
        self.path = Path(path)
        manifest_file = self.path / MANIFEST
        if not manifest_file.exists() and (config is None or seed is None):
            raise RunFolderError(
                f'{self.path} is no run folder (it has no {MANIFEST}); '
                'give a configuration and a seed to create one'
            )
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            self._lock = Lock(self.path / '.lock')
        except InUseError as error:
            raise RunFolderError(
                f'{self.path} is in use by process '
                f'{error.holder or "(unknown)"}; wait for it or end it'
            ) from error
        try:
            # Checked again: another process may have created it before this one had the lock.
            if manifest_file.exists():
                self.manifest = read_manifest(self.path)
                self._check_same(config, seed)
            else:
                self.manifest = {
                    'format': FORMAT,
                    'run_id': uuid.uuid4().hex,
                    'created': _now(),
                    'seed': seed,
                    'config': _as_json(config),
                    'environment': environment_facts(),
                    'steps': {},
                }
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
        """Release the lock of the folder."""
        self._lock.close()

    @contextmanager
    def step(
        self, name: str, inputs: Any = None, outputs: Sequence[str] = (), makes: Sequence[str] = ()
    ) -> Iterator[Step]:
        """Run one step; record it and its wall time if the block ends without an error.

        The step is needed again if its inputs (JSON values) differ, if one of its outputs (paths
        in the folder) is missing, or if the previous step was needed; everything that it makes
        (paths in the folder) is then removed first. An interrupted block runs again with the
        next command. Its files are still there, and the block must continue from them.
        """
        # The previous execution is an input: if a step runs again, all later ones do.
        inputs_hash = _hash([name, _as_json(inputs), self._previous])
        old = self.manifest['steps'].get(name, {})
        same = old.get('inputs_hash') == inputs_hash
        if same and old['finished'] and all((self.path / output).exists() for output in outputs):
            self._previous = old['execution']
            yield Step(needed=False, results=old['results'])
            return
        # Includes attempts that ended with an error; the time of killed ones is unknown.
        continued = same and not old['finished']
        spent_s = old['wall_s'] if continued else 0.0
        if not continued:
            # Removed first: if killed between, the remaining files are not continued from.
            self.manifest['steps'].pop(name, None)
            self._save()
            for path in makes:
                _remove(self.path / path)
        entry: dict[str, Any] = {
            'inputs_hash': inputs_hash,
            'execution': uuid.uuid4().hex,
            'started': _now(),
            'finished': None,
            'attempt': old['attempt'] + 1 if continued else 1,
            'wall_s': spent_s,
            'git_revision': git_revision(),
            'results': {},
        }
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
        """Record the wall time of work before the run, such as the set-up; only once."""
        self.manifest.setdefault('wall_s', {}).setdefault(name, round(float(wall_s), 3))
        self._save()

    def _save(self) -> None:
        write_json(self.path / MANIFEST, self.manifest)

    def _check_same(self, config: Mapping[str, Any] | None, seed: int | None) -> None:
        old = {'seed': self.manifest['seed']}
        new = {'seed': old['seed'] if seed is None else seed}
        if config is not None:
            old |= _flat(with_new_names(self.manifest['config']))
            new |= _flat(with_new_names(_as_json(config)))
        absent = '(absent)'
        differing = [
            f'  {key}: {old.get(key, absent)!r} there, {new.get(key, absent)!r} asked'
            for key in sorted(old.keys() | new.keys())
            if old.get(key, absent) != new.get(key, absent)
        ]
        if differing:
            raise RunFolderError(
                '\n'.join(
                    [
                        f'{self.path} belongs to another configuration:',
                        *differing,
                        'Use the same, choose another folder, or remove this one.',
                    ]
                )
            )


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
    """Return the commit of the sources, with '-dirty' if they differ; None without git."""
    command = ['git', 'describe', '--always', '--abbrev=40', '--exclude=*', '--dirty']
    try:
        return subprocess.run(
            command,
            cwd=Path(__file__).resolve().parent,
            check=True,
            capture_output=True,
            text=True,
            timeout=20,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _as_json(value: Any) -> Any:
    """Return the value after a round trip through JSON, so that it compares equal later."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise RunFolderError(
            f'not a JSON value: {error}; use numbers, text, lists and dictionaries'
        ) from error


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

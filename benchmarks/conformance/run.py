# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the conformance programs in their own environment; writes docs/results/conformance.json.

A run that was stopped continues, unless sources or versions have changed. The exit status is 1 if
a check failed.
"""

import argparse
from datetime import datetime, timezone
import hashlib
from importlib.metadata import version
import json
import os
from pathlib import Path
import platform
import subprocess
import sys
from typing import Any

from irevla_control.files import write_synced

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RESULTS = ROOT / 'docs/results/conformance.json'
# Standard error of programs, encoders and libraries.
LOGS = ROOT / '.conformance/logs'
# Each prints JSON objects, one per line: {"total": n}, then for each check {"check": name,
# "passed": true or false, ...}; or all checks in one object {name: {"passed": ...}, ...}.
PROGRAMS = ('families', 'lerobot_tools')
VERSIONS = (
    'torch',
    'torchvision',
    'transformers',
    'peft',
    'tokenizers',
    'num2words',
    'lerobot',
    'datasets',
    'av',
    'numpy',
    'mcap',
    'rosbags',
)


def sources_hash() -> str:
    """Return a hash of the code under test and of the programs."""
    digest = hashlib.sha256()
    for folder in (ROOT / 'src/irevla_control', ROOT / 'src/irevla_policy', HERE):
        for file in sorted(folder.rglob('*.py')):
            digest.update(f'{file.relative_to(ROOT)}'.encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def load() -> dict[str, Any]:
    """Return the content of the file: date, versions and checks of each program."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def store(program: str, found: dict[str, Any]) -> None:
    """Replace the results of a program in the file, atomically."""
    write_synced(RESULTS, json.dumps(load() | {program: found}, indent=1) + '\n')


def begin(program: str) -> dict[str, Any]:
    """Return the results of a stopped run of the same code, to continue it, or empty results."""
    fresh = {
        'complete': False,
        'date': f'{datetime.now(timezone.utc):%Y-%m-%d}',
        'python': platform.python_version(),
        'machine': platform.machine(),
        'versions': {name: version(name) for name in VERSIONS},
        'sources': sources_hash(),
        'checks': {},
    }
    before = load().get(program, {})
    same = all(before.get(key) == fresh[key] for key in ('versions', 'sources', 'python'))
    return before if same and not before['complete'] else fresh


def checks_of(line: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the checks in one output line of a program, by name."""
    if 'check' in line:
        return {line['check']: {key: line[key] for key in line if key != 'check'}}
    return {name: found for name, found in line.items() if isinstance(found, dict)}


def run(program: str) -> int:
    """Run a program, store and print each check; return the number of failed checks."""
    found = begin(program)
    checks, total = found['checks'], '?'
    command = [sys.executable, HERE / f'{program}.py', *(['--done', *checks] if checks else [])]
    # No download from a hub.
    offline = {**os.environ, 'HF_HUB_OFFLINE': '1'}
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f'{program}.log'
    print(f'{program}: starts, {len(checks)} checks are done', flush=True)
    with (
        log.open('w') as said,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=said, text=True, env=offline
        ) as process,
    ):
        for text in process.stdout:
            if not text.startswith('{'):
                continue
            line = json.loads(text)
            new = checks_of(line)
            total = line.get('total', total if 'check' in line else len(checks | new))
            for name, check in new.items():
                checks[name] = check
                store(program, found)
                print(
                    f'[{len(checks)}/{total}] {program}: {name} '
                    f'{"passed" if check["passed"] else "FAILED: " + check.get("reason", "")} '
                    f'({check.get("seconds", 0):.1f} s)',
                    flush=True,
                )
    if process.returncode:
        sys.exit(
            f'conformance: {program}.py ended with status {process.returncode}, {log} says '
            'why; the same command continues from here'
        )
    found['complete'] = True
    store(program, found)
    return sum(not check['passed'] for check in checks.values())


def main() -> None:
    """Run all programs, or the named ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'programs',
        nargs='*',
        default=PROGRAMS,
        metavar='PROGRAM',
        help=f'some of {", ".join(PROGRAMS)}; default: all',
    )
    programs = parser.parse_args().programs
    unknown = set(programs) - set(PROGRAMS)
    if unknown:
        parser.error(f'unknown program {sorted(unknown)}; there are {", ".join(PROGRAMS)}')
    try:
        failed = {program: run(program) for program in programs}
    except KeyboardInterrupt:
        sys.exit('conformance: stopped; the same command continues from here')
    print(f'written: {RESULTS.relative_to(ROOT)}')
    if any(failed.values()):
        sys.exit(
            'conformance: failed checks: '
            + ', '.join(f'{count} of {program}' for program, count in failed.items() if count)
        )


if __name__ == '__main__':
    main()

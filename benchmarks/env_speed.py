# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Steps/s of the environment in process against those of an earlier revision, alternating."""

import argparse
import json
import os
from pathlib import Path
import subprocess
import sys
import tempfile

import numpy as np
import timing

ROOT = Path(__file__).resolve().parents[1]
# The revision that the goal of twice the speed counts from.
BEFORE = '7a49517'
PACKAGES = ('sim/irevla_sim', 'src/irevla_control/irevla_control')
TASKS = ('drawer-open', 'door-open', 'button-press', 'window-open', 'pick-place')
BURST = 25
# A process of either revision: plays a burst of each task for a line on stdin, and prints the
# time of a step [s] for each task. Both get the same actions and layouts.
PLAYER = f"""
import json, sys, time
import numpy as np
import gymnasium
env = gymnasium.make(
    'irevla_sim:MetaWorld-v0',
    disable_env_checker=True,
    cameras=('front', 'wrist'),
    horizon=1_000_000,
    linger=1_000_000,
).unwrapped
reach = np.array([0.04] * 3)
for line in sys.stdin:
    seconds = {{}}
    for task in {TASKS}:
        random = np.random.default_rng(int(line))
        env.reset(seed=int(line), options={{'task': task}})
        actions = [
            np.array([*random.uniform(-reach, reach), 0, 0, 0, random.uniform()])
            for _ in range({BURST} + 1)
        ]
        # The first step has cold caches.
        env.step(actions[0])
        start = time.perf_counter()
        for action in actions[1:]:
            env.step(action)
        seconds[task] = (time.perf_counter() - start) / {BURST}
    print(json.dumps(seconds), flush=True)
"""


def export(revision: str, folder: Path) -> list[str]:
    """Write the packages of a revision into a folder; return its entries of PYTHONPATH.

    Raises:
        SystemExit: this clone does not have the revision.

    """
    done = subprocess.run(
        ['git', 'archive', '--format=tar', revision, *PACKAGES], cwd=ROOT, capture_output=True
    )
    if done.returncode:
        reason = done.stderr.decode().strip()
        sys.exit(
            f'revision {revision}, to compare with, is not in {ROOT} ({reason}); '
            'run "git fetch --unshallow", or measure in a complete clone'
        )
    subprocess.run(['tar', '-x', '-C', folder], input=done.stdout, check=True)
    return [str((folder / package).parent) for package in PACKAGES]


def start(paths: list[str]) -> subprocess.Popen:
    """Start a process that plays with the packages of these folders, if any."""
    path = os.pathsep.join([*paths, os.environ.get('PYTHONPATH', '')])
    return timing.start('-c', PLAYER, environment=os.environ | {'PYTHONPATH': path})


def measure(rounds: int = 12) -> dict:
    """Alternate bursts of both revisions; compare the medians of each task."""
    seconds = {'before': [], 'now': []}
    with tempfile.TemporaryDirectory() as folder:
        before = export(BEFORE, Path(folder))
        with start(before) as old, start([]) as new:
            for number in range(rounds + 1):
                for name, process in (('before', old), ('now', new)):
                    seconds[name].append(list(timing.ask(process, number).values()))
            old.stdin.close()
            new.stdin.close()
    # The first round builds the scenes. A step of all tasks is the mean of their medians.
    tasks = {name: np.median(each[1:], axis=0) for name, each in seconds.items()}
    step = {name: float(each.mean()) for name, each in tasks.items()}
    return {
        'env_steps_per_s': round(1 / step['now'], 1),
        'env_steps_per_s_before': round(1 / step['before'], 1),
        'env_steps_vs_before': round(step['before'] / step['now'], 2),
        'env_steps_vs_before_tasks': dict(
            zip(TASKS, (tasks['before'] / tasks['now']).round(2).tolist(), strict=True)
        ),
    }


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=12)
    print(json.dumps(measure(parser.parse_args().rounds), indent=2))

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Measure every goal of docs/benchmarks.md; print a table, write results/latest.json."""

import argparse
from collections.abc import Callable
from datetime import datetime, timezone
import json
import os
from pathlib import Path
import platform
import re
import subprocess
import sys

RESULTS = Path(__file__).resolve().parent / 'results'
MODULES = (
    'rendering',
    'kitchen.rendering',
    'kitchen.steps',
    'env_speed',
    'lockstep',
    'graph.latency',
    'graph.page',
    'discovery',
    'recording',
    'training',
    'learning',
    'robot',
    'libraries.executors',
)
# More where the learner multiplies in bfloat16.
LEARNER_VS_SB3 = 3 if 'avx512_bf16' in Path('/proc/cpuinfo').read_text() else 2.4
# figure: (path in the results, goal as text, whether a value reaches the goal)
GOALS: dict[str, tuple[tuple[str, ...], str, Callable[[float], bool]]] = {
    'rendering / stock Meta-World': (('render_speedup',), '>= 30', lambda x: x >= 30),
    'kitchen: rendering / stock Franka Kitchen': (
        ('kitchen_render_speedup',),
        '>= 20',
        lambda x: x >= 20,
    ),
    'kitchen: rendering / stock without effects': (
        ('kitchen_render_speedup_without_effects',),
        'reported',
        lambda _: True,
    ),
    'kitchen: front camera [frames/s]': (
        ('kitchen_frames_per_second', 'front'),
        '>= 100',
        lambda x: x >= 100,
    ),
    'kitchen: wrist camera [frames/s]': (
        ('kitchen_frames_per_second', 'wrist'),
        '>= 100',
        lambda x: x >= 100,
    ),
    'kitchen: environment in process, two cameras [steps/s]': (
        ('kitchen_env_steps_per_s',),
        'reported',
        lambda _: True,
    ),
    'kitchen: the same without cameras [steps/s]': (
        ('kitchen_env_steps_per_s_without_cameras',),
        'reported',
        lambda _: True,
    ),
    'kitchen: physics and arm, stock / ours per simulated second': (
        ('kitchen_physics_vs_stock',),
        '>= 1',
        lambda x: x >= 1,
    ),
    'environment in process, two cameras [steps/s]': (
        ('env_steps_per_s',),
        'reported',
        lambda _: True,
    ),
    'environment in process / revision 7a49517': (
        ('env_steps_vs_before',),
        '>= 2',
        lambda x: x >= 2,
    ),
    'lock-step speed over ROS / in process': (('lockstep_ratio',), '>= 0.85', lambda x: x >= 0.85),
    'graph latency p50 [ms]': (('graph_latency_ms', 'p50'), '< 1.5', lambda x: x < 1.5),
    'graph latency p99 [ms]': (('graph_latency_ms', 'p99'), '< 5', lambda x: x < 5),
    'pass inside the graph p50 [ms]': (('pass_in_graph_ms', 'p50'), 'reported', lambda _: True),
    'pass alone p50 [ms]': (('bare_forward_ms', 'p50'), 'reported', lambda _: True),
    'round trip through the mux alone p50 [ms]': (
        ('mux_round_trip_ms', 'p50'),
        'reported',
        lambda _: True,
    ),
    'page: share of a core with a viewer': (('page_cpu_share',), '<= 0.15', lambda x: x <= 0.15),
    'page: share of a core without a viewer': (
        ('page_cpu_share_without_viewer',),
        '<= 0.02',
        lambda x: x <= 0.02,
    ),
    'graph latency beside a viewed page p50 [ms]': (
        ('graph_latency_with_page_ms', 'p50'),
        'reported',
        lambda _: True,
    ),
    'graph latency beside a page without a viewer p50 [ms]': (
        ('graph_latency_without_viewer_ms', 'p50'),
        'reported',
        lambda _: True,
    ),
    'discovery of all nodes p50 [s]': (('discovery_s', 'p50'), 'reported', lambda _: True),
    "discovery with ROS's default settings p50 [s]": (
        ('discovery_default_s', 'p50'),
        'reported',
        lambda _: True,
    ),
    "our executor's round trip / rclpy's EventsExecutor": (
        ('executors', 'round_trip_ms_vs_events'),
        'reported',
        lambda _: True,
    ),
    "our executor's share of a core at 1 kHz / EventsExecutor": (
        ('executors', 'at_1_khz_vs_events'),
        'reported',
        lambda _: True,
    ),
    'nodes of our executor that hang while they begin, work or end': (
        ('executors', 'starts', 'ours', 'hangs'),
        '0',
        lambda x: x == 0,
    ),
    'recorder: messages lost': (('recorder', 'lost'), '0', lambda x: x == 0),
    'recorder: share of a core': (('recorder', 'cpu_share'), 'reported', lambda _: True),
    'training: share waiting for data': (
        ('training_data_wait_share',),
        '< 0.05',
        lambda x: x < 0.05,
    ),
    'training: samples/s': (('training_samples_per_s',), 'reported', lambda _: True),
    'training: samples/s of updates': (('bare_samples_per_s',), 'reported', lambda _: True),
    'training beside busy cores, times OpenMP that spins': (
        ('training_busy_vs_spinning',),
        'reported',
        lambda _: True,
    ),
    'learner: updates/s, batch 256': (('learner_updates_per_s',), 'reported', lambda _: True),
    'learner / stable-baselines3': (
        ('learner_vs_sb3',),
        f'>= {LEARNER_VS_SB3}',
        lambda x: x >= LEARNER_VS_SB3,
    ),
    'learner in float32 / stable-baselines3': (
        ('learner_float32_vs_sb3',),
        '>= 2.4',
        lambda x: x >= 2.4,
    ),
    'learner / stable-baselines3 without LayerNorm': (
        ('learner_vs_plain_sb3',),
        'reported',
        lambda _: True,
    ),
    'learner / sbx': (('learner_vs_sbx',), 'reported', lambda _: True),
    'learner / TorchRL': (('learner_vs_torchrl',), 'reported', lambda _: True),
    'learner / with the VLM in the loop': (('learner_vs_uncached',), '>= 50', lambda x: x >= 50),
    'replay / plain memory-mapped read': (('replay_vs_memmap',), 'reported', lambda _: True),
    'bytes of a BLIP-2 transition': (('transition_bytes',), 'reported', lambda _: True),
    'add of an episode of BLIP-2 latents p50 [s]': (
        ('add_s', 'p50'),
        '<= 0.2',
        lambda x: x <= 0.2,
    ),
    'publication of a new head to its first action p50 [ms]': (
        ('policy_swap_ms', 'p50'),
        'reported',
        lambda _: True,
    ),
    'command to new setpoint p50 [ms]': (
        ('setpoint_latency_ms', 'p50'),
        'reported',
        lambda _: True,
    ),
    'command to new setpoint p99 [ms]': (
        ('setpoint_latency_ms', 'p99'),
        '<= 6',
        lambda x: x <= 6,
    ),
    'arm loop of 100 Hz, jitter with the learner p50 [ms]': (
        ('loop_jitter_ms', 'p50'),
        'reported',
        lambda _: True,
    ),
    'arm loop of 100 Hz, jitter with the learner p99 [ms]': (
        ('loop_jitter_ms', 'p99'),
        '<= 1',
        lambda x: x <= 1,
    ),
    'bare timer of 100 Hz beside the same learner, jitter p99 [ms]': (
        ('timer_jitter_ms', 'p99'),
        'reported',
        lambda _: True,
    ),
    'camera pipeline [frames/s]': (('camera', 'fps'), 'reported', lambda _: True),
    'copies of an image in the pipeline': (('camera', 'copies'), '0', lambda x: x == 0),
    'SpaceMouse to new setpoint p50 [ms]': (
        ('teleop_latency_ms', 'p50'),
        'reported',
        lambda _: True,
    ),
    'SpaceMouse to new setpoint p99 [ms]': (
        ('teleop_latency_ms', 'p99'),
        '<= 60',
        lambda x: x <= 60,
    ),
    'commanded circle: delay [s]': (('circle', 'delay_s'), 'reported', lambda _: True),
    'commanded circle: error [m]': (('circle', 'error_m'), 'reported', lambda _: True),
}


def machine() -> dict:
    """Return facts about the machine and the software."""
    model = re.search(r'model name\s*: (.*)', Path('/proc/cpuinfo').read_text())
    gpu = (
        subprocess.run(
            ['nvidia-smi', '--query-gpu=name', '--format=csv,noheader'],
            capture_output=True,
            text=True,
        ).stdout.strip()
        if any(Path(folder, 'nvidia-smi').exists() for folder in os.get_exec_path())
        else ''
    )
    return {
        'cpu': model[1] if model else platform.processor(),
        'cores': os.cpu_count(),
        'gpu': gpu,
        'python': platform.python_version(),
        'ros': os.environ.get('ROS_DISTRO', ''),
    }


def file_name(text: str) -> str:
    """Return a machine's name as a part of a file name."""
    return re.sub(r'[^a-z0-9]+', '-', text.lower()).strip('-')


def run_module(module: str) -> dict:
    """Run one benchmark in a process; return its figures."""
    code = f'import json, {module}; print("RESULT" + json.dumps({module}.measure()))'
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith('RESULT')]
    if done.returncode or not lines:
        sys.exit(f'benchmark {module} failed with status {done.returncode}')
    return json.loads(lines[-1].removeprefix('RESULT'))


def table(results: dict) -> str:
    """Return goals and figures as Markdown."""
    rows = ['| figure | measured | goal | |', '|---|---|---|---|']
    for name, (path, goal, reached) in GOALS.items():
        value = results
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if value is not None:
            rows.append(f'| {name} | {value:.4g} | {goal} | {"yes" if reached(value) else "NO"} |')
    return '\n'.join(rows)


def main() -> None:
    """Run all benchmarks, or the named ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'modules',
        nargs='*',
        default=MODULES,
        metavar='MODULE',
        help=f'some of {", ".join(MODULES)}; default: all',
    )
    modules = parser.parse_args().modules
    unknown = set(modules) - set(MODULES)
    if unknown:
        parser.error(f'unknown benchmark {sorted(unknown)}; there are {", ".join(MODULES)}')
    latest = RESULTS / 'latest.json'
    results = json.loads(latest.read_text()) if latest.exists() else {}
    results |= {
        'machine': machine(),
        'measured': datetime.now(timezone.utc).isoformat(timespec='seconds'),
    }
    for number, module in enumerate(modules, 1):
        print(f'[{number}/{len(modules)}] {module}', flush=True)
        figures = run_module(module)
        results |= figures
        # Modules may be measured on different machines.
        results['processors'] = results.get('processors', {}) | dict.fromkeys(
            figures, machine()['cpu']
        )
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(results, indent=2) + '\n'
    name = file_name(f'{machine()["cpu"]} {machine()["cores"]} cores')
    for path in (latest, RESULTS / f'{name}.json'):
        path.write_text(text)
    print(table(results))
    print(f'written: {latest}')


if __name__ == '__main__':
    main()

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithm 1 in process, without ROS: ``python -m irevla_learner.improve --help``.

For each new task: stage 1 improves the head by SACfD, stage 2 teaches the whole model on the
demonstrations and on what succeeded; expert, new and held-out tasks are evaluated after each.
"""

import argparse
from dataclasses import asdict
import json
from pathlib import Path
import shutil
import sys
from typing import Any

from gymnasium.vector import AsyncVectorEnv
import torch
from tqdm import tqdm

from irevla_control.errors import ConfigError, IrevlaError
from irevla_learner.evaluation import EpisodeResult, summarise
from irevla_learner.json_file import json_values, write_json
from irevla_learner.online_learner import Progress
from irevla_learner.run_folder import RunFolder
from irevla_learner.sacfd_config import SACfDConfig
from irevla_learner.stage1 import sacfd_stage
from irevla_learner.vector_play import Played, VectorPlayer, make_copies
from irevla_policy.bag_frames import load_frames
from irevla_policy.checkpoint import load_checkpoint, save_checkpoint
from irevla_policy.dataset import Dataset, Mixture, split_by_episode
from irevla_policy.frame_store import FrameStore, write_store
from irevla_policy.settings import read_mapping
from irevla_policy.training import train
from irevla_policy.training_config import TrainConfig
from irevla_policy.vla import VLA

GROUPS = ('expert', 'rl', 'held_out')
# Between two states of a progress bar: in a file each is a line.
BAR_S = 0.5 if sys.stderr.isatty() else 10
_KEYS = {'environment', 'horizon', 'copies', 'tasks', 'episodes', 'evaluation_seed', 'successes',
         'new_share', 'sacfd', 'training'}


def load_config(path: Path) -> dict[str, Any]:
    """Read a configuration; `config/improve.yaml` has and explains each setting.

    Paths in it are relative to its folder. Raises ConfigError when something is missing or odd.
    """
    config = read_mapping(path, 'configuration')
    if set(config) != _KEYS:
        odd = sorted(set(config) ^ _KEYS)
        raise ConfigError(f'configuration {path}: missing or unknown {", ".join(odd)}')
    if not isinstance(config['tasks'], dict) or set(config['tasks']) != set(GROUPS):
        raise ConfigError(f'configuration {path}: tasks needs the lists {", ".join(GROUPS)}')
    if not isinstance(config['episodes'], dict) or set(config['episodes']) != set(GROUPS):
        raise ConfigError(f'configuration {path}: episodes needs a number for each of '
                          f'{", ".join(GROUPS)}')
    counts = {name: config[name] for name in ('horizon', 'copies', 'successes')}
    counts |= {f'episodes.{group}': count for group, count in config['episodes'].items()}
    for name, count in counts.items():
        if type(count) is not int or count < 1:
            raise ConfigError(f'configuration {path}: {name} is {count!r}; a whole number of 1 or '
                              'more is needed')
    share = config['new_share']
    if type(share) is not float or not 0 < share < 1:
        raise ConfigError(f'configuration {path}: new_share is {share!r}; a number between 0 and '
                          '1 is needed')
    for name in ('sacfd', 'training'):
        if not isinstance(config[name], str):
            raise ConfigError(f'configuration {path}: {name} is {config[name]!r}; a file is '
                              'needed')
        config[name] = str((path.parent / config[name]).resolve())
    return config


class Improvement:
    """One run of Algorithm 1 in its folder."""

    def __init__(self, run: RunFolder, config: dict[str, Any], checkpoint: Path,
                 demonstrations: list[Path], seed: int) -> None:
        """Start the copies of the environment."""
        self._run, self._config, self._seed = run, config, seed
        self._checkpoint = checkpoint
        self._demonstrations = demonstrations
        self._sacfd = SACfDConfig.load(Path(config['sacfd']))
        self._training = TrainConfig.load(Path(config['training']), {'seed': seed})
        cameras = load_checkpoint(checkpoint).config.cameras
        self._copies: AsyncVectorEnv = make_copies(
            config['environment'], config['copies'], cameras=cameras, horizon=config['horizon'])

    def close(self) -> None:
        """End the copies."""
        self._copies.close()

    def run(self) -> dict[str, Any]:
        """Go through all new tasks; return the scores of each stage."""
        scores = {'stage0': self._evaluate('stage0', self._checkpoint)}
        policy, stores = self._checkpoint, []
        for task in self._config['tasks']['rl']:
            policy, successes, figures = self._stage1(task, policy)
            stores.append(successes)
            scores[f'stage1 {task}'] = self._evaluate(f'{task}/stage1', policy) | figures
            policy = self._stage2(task, policy, stores)
            scores[f'stage2 {task}'] = self._evaluate(f'{task}/stage2', policy)
        return scores

    def _evaluate(self, name: str, checkpoint: Path) -> dict[str, Any]:
        file = f'{name}/evaluation.json'
        with self._run.step(f'evaluate {name}', outputs=[file]) as step:
            if step.needed:
                vla = _load(checkpoint)
                tasks = [(task, group) for group in GROUPS
                         for task in self._config['tasks'][group]]
                bar = tqdm(tasks, f'evaluating {name}', unit='task', mininterval=BAR_S)
                found = {group: [] for group in GROUPS}
                for task, group in bar:
                    found[group] += self._play(vla, task, self._config['episodes'][group])
                scores = {group: summarise(results, group)[group] for group, results in
                          found.items() if results}
                path = self._run.path / file
                path.parent.mkdir(parents=True, exist_ok=True)
                write_json(path, scores)
        return json.loads((self._run.path / file).read_text())

    def _play(self, vla: VLA, task: str, episodes: int) -> list[EpisodeResult]:
        player = VectorPlayer(self._copies, vla, task)
        first = self._config['evaluation_seed']
        return [played.result for played in player.play(range(first, first + episodes))]

    def _stage1(self, task: str, policy: Path) -> tuple[Path, Path, dict[str, Any]]:
        folder = self._run.path / task / 'stage1'
        checkpoint, successes = folder / 'checkpoint', folder / 'successes'
        outputs = [f'{task}/stage1/{path.name}' for path in (checkpoint, successes)]
        with self._run.step(f'{task}/stage1', asdict(self._sacfd), outputs) as step:
            if step.needed:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                vla = _load(policy)
                step.results.update(self._improve_head(task, vla, folder, successes))
                save_checkpoint(checkpoint, vla, {'stage1': step.results})
        return checkpoint, successes, step.results

    def _improve_head(self, task: str, vla: VLA, folder: Path, successes: Path) -> dict[str, Any]:
        player = VectorPlayer(self._copies, vla, task)
        solved: list[Played] = []
        bar = tqdm(desc=f'stage 1 on {task}', unit='decision', mininterval=BAR_S)
        with (folder / 'metrics.jsonl').open('w') as metrics:
            def note(played: Played, progress: Progress) -> None:
                if played.result.success:
                    solved.append(played)
                    del solved[:-self._config['successes']]
                metrics.write(json.dumps(json_values(asdict(progress))) + '\n')
                metrics.flush()
                bar.update(progress.decisions - bar.n)
                bar.set_postfix_str(f'{progress.successes} of {progress.episodes} episodes, '
                                    f'lately {progress.window_success:.2f}', refresh=False)

            last = sacfd_stage(vla, player, self._sacfd, folder, self._seed, note)
        bar.close()
        write_store(successes, solved, vla.config.cameras, vla.config.image_size)
        return {'env_steps': last.decisions, 'updates': last.updates, 'episodes': last.episodes,
                'successes_kept': len(solved)}

    def _stage2(self, task: str, policy: Path, stores: list[Path]) -> Path:
        folder = self._run.path / task / 'stage2'
        checkpoint = folder / 'checkpoint'
        with self._run.step(f'{task}/stage2', asdict(self._training),
                            [f'{task}/stage2/checkpoint']) as step:
            if step.needed:
                if step.fresh:
                    shutil.rmtree(folder, ignore_errors=True)
                vla = load_checkpoint(policy)
                expert = load_frames(self._demonstrations, vla.config.cameras,
                                     vla.config.image_size)
                training, validation = split_by_episode(
                    expert, self._training.validation_share, self._training.seed)
                share = self._config['new_share'] / len(stores)
                source = Mixture([(training, 1 - self._config['new_share']),
                                  *((Dataset(FrameStore.open(store)), share)
                                    for store in stores)])
                result = train(vla, source, validation, self._training, folder, checkpoint)
                step.results.update(loss=result.loss, validation_loss=result.validation_loss,
                                    updates=self._training.steps)
        return checkpoint


def _load(checkpoint: Path) -> VLA:
    vla = load_checkpoint(checkpoint)
    vla.backbone.freeze()
    vla.compile_for_inference()
    return vla


def improve(output: Path, config: dict[str, Any], checkpoint: Path, demonstrations: list[Path],
            seed: int) -> dict[str, Any]:
    """Run Algorithm 1, or go on with it; write ``output/scores.json`` and return its content.

    Args:
        output: run folder.
        config: what `load_config` gave.
        checkpoint: policy of stage 0.
        demonstrations: folders of the expert's recorded episodes.
        seed: of everything random.

    Raises:
        IrevlaError: whatever does not fit, with the remedy.

    """
    torch.set_num_threads(1)
    with RunFolder(output, config | {'checkpoint': str(checkpoint), 'demonstrations': [
            str(root) for root in demonstrations]}, seed, 'improve') as run:
        improvement = Improvement(run, config, checkpoint, demonstrations, seed)
        try:
            scores = improvement.run()
        finally:
            improvement.close()
        write_json(run.path / 'scores.json', scores)
        return scores


def table(scores: dict[str, Any]) -> str:
    """Return success rates by stage and group of tasks, as Markdown."""
    rows = [f'| | {" | ".join(GROUPS)} |', '|---' * (len(GROUPS) + 1) + '|']
    for stage, groups in scores.items():
        cells = []
        for group in GROUPS:
            figures = groups.get(group)
            cells.append(f'{figures["success_rate"]:.2f} '
                         f'[{figures["interval"][0]:.2f}, {figures["interval"][1]:.2f}]'
                         if figures else '')
        rows.append(f'| {stage} | {" | ".join(cells)} |')
    return '\n'.join(rows)


def main(arguments: list[str] | None = None) -> None:
    """Improve a policy as the command line says."""
    parser = argparse.ArgumentParser(
        'python -m irevla_learner.improve', description='iRe-VLA without ROS: online RL on new '
        'tasks, then supervised learning on all that succeeded. The same command goes on after '
        'a kill.')
    parser.add_argument('--config', type=Path, required=True, help='tasks and settings (YAML)')
    parser.add_argument('--init', type=Path, required=True, help='checkpoint of stage 0')
    parser.add_argument('--data', type=Path, nargs='+', required=True, metavar='DIR',
                        help='folders of expert demonstrations')
    parser.add_argument('--output', type=Path, required=True, help='run folder')
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args(arguments)
    scores = improve(options.output, load_config(options.config), options.init, options.data,
                     options.seed)
    print(table(scores))
    print(f'written: {options.output / "scores.json"}')


if __name__ == '__main__':
    try:
        main()
    except IrevlaError as error:
        sys.exit(f'improve: {error}')
    except KeyboardInterrupt:
        sys.exit('improve: stopped; the same command goes on from here')

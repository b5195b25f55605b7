# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `episode_runner`: runs a list of episodes one after another and writes their results."""

from collections import Counter
import json
from pathlib import Path
import time

from rclpy.task import Future
from std_msgs.msg import Bool, String

from irevla_control.bags.index import EpisodeEntry, entry_from_bag
from irevla_control.episodes.curriculum import Curriculum
from irevla_control.episodes.plan import prefer, read_results, read_tasks
from irevla_control.errors import BagError, ConfigError
from irevla_control.files import write_synced
from irevla_control.progress_bar import progress_bar
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import Node, NodeDone, run_node
from irevla_control.ros.parameters import TOPIC, Parameter, declare
from irevla_control.ros.qos import EVENT
from irevla_msgs.msg import EpisodeState, RecordedEpisode
from irevla_msgs.srv import ResetEpisode

PARAMETERS = {
    'tasks': Parameter(
        [''], 'task names, one after another; `name:count` for other than `episodes` episodes'
    ),
    'curriculum': Parameter(
        [''],
        'easier tasks that are played before the first of `tasks`, in this order; `name:count` '
        'until an easier task succeeded `count` times, else once',
    ),
    'episodes': Parameter(1, 'episodes of each task', 1, 1_000_000),
    'seed': Parameter(0, 'seed of the first episode of each task; they grow by one', 0, 2**53),
    'instruction': Parameter('', "replaces the tasks' own instruction"),
    'output': Parameter('', 'JSON file of the results; episodes in it are not run again'),
    'wait_for': Parameter(
        [''], 'topics that need a publisher before the first episode', form=TOPIC
    ),
    'recorded': Parameter(False, 'count an episode only once the recorder has committed it'),
    'startup_timeout_s': Parameter(120.0, 'longest wait for services and nodes [s]', 1.0, 3600.0),
    'stall_timeout_s': Parameter(
        15.0, 'time without progress after which an episode is played again [s]', 1.0, 3600.0
    ),
    'max_retries': Parameter(
        5, 'number of times that one episode may fail to complete', 0, 1_000_000
    ),
    'only_successes': Parameter(
        False, 'count only episodes that succeed; others are played again as new ones'
    ),
}
# Other nodes may discover each other up to 1.5 s (measured) after this node has found them all.
SETTLE_S = 2.0
# Interval between requests to an environment that cannot start an episode yet [s].
RETRY_S = 2.0
# Temporary refusals: a reset is in progress, or an arm has a fault and may be recovered.
LATER = (ResetEpisode.Response.BUSY, ResetEpisode.Response.FAULT)


class EpisodeRunnerNode(Node):
    """For each episode: resets, waits for the end, stores the result; then shuts down."""

    def __init__(self) -> None:
        """Read the plan and the results of earlier runs."""
        super().__init__('episode_runner')
        self._values = declare(self, PARAMETERS)
        counts = read_tasks(self._values['tasks'], self._values['episodes'])
        self._output = Path(self._values['output']) if self._values['output'] else None
        self._results = read_results(self._output) if self._output else []
        done = {(result['task'], result['seed']) for result in self._results}
        first = self._values['seed']
        # Task by task, because a simulator loads a new model for each task.
        whole = [
            (task, seed) for task, count in counts.items() for seed in range(first, first + count)
        ]
        self._plan = [episode for episode in whole if episode not in done]
        easier = read_tasks(self._values['curriculum'], 1, 'curriculum', least=0)
        self._curriculum = Curriculum(next(iter(counts)), easier)
        for result in self._results:
            self._curriculum.add(result['task'], result['success'])
        self._next_seeds = {
            task: max((seed + 1 for each, seed in done if each == task), default=first)
            for task in easier
        }
        self._progress = progress_bar(
            total=len(whole),
            initial=len(whole) - len(self._plan),
            unit='episode',
            desc=self.get_namespace().strip('/')
            or ('kept' if self._values['only_successes'] else 'episodes'),
        )
        self._diagnostics = Diagnostics(self)
        self._current: tuple[str, int] | None = None
        self._episode_id = self._last_id = ''
        self._retries: Counter[tuple[str, int]] = Counter()
        # Whether the start of episodes is paused; whether one is waiting for the end of the pause.
        self._paused = self._pending = False
        self._unrecorded: dict[str, dict] = {}
        self._started = self._progress_s = time.monotonic()
        self._reset = self.create_client(ResetEpisode, 'reset_episode')
        self.create_subscription(EpisodeState, 'episode', self._on_episode, EVENT)
        self._pause = self.create_subscription(Bool, 'pause_episodes', self._on_pause, EVENT)
        self.create_subscription(String, 'next_task', self._on_next_task, EVENT)
        if self._values['recorded']:
            self.create_subscription(RecordedEpisode, 'recorded_episode', self._on_recorded, EVENT)
        self._startup = self.create_timer(0.1, self._on_startup)
        self._watch = self.create_timer(1.0, self._on_watch)

    def destroy_node(self) -> None:
        """Close the progress bar."""
        self._progress.close()
        super().destroy_node()

    def _on_startup(self) -> None:
        absent = [
            topic
            for topic in self._values['wait_for']
            if topic and not self.count_publishers(topic)
        ]
        if not self._reset.service_is_ready():
            absent.append('service reset_episode')
        waited = time.monotonic() - self._started
        if absent and waited > self._values['startup_timeout_s']:
            raise ConfigError(
                f'after {waited:.0f} s there is no {", ".join(absent)}; start its '
                'node, or remove it from wait_for'
            )
        if not absent:
            self.destroy_timer(self._startup)
            self._settle = self.create_timer(SETTLE_S, self._on_settled)

    def _on_settled(self) -> None:
        self.destroy_timer(self._settle)
        self._next()

    @property
    def _planned(self) -> tuple[str, int]:
        assert self._current is not None, 'all episodes are done'
        return self._current

    def _next(self) -> None:
        if not self._plan:
            self._current = None
            self._finish_if_recorded()
            return
        task = self._curriculum.task
        if task in self._next_seeds:
            self._current = (task, self._next_seeds[task])
            self._next_seeds[task] += 1
        else:
            self._current = self._plan.pop(0)
        self._start()

    def _on_next_task(self, message: String) -> None:
        if not prefer(self._plan, message.data):
            self.get_logger().warning(
                f'topic next_task: no episode of {message.data!r} is left; the order of the '
                'episodes stays'
            )

    def _on_pause(self, message: Bool) -> None:
        self._paused = message.data
        if self._pending and not self._paused:
            self._pending = False
            self._start()

    def _start(self) -> None:
        self._progress_s = time.monotonic()
        self._last_id, self._episode_id = self._episode_id or self._last_id, ''
        if self._paused:
            self._pending = True
            self.get_logger().info(
                'the next episode starts when topic pause_episodes is false',
                throttle_duration_sec=10.0,
            )
            return
        task, seed = self._planned
        request = ResetEpisode.Request(
            task=task, seed=seed, instruction=self._values['instruction']
        )
        self._reset.call_async(request).add_done_callback(self._on_reset)

    def _on_reset(self, future: Future) -> None:
        answer = future.result()
        if answer.code in LATER:
            self.get_logger().warning(
                f'reset_episode: {answer.text}; trying again', throttle_duration_sec=10.0
            )
            self._start_later()
            return
        if answer.code != ResetEpisode.Response.OK:
            raise ConfigError(f'reset_episode refused: {answer.text} (code {answer.code})')
        # An episode that has already ended is ignored: the next one was requested since.
        if answer.episode_id != self._last_id:
            self._episode_id = answer.episode_id

    def _start_later(self) -> None:
        self._again = self.create_timer(RETRY_S, self._on_retry)

    def _on_retry(self) -> None:
        self.destroy_timer(self._again)
        self._start()

    def _on_episode(self, message: EpisodeState) -> None:
        self._progress_s = time.monotonic()
        # A very short episode can end before the answer with its id arrives.
        ours = (
            message.episode_id == self._episode_id
            if self._episode_id
            else (message.task, message.seed) == self._current
            and message.episode_id != self._last_id
        )
        if message.phase != EpisodeState.PHASE_ENDED or not ours:
            return
        self._last_id, self._episode_id = message.episode_id, ''
        result = {
            'task': message.task,
            'seed': message.seed,
            'episode_id': message.episode_id,
            'success': message.success,
            'steps': message.step,
            'terminated': message.terminated,
            'truncated': message.truncated,
            'aborted': message.aborted,
        }
        if message.aborted:
            self._count_retry(self._planned, f'it was aborted: {message.text}')
            # A reset that failed, for example while the arm braked, would fail again at once.
            (self._start if message.step else self._start_later)()
            return
        if self._values['only_successes'] and not message.success:
            self._start_again('it did not succeed')
            return
        self._curriculum.add(message.task, message.success)
        if self._values['recorded']:
            self._unrecorded[message.episode_id] = result
        else:
            self._add_result(result)
        self._next()

    def _start_again(self, reason: str) -> None:
        """Play the current episode again; the failed attempt is not a result."""
        self._count_retry(self._planned, reason)
        self._start()

    def _count_retry(self, episode: tuple[str, int], reason: str) -> None:
        self._retries[episode] += 1
        if self._retries[episode] > self._values['max_retries']:
            raise ConfigError(
                f'{episode} failed {self._retries[episode]} times, the last time '
                f'because {reason}; check that every node of the graph runs'
            )
        self.get_logger().warning(f'{episode} is played again, because {reason}')

    def _on_recorded(self, message: RecordedEpisode) -> None:
        result = self._unrecorded.pop(message.episode_id, None)
        if result is None:
            return
        entry = self._read_entry(Path(message.uri))
        if message.aborted:
            # The episode ended normally, but its recording failed; another may be running now.
            episode = result['task'], result['seed']
            why = f': {entry.failed}' if entry and entry.failed else ''
            self._count_retry(episode, f'its recording failed{why}')
            self._plan.append(episode)
            if self._current is None:
                self._next()
            return
        if entry and entry.dropped is not None:
            result['dropped'] = entry.dropped
        self._add_result(result)
        self._finish_if_recorded()

    def _read_entry(self, bag: Path) -> EpisodeEntry | None:
        """Return the index entry of a recorded episode, or None if its bag cannot be read."""
        try:
            return entry_from_bag(bag)
        except BagError as error:
            self.get_logger().warning(f'the result has no count of dropped steps: {error}')
            return None

    def _add_result(self, result: dict) -> None:
        self._results.append(result)
        self._progress.update()
        if self._values['only_successes']:
            note = f'{sum(self._retries.values())} not kept'
        else:
            rate = sum(one['success'] for one in self._results) / len(self._results)
            note = f'success {rate:.2f}'
        self._progress.set_postfix_str(note, refresh=False)
        self._diagnostics.count('episodes')
        if self._output is not None:
            write_synced(self._output, json.dumps(self._results, indent=1))

    def _finish_if_recorded(self) -> None:
        if not (self._plan or self._current or self._unrecorded):
            raise NodeDone

    def _on_watch(self) -> None:
        # A publisher that has ended cannot end the pause.
        if self._paused and not self.count_publishers(self._pause.topic_name):
            self._on_pause(Bool(data=False))
        silent = time.monotonic() - self._progress_s
        if self._pending or silent < self._values['stall_timeout_s']:
            return
        if self._current:
            self._start_again(f'it made no progress for {silent:.0f} s')
        elif self._unrecorded:
            raise ConfigError(f'the recorder did not commit {sorted(self._unrecorded)}')


def main() -> None:
    """Run the node."""
    run_node(EpisodeRunnerNode)


if __name__ == '__main__':
    main()

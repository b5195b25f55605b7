# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 on the simulated Panda, with a record of its nodes, and with a person's faults."""

from pathlib import Path
from typing import Any

from irevla_bringup.launched_graphs import GraphError
from irevla_bringup.ros_backend import RosBackend
from irevla_control.bags.index import list_episodes
from irevla_learner.json_file import write_json
from irevla_learner.runs.outcome import read_outcome
from irevla_policy.metrics_log import read_metrics
from panda.faults import persons_faults
from panda.health import watched_graph
from panda.outcome import HEALTH

# With a person's faults the graph ends and is started again; more often than this is a defect.
MOST_STARTS = 8


class WatchedBackend(RosBackend):
    """Keeps the rates and times of all nodes of stage 1 in `HEALTH` of its folder."""

    def learn(self, task: str, checkpoint: Path, folder: Path) -> None:
        """Run or continue stage 1."""
        with watched_graph() as health:
            try:
                super().learn(task, checkpoint, folder)
            finally:
                write_json(folder / HEALTH, health.summary())

    def learn_with_faults(self, task: str, checkpoint: Path, folder: Path) -> dict[str, Any]:
        """Run stage 1 with a person's faults, started again as often as its graph ends by one.

        Returns:
            The faults, the number of starts, and the number of recorded episodes and of episodes
            in the replay that a start lost, which must be 0.

        Raises:
            GraphError: the graph ended too often.

        """
        starts, lost, before = 0, 0, (0, 0)
        with persons_faults('learning') as faults:
            while read_outcome(folder) is None:
                starts += 1
                try:
                    self.learn(task, checkpoint, folder)
                except GraphError as error:
                    print(f'start {starts}: {str(error).splitlines()[0]}', flush=True)
                    if starts == MOST_STARTS:
                        raise
                rows = read_metrics(folder)
                kept = len(list_episodes(folder / 'episodes'))
                now = kept, int(rows[-1]['episodes']) if rows else 0
                lost += sum(max(0, old - new) for old, new in zip(before, now))
                before = now
        return {'faults': list(faults), 'starts': starts, 'lost': lost}

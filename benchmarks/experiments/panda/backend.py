# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Stage 1 on the simulated Panda, with a record of its nodes, and with a person's faults."""

import json
from pathlib import Path

from irevla_bringup.launched_graphs import GraphError
from irevla_bringup.ros_backend import RosBackend
from irevla_control.bags.index import list_episodes
from irevla_learner.json_file import write_json
from irevla_learner.runs.outcome import read_outcome
from panda.faults import persons_faults
from panda.health import watched_graph
from panda.outcome import FAULTS_FILE, HEALTH_FILE

# With a person's faults the graph ends and is started again; more often than this is a defect.
MOST_STARTS = 8


class WatchedBackend(RosBackend):
    """Keeps the rates and times of all nodes of each start of a stage 1, in `HEALTH_FILE`.

    Nothing else may run in this domain.
    """

    def learn(self, task: str, checkpoint: Path, folder: Path) -> None:
        """Run or continue stage 1."""
        file = folder / HEALTH_FILE
        before = json.loads(file.read_text()) if file.exists() else []
        with watched_graph(lambda summary: write_json(file, [*before, summary])):
            super().learn(task, checkpoint, folder)

    def learn_with_faults(self, task: str, checkpoint: Path, folder: Path) -> None:
        """Run stage 1 with a person's faults, started again as often as its graph ends by one.

        Raises:
            GraphError: the graph ended too often, or a start lost a recorded episode.

        """
        for start in range(1, MOST_STARTS + 1):
            before = recorded(folder)
            try:
                with persons_faults('learning', folder / FAULTS_FILE):
                    self.learn(task, checkpoint, folder)
            except GraphError as error:
                print(f'start {start}: {str(error).splitlines()[0]}', flush=True)
                if start == MOST_STARTS:
                    raise
            if lost := before - recorded(folder):
                raise GraphError(f'{folder}: start {start} lost the recordings {sorted(lost)}')
            if read_outcome(folder) is not None:
                return


def recorded(folder: Path) -> set[str]:
    """Return the identifiers of the recorded episodes of a stage 1."""
    episodes = folder / 'episodes'
    return {one.episode_id for one in list_episodes(episodes)} if episodes.exists() else set()

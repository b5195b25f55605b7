# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Several `ros2 launch` graphs side by side, each in a namespace, with one progress bar."""

from collections.abc import Callable, Iterator, Sequence
import contextlib
from dataclasses import dataclass
import os
from pathlib import Path
import shlex
import signal
import subprocess
import time

from irevla_control.errors import IrevlaError
from irevla_control.processes import end_with_parent
from irevla_control.progress_bar import progress_bar

POLL_S = 0.5
STOP_S = 20.0
LOG_LINES = 30


class GraphError(IrevlaError):
    """A launched graph that ended before its work was done."""


@dataclass(frozen=True)
class Graph:
    """One `ros2 launch`: the launch file, its arguments, and where its output goes."""

    launch_file: str
    arguments: dict[str, object]
    log: Path

    def command(self) -> list[str]:
        """Return the command line, as a person would type it."""
        return ['ros2', 'launch', 'irevla_bringup', self.launch_file,
                *(f'{name}:={value}' for name, value in self.arguments.items())]


def run_graphs(graphs: Sequence[Graph], title: str, total: int,
               progress: Callable[[], tuple[int, str]], unit: str = 'episode',
               complete: Callable[[], bool] | None = None) -> None:
    """Run the graphs to their end.

    Args:
        graphs: to run side by side.
        title: of the progress bar.
        total: how much there is to do at most.
        progress: returns how much of it is done so far, and what stands beside the bar.
        unit: of both.
        complete: whether all is done; when left out, the total must be.

    Raises:
        GraphError: they all ended before all was done; holds the end of the logs.

    """
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(running_graph(graph)) for graph in graphs]
        bar = stack.enter_context(progress_bar(total=total, desc=title, unit=unit, smoothing=0.05))
        running = True
        while running:
            running = any(process.poll() is None for process in processes)
            time.sleep(POLL_S)
            done, note = progress()
            bar.set_postfix_str(note, refresh=False)
            bar.update(done - bar.n)
    if not (complete() if complete else done >= total):
        ends = '\n'.join(f'--- {graph.log}\n{_tail(graph.log)}' for graph in graphs)
        raise GraphError(f'{title}: all ended after {done} of {total} {unit}s; the same '
                         f'command goes on from there. The logs end with:\n{ends}')


@contextlib.contextmanager
def running_graph(graph: Graph) -> Iterator[subprocess.Popen]:
    """Run a graph while the block lasts; then end it as Ctrl-C would."""
    graph.log.parent.mkdir(parents=True, exist_ok=True)
    print('$ ' + shlex.join(graph.command()), flush=True)
    with graph.log.open('a') as log:
        # A session of its own, so that Ctrl-C reaches the graph once, through us.
        process = subprocess.Popen(graph.command(), stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL, start_new_session=True,
                                   preexec_fn=end_with_parent)
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen) -> None:
    """End a graph as Ctrl-C would; kill what is left of it after a while."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _tail(log: Path) -> str:
    return '\n'.join(log.read_text(errors='replace').splitlines()[-LOG_LINES:])

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs `ros2 launch` graphs in parallel, each in a namespace, with one progress bar."""

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
    """One `ros2 launch`: launch file, arguments, and the log of its output."""

    launch_file: str
    arguments: dict[str, object]
    log: Path

    def command(self) -> list[str]:
        """Return the command line."""
        return [
            'ros2',
            'launch',
            'irevla_bringup',
            self.launch_file,
            *(f'{name}:={value}' for name, value in self.arguments.items()),
        ]


def run_graphs(
    graphs: Sequence[Graph],
    title: str,
    total: int,
    progress: Callable[[], tuple[int, str]],
    unit: str = 'episode',
    complete: Callable[[], bool] | None = None,
) -> None:
    """Run the graphs to their end.

    Args:
        graphs: graphs to run in parallel.
        title: title of the progress bar.
        total: largest total amount of work.
        progress: returns the amount done so far, and a note for the progress bar.
        unit: unit of both amounts.
        complete: returns whether all work is done; None: when the total is done.

    Raises:
        GraphError: all ended before the work was done; contains the end of the logs.

    """
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(running_graph(graph)) for graph in graphs]
        # The estimate of the remaining time does not count what was done before.
        bar = progress_bar(
            total=total, initial=progress()[0], desc=title, unit=unit, smoothing=0.05
        )
        stack.enter_context(bar)
        running = True
        while running:
            running = any(process.poll() is None for process in processes)
            time.sleep(POLL_S)
            done, note = progress()
            bar.set_postfix_str(note, refresh=False)
            bar.update(done - bar.n)
    if not (complete() if complete else done >= total):
        ends = '\n'.join(f'--- {graph.log}\n{tail(graph.log)}' for graph in graphs)
        raise GraphError(
            f'{title}: all ended after {done} of {total} {unit}s; the same '
            f'command continues from there. The logs end with:\n{ends}'
        )


@contextlib.contextmanager
def running_graph(graph: Graph) -> Iterator[subprocess.Popen]:
    """Run a graph during the block; then end it as Ctrl-C would.

    Raises:
        GraphError: there is no `ros2`.

    """
    graph.log.parent.mkdir(parents=True, exist_ok=True)
    print('$ ' + shlex.join(graph.command()), flush=True)
    with graph.log.open('a') as log:
        # In its own session, so that Ctrl-C reaches the graph only once, through this process.
        try:
            process = subprocess.Popen(
                graph.command(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        except OSError as error:
            raise GraphError(
                f'ros2 cannot be started ({error.strerror}); source env.sh'
            ) from error
    try:
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen) -> None:
    """End a graph as Ctrl-C would; kill processes that remain after `STOP_S`."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def tail(log: Path) -> str:
    """Return the last lines of a log."""
    return '\n'.join(log.read_text(errors='replace').splitlines()[-LOG_LINES:])

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Commands that call the `main` of a module, as `python -m` does."""

from dataclasses import dataclass
from functools import partial
import importlib
from typing import NoReturn

from irevla_control.processes import run_command


@dataclass(frozen=True)
class PythonProgram:
    """A module whose `main(arguments, prog=...)` returns the exit status, or None for 0.

    Attributes:
        module: its dotted name.
        continues: whether the same command continues after a stop.

    """

    module: str
    continues: bool = False

    def run(self, prog: str, words: list[str]) -> NoReturn:
        """Run it with the words of a command line; ``prog`` is its name in help and errors."""
        # Not earlier: some need seconds to import.
        main = importlib.import_module(self.module).main
        stopped = 'stopped; the same command continues from here' if self.continues else 'stopped'
        run_command(partial(main, words, prog=prog), prog, stopped)

    show_help = run

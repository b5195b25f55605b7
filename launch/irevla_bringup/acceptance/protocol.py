# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs checks in order, asks a person, and writes the file that is signed at the end."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
import json
from pathlib import Path
from typing import Any

from irevla_control.errors import IrevlaError
from irevla_control.files import write_synced

YES, NO = ('yes', 'y'), ('no', 'n')


class CheckError(IrevlaError):
    """A measurement is outside its limits, or an answer is no."""


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: short name.
        before: text before the check: the motion, and the person's part.
        run: runs the check; returns measurements, with units in the names.
        after: question after the check.

    Raises (``run``):
        CheckError: the check failed.

    """

    name: str
    before: str
    run: Callable[[], dict[str, Any]]
    after: str


@dataclass
class Result:
    """Result of a check: answers, measurements, and the problem."""

    name: str
    passed: bool = False
    asked: dict[str, str] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)
    problem: str = ''
    ended: str = ''


class Protocol:
    """The file of an acceptance, written again after each check."""

    def __init__(
        self,
        file: Path,
        about: dict[str, Any],
        ask: Callable[[str], str],
        say: Callable[[str], None],
    ) -> None:
        """Start; ``ask`` returns a person's answer, ``about`` describes the robot."""
        self._file, self._ask, self._say = file, ask, say
        self._content: dict[str, Any] = {
            **about,
            'began': _now(),
            'signed_off': False,
            'by': '',
            'signed': '',
            'checks': [],
        }

    def run(self, checks: list[Check]) -> bool:
        """Run the checks until one fails; return whether all passed."""
        for number, check in enumerate(checks, 1):
            self._say(f'\n[{number}/{len(checks)}] {check.name}')
            result = self._result(check)
            result.ended = _now()
            self._content['checks'].append(asdict(result))
            self._write()
            if not result.passed:
                self._say(f'{check.name}: failed: {result.problem}')
                return False
            self._say(f'{check.name}: passed: {_text(result.measured)}')
        return True

    def sign(self) -> bool:
        """Ask for a name and sign with it; return whether one is given."""
        name = self._ask('All checks passed. Enter your name to sign this acceptance: ').strip()
        if name:
            self._content |= {'signed_off': True, 'by': name, 'signed': _now()}
            self._write()
        return bool(name)

    def _result(self, check: Check) -> Result:
        result = Result(check.name)
        try:
            self._agree(result, check.before + ' Ready?')
            result.measured = check.run()
            self._say(_text(result.measured))
            self._agree(result, check.after)
        except IrevlaError as error:
            result.problem = str(error)
        else:
            result.passed = True
        return result

    def _agree(self, result: Result, question: str) -> None:
        answer = ''
        while answer not in YES + NO:
            answer = self._ask(f'{question} [yes/no] ').strip().lower()
        result.asked[question] = 'yes' if answer in YES else 'no'
        if answer in NO:
            raise CheckError(f'the answer to {question!r} was no')

    def _write(self) -> None:
        write_synced(self._file, (json.dumps(self._content, indent=1) + '\n').encode())


def _text(measured: dict[str, Any]) -> str:
    return ', '.join(f'{name} {value}' for name, value in measured.items()) or 'no measurements'


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec='seconds')

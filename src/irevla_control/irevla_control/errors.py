# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Errors that name what was wrong, with the value and the remedy."""


class IrevlaError(Exception):
    """Base of every error that the suite raises on purpose."""


class BadMessageError(IrevlaError):
    """A message whose content cannot be used."""


class BagError(IrevlaError):
    """A recording that cannot be written or read."""


class NoEpisodeError(BagError):
    """A folder or file that is no recorded episode, damaged or not."""


class LostEpisodeError(NoEpisodeError):
    """An episode's folder without a file that can be read: in another format, or gone."""


class NothingJoinsError(BagError):
    """An episode of which no observation is complete; ``reason`` says which part is missing."""

    def __init__(self, folder: object, reason: str) -> None:
        """Name the episode's folder and the reason."""
        super().__init__(
            f'{folder}: no observation is complete: {reason}; leave the episode out, '
            'or read it with a larger max_skew_s'
        )
        self.reason = reason


class ConfigError(IrevlaError):
    """A parameter, file or name that does not fit."""


def one_line(error: BaseException) -> str:
    """Return an error's text in one line; those of parsers have several."""
    return ' '.join(str(error).split())

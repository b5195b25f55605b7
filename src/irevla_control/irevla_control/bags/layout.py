# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Names and format numbers shared by the writer and the reader of a bag."""

from collections.abc import Mapping

from irevla_control.errors import BagError

METADATA = 'metadata.yaml'
# Name of the MCAP metadata record about the episode.
EPISODE_METADATA = 'irevla_episode'
# Key of the bag's format, here and in metadata.yaml's custom data:
# 1 (without the key): irevla_msgs of release 0.1; topic policy_step in every bag.
# 2: EndEffectorCommand without `sequence`, PolicyStep without `step` and `log_probability`;
#    PolicyStep may have `latent_stamp` and `chunk_index`, which no reader of bags needs.
FORMAT_KEY = 'format'
FORMAT = 2


def check_format(about: Mapping[str, str], where: object) -> int:
    """Return the format in a bag's metadata; an error starts with ``where``.

    Raises:
        BagError: the format is newer than this program, or not a number.

    """
    text = str(about.get(FORMAT_KEY, 1))
    if not (text.isascii() and text.isdigit() and int(text)):
        raise BagError(
            f'{where}: {FORMAT_KEY} is {text!r} in its metadata, a number is needed; '
            'copy the bag again'
        )
    if int(text) > FORMAT:
        raise BagError(
            f'{where}: a bag of format {text}, this irevla reads 1 to {FORMAT}; '
            'read it with the irevla that recorded it, or a newer one'
        )
    return int(text)

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""What the writer and the reader of a bag agree on."""

# Name of the MCAP metadata record that tells what is known of the episode.
EPISODE_METADATA = 'irevla_episode'

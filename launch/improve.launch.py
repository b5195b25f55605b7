# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The old name of stage1.launch.py: names the new one and fails."""

import sys

from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """End with status 1 and one line."""
    # No exception: `ros2 launch` would print its traceback, before it looks at the arguments.
    sys.exit('improve.launch.py is now stage1.launch.py; its arguments are the same')

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The model of gymnasium-robotics' `FrankaKitchen-v1`."""

from importlib.util import find_spec
from pathlib import Path

import mujoco

from irevla_control.errors import ConfigError

PACKAGE = 'gymnasium_robotics'
FILE = 'envs/assets/kitchen_franka/kitchen_assets/kitchen_env_model.xml'


def read_stock_model() -> mujoco.MjSpec:
    """Return the model as it is shipped, not compiled.

    Raises:
        ConfigError: gymnasium-robotics is not installed.

    """
    # Found, not imported: the import takes a second and prints a notice.
    package = find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise ConfigError("Franka Kitchen's model is missing: pip install gymnasium-robotics")
    return mujoco.MjSpec.from_file(str(Path(package.origin).parent / FILE))

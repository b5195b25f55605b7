# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A picture of each threshold of success: the way not begun, at the threshold, and complete.

`python -m irevla_sim.kitchen.threshold_sheet --output docs/images/kitchen_thresholds.png`
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
import sys

import mujoco
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from irevla_control.errors import ConfigError
from irevla_sim.kitchen.scene import Scene
from irevla_sim.kitchen.tasks import DEFAULT_SHARE, load_catalogue
from irevla_sim.simulator.tasks import Task, tasks_of_split

SIZE, CAPTION, SEED = 224, 16, 0


def draw_task(task: Task) -> Image.Image:
    """Return a row of front images of one task, each with the share of the way as its caption."""
    scene = Scene(task, SIZE)
    joint = scene.model.joint(task.options['joint']).qposadr[0]
    shares = 0.0, float(task.options.get('success_share', DEFAULT_SHARE)), 1.0
    row = Image.new('RGB', (SIZE * len(shares), SIZE + CAPTION), 'white')
    draw, font = ImageDraw.Draw(row), ImageFont.load_default(11)
    for column, share in enumerate(shares):
        scene.reset(SEED)
        scene.data.qpos[joint] = share * task.options['opened']
        _settle(scene.model, scene.data)
        row.paste(Image.fromarray(scene.render('front')), (SIZE * column, CAPTION))
        draw.text((SIZE * column + 2, 1), f'{task.name}: {share:.0%}', 'black', font)
    scene.close()
    return row


def draw_sheet() -> Image.Image:
    """Return the rows of the expert tasks below each other."""
    catalogue = load_catalogue()
    rows = [np.asarray(draw_task(catalogue[name])) for name in tasks_of_split('expert', catalogue)]
    return Image.fromarray(np.concatenate(rows))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the sheet of the expert tasks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, required=True, help='PNG file to write')
    options = parser.parse_args(arguments)
    try:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        draw_sheet().save(options.output, 'PNG', optimize=True)
    except (ConfigError, OSError) as error:
        sys.exit(f'error: {error}')


def _settle(model: mujoco.MjModel, data: mujoco.MjData) -> None:
    """Move the joints that are coupled to others (burner and lamp), then all poses."""
    for number in np.flatnonzero(model.eq_type == mujoco.mjtEq.mjEQ_JOINT):
        leader, follower = (
            model.jnt_qposadr[ids[number]] for ids in (model.eq_obj1id, model.eq_obj2id)
        )
        data.qpos[follower] = data.qpos[leader] / model.eq_data[number, 1]
    mujoco.mj_forward(model, data)


if __name__ == '__main__':
    main()

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A labelled image of all tasks of a simulator.

`python -m irevla_sim.simulator.contact_sheet --output tasks.png`
"""

import argparse
from collections.abc import Iterable
from pathlib import Path
import sys

from PIL import Image, ImageDraw, ImageFont

from irevla_control.errors import ConfigError
from irevla_sim.simulator.simulator import DEFAULT, SHIPPED, Simulator, find_simulator
from irevla_sim.simulator.tasks import Task

HEADINGS = {
    'expert': 'Tasks to be demonstrated',
    'rl': 'Variants to learn online',
    'held_out': 'Variants held out: never trained on',
}
COLUMNS = 10
RENDERED, TILE, GAP = 256, 128, 8
HEADING_HEIGHT, LABEL_HEIGHT = 36, 18
INK, PAPER = 'black', 'white'


def draw_sheet(
    simulator: Simulator, tasks: Iterable[Task], camera: str = 'front', seed: int = 0
) -> Image.Image:
    """Return a grid of the tasks' first frames, one section per split."""
    tasks = list(tasks)
    sections = {split: [task for task in tasks if task.split == split] for split in HEADINGS}
    row_height = TILE + LABEL_HEIGHT + GAP
    height = GAP + sum(
        HEADING_HEIGHT + -(-len(section) // COLUMNS) * row_height
        for section in sections.values()
        if section
    )
    sheet = Image.new('RGB', (COLUMNS * (TILE + GAP) + GAP, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(18), ImageFont.load_default(10)
    y = GAP
    for split, section in sections.items():
        if not section:
            continue
        draw.text((GAP, y), HEADINGS[split], INK, large)
        y += HEADING_HEIGHT
        for number, task in enumerate(section):
            x = GAP + number % COLUMNS * (TILE + GAP)
            row = y + number // COLUMNS * row_height
            sheet.paste(_first_frame(simulator, task, camera, seed), (x, row))
            draw.text((x, row + TILE + 1), task.name, INK, small)
        y += -(-len(section) // COLUMNS) * row_height
    return sheet


def _first_frame(simulator: Simulator, task: Task, camera: str, seed: int) -> Image.Image:
    scene = simulator.scene(task, RENDERED, simulator.repeat_of(task))
    scene.reset(seed)
    picture = Image.fromarray(scene.render(camera))
    scene.close()
    return picture.resize((TILE, TILE), Image.Resampling.BOX)


def main() -> None:
    """Draw the catalogue's tasks and those of the user's files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, required=True, help='PNG file to write')
    parser.add_argument(
        '--simulator',
        default=DEFAULT,
        help=f'{" or ".join(SHIPPED)}, or a Python module that has SIMULATOR',
    )
    parser.add_argument('--camera', default='front')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--tasks-file', type=Path, nargs='*', default=(), help='YAML files with own tasks'
    )
    arguments = parser.parse_args()
    try:
        simulator = find_simulator(arguments.simulator)
        simulator.check_camera(arguments.camera)
        tasks = simulator.load_catalogue(arguments.tasks_file)
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        sheet = draw_sheet(simulator, tasks.values(), arguments.camera, arguments.seed)
        sheet.save(arguments.output, 'PNG', optimize=True)
    except (ConfigError, OSError) as error:
        sys.exit(f'error: {error}')


if __name__ == '__main__':
    main()

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Draw each task's part, half and fully moved, beside the stock model without effects.

`python -m kitchen.sheet --output ../docs/images` in benchmarks/
"""

import argparse
from pathlib import Path

from kitchen.states import MOVED, reach, state
import mujoco
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from irevla_sim.kitchen.rendering import Renderer, add_cameras, prepare_spec
from irevla_sim.kitchen.stock_model import read_stock_model

# The site of each task that the fingers reach for.
SITES = {
    'knob': 'knob1_site',
    'light': 'light_site',
    'microwave': 'microhandle_site',
    'slide door': 'slide_site',
    'left door': 'hinge_site1',
}
CAMERAS = ('front', 'wrist')
SHARES = (0.5, 1.0)
# Edge of the images [pixels]: how many times they are enlarged.
SIZES = {84: 2, 224: 1}
GAP, LABEL_HEIGHT = 6, 20
INK, PAPER = 'black', 'white'


class Sheet:
    """Both models and their renderers for one size of images."""

    def __init__(self, size: int) -> None:
        """Build both models."""
        spec = read_stock_model()
        prepare_spec(spec)
        self._model = spec.compile()
        self._renderer = Renderer(self._model, size)
        spec = read_stock_model()
        add_cameras(spec)
        self._stock = spec.compile()
        self._stock.vis.quality.shadowsize = self._stock.vis.quality.offsamples = 0
        self._stock.vis.map.znear = self._model.vis.map.znear
        self._plain = mujoco.Renderer(self._stock, size, size)
        self._size = size

    def close(self) -> None:
        """Free both renderers."""
        self._renderer.close()
        self._plain.close()

    def pairs(self, task: str, share: float) -> list[np.ndarray]:
        """Return ours and stock's image of each camera, with a part moved a share of its way."""
        data = state(self._model, {}, 0)
        for name, position in MOVED[task].items():
            data.joint(name).qpos[0] = share * position
        mujoco.mj_forward(self._model, data)
        reach(self._model, data, SITES[task], 0.02)
        copy = mujoco.MjData(self._stock)
        copy.qpos[:] = data.qpos
        mujoco.mj_forward(self._stock, copy)
        pictures = []
        for camera in CAMERAS:
            self._plain.update_scene(copy, camera)
            self._plain.scene.flags[:] = 0
            pictures += [self._renderer.render(data, camera), self._plain.render()]
        return pictures

    def draw(self) -> Image.Image:
        """Return the sheet: a row for each task."""
        edge = self._size * SIZES[self._size]
        columns = [(share, camera) for share in SHARES for camera in CAMERAS]
        width = GAP + 2 * len(columns) * (edge + GAP)
        row = edge + LABEL_HEIGHT + GAP
        sheet = Image.new('RGB', (width, GAP + len(MOVED) * row), PAPER)
        draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
        for line, task in enumerate(MOVED):
            pictures = [picture for share in SHARES for picture in self.pairs(task, share)]
            for column, picture in enumerate(pictures):
                share, camera = columns[column // 2]
                place = (GAP + column * (edge + GAP), GAP + line * row)
                tile = Image.fromarray(picture).resize((edge, edge), Image.Resampling.NEAREST)
                sheet.paste(tile, (place[0], place[1] + LABEL_HEIGHT))
                label = 'stock' if column % 2 else f'{task} {share:.0%}, {camera}'
                draw.text(place, label, INK, font)
        return sheet


def main() -> None:
    """Write a sheet for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, required=True, help='folder to write to')
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    for size in SIZES:
        sheet = Sheet(size)
        picture = sheet.draw()
        picture.save(folder / f'kitchen_{size}.png', optimize=True)
        sheet.close()


if __name__ == '__main__':
    main()

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A Panda at a table with objects to pick, in franky-sim's MuJoCo simulator."""

import xml.etree.ElementTree as ET

from franky_sim.mujoco_simulator import MujocoSimulator
import mujoco
import numpy as np

from irevla_sim.panda.robot import PandaRobot
from irevla_sim.panda.table.models import GRIPPY, add_fixtures, add_things
from irevla_sim.panda.table.objects import FIXTURES, THINGS
from irevla_sim.panda.table.tasks import Task, random_layout

# Joints [rad] with the end effector straight down, 0.49 m above the table.
HOME_JOINTS = (0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4)
# Where objects and fixtures are that a task does not need: behind the front camera [m].
AWAY_M, AWAY_APART_M, AWAY_HEIGHT_M = 3.0, 0.3, 0.5
# The relative pose in the data of a MuJoCo weld.
WELD_POSE = slice(3, 10)
CAMERAS = {
    # Beside the fingers, in their direction; and from the opposite side of the table.
    'wrist': {'pos': '-0.09 0 0.04', 'xyaxes': '0 -1 0 -0.77 0 0.64', 'fovy': '75'},
    'front': {'pos': '1.05 0.0 0.42', 'xyaxes': '0 1 0 -0.6 0 0.8', 'fovy': '50'},
}


class PandaScene(MujocoSimulator):
    """The simulator with one robot, a table, objects and cameras."""

    def __init__(self) -> None:
        """Build the scene; `init` and `start` start it."""
        super().__init__()
        self.add_robot()
        # Replaces the robot of `add_robot`, with the same bodies.
        self.robot = PandaRobot(initial_q=HOME_JOINTS, initial_hand_width=0.08)
        self._robots[0] = self.robot
        for body in self.worldbody.iter('body'):
            body.set('gravcomp', '1')
        for pad in self.worldbody.iter('geom'):
            if pad.get('class', '').startswith('fingertip_pad'):
                pad.attrib.update(GRIPPY)
        add_things(self.worldbody, self.scene.find('equality'))
        add_fixtures(self.worldbody)
        hand = next(
            body for body in self.worldbody.iter('body') if body.get('name') == 'robot0_hand'
        )
        ET.SubElement(hand, 'camera', CAMERAS['wrist'], name='wrist')
        ET.SubElement(self.worldbody, 'camera', CAMERAS['front'], name='front')

    def model_alone(self) -> mujoco.MjModel:
        """Return the model for rendering in another process than the simulation."""
        self.init()
        self.start()
        self.model.vis.quality.shadowsize = self.model.vis.quality.offsamples = 0
        return self.model

    def arrange(self, task: Task, seed: int) -> None:
        """Put what a task needs on the table, at places drawn from the seed, the rest far away."""
        layout = random_layout(task, seed)
        for number, (name, thing) in enumerate(THINGS.items()):
            here = layout.things.get(name)
            x, y, angle = here or (AWAY_M, AWAY_APART_M * number, 0.0)
            # What is away floats, which costs the physics nothing.
            self.model.body_gravcomp[self.model.body(name).id] = here is None
            self.put(name, (x, y, thing.height if here else AWAY_HEIGHT_M), angle)
        for number, (name, joints) in enumerate(FIXTURES.items()):
            place = layout.fixtures.get(name, (AWAY_M, -AWAY_APART_M * (number + 1)))
            for joint, value in zip(joints, (*place, 0.0)):
                self.data.joint(joint).qpos = value
                self.data.joint(joint).qvel = 0
        mujoco.mj_forward(self.model, self.data)

    def put(self, name: str, position: tuple[float, float, float], angle: float = 0.0) -> None:
        """Put an object at a position [m], rotated about the vertical [rad], at rest."""
        joint = self.model.joint(name)
        start, speed = joint.qposadr[0], joint.dofadr[0]
        self.data.qpos[start : start + 7] = (*position, np.cos(angle / 2), 0, 0, np.sin(angle / 2))
        self.data.qvel[speed : speed + 6] = 0

    def fasten(self, name: str, fast: bool) -> None:
        """Fix an object in place, like a handle, or release it."""
        weld = self.model.equality(f'fastened {name}')
        # The data of a weld has the pose of the second body in the frame of the first.
        weld.data[WELD_POSE] = self.data.joint(name).qpos
        self.data.eq_active[weld.id] = fast

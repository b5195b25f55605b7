# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""A Panda at a table with objects to pick, in franky-sim's MuJoCo simulator."""

from dataclasses import dataclass
import xml.etree.ElementTree as ET

from franky_sim.mujoco_simulator import MujocoSimulator
import mujoco
import numpy as np

from irevla_sim.panda.robot import PandaRobot

# Joints [rad] with the end effector straight down, 0.49 m above the table.
HOME_JOINTS = (0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4)
# Region of objects (x, y) [m] in the base frame, and their least distance [m].
REGION_LOW, REGION_HIGH = np.array([0.42, -0.16]), np.array([0.6, 0.16])
APART = 0.08
# Contacts for a stable grasp: sliding, spinning and rolling friction, and four dimensions.
GRIPPY = {'friction': '1.2 0.02 0.001', 'condim': '4', 'solref': '0.01 1'}


@dataclass(frozen=True)
class Thing:
    """An object on the table: attributes of a MuJoCo geom, and the `height` of its centre [m]."""

    geom: str
    size: str
    rgba: str
    mass: float
    height: float
    quaternion: str = '1 0 0 0'


THINGS = {
    'red block': Thing('box', '0.02 0.02 0.02', '0.85 0.15 0.12 1', 0.05, 0.02),
    'green block': Thing('box', '0.02 0.02 0.02', '0.15 0.65 0.2 1', 0.05, 0.02),
    'blue block': Thing('box', '0.02 0.02 0.02', '0.12 0.3 0.85 1', 0.05, 0.02),
    'eggplant': Thing('ellipsoid', '0.045 0.022 0.022', '0.35 0.1 0.4 1', 0.06, 0.022),
    'carrot': Thing(
        'capsule', '0.014 0.045', '0.95 0.5 0.1 1', 0.05, 0.014, quaternion='0.7071 0 0.7071 0'
    ),
}
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
        equality = self.scene.find('equality')
        for name, thing in THINGS.items():
            body = ET.SubElement(self.worldbody, 'body', name=name)
            ET.SubElement(body, 'freejoint', name=name)
            ET.SubElement(
                body,
                'geom',
                type=thing.geom,
                size=thing.size,
                rgba=thing.rgba,
                mass=str(thing.mass),
                quat=thing.quaternion,
                attrib=GRIPPY,
            )
            # Lets a test fix an object in place, as stiffly as a step of 1 ms allows.
            ET.SubElement(
                equality,
                'weld',
                name=f'fastened {name}',
                body1='world',
                body2=name,
                active='false',
                solref='0.002 1',
                solimp='0.99 0.999 0.001',
            )
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

    def arrange(self, seed: int) -> None:
        """Put all objects on the table, at separate places drawn from the seed."""
        random = np.random.default_rng(seed)
        places: list[np.ndarray] = []
        while len(places) < len(THINGS):
            place = random.uniform(REGION_LOW, REGION_HIGH)
            if all(np.linalg.norm(place - other) > APART for other in places):
                places.append(place)
        for (name, thing), place in zip(THINGS.items(), places):
            angle = random.uniform(-np.pi, np.pi)
            self.put(name, (*place, thing.height), angle)
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

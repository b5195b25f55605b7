# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The objects and fixtures of the table as elements of a MuJoCo scene."""

import xml.etree.ElementTree as ET

from irevla_sim.panda.table.objects import (
    BUTTON_HEIGHT,
    BUTTON_TRAVEL,
    DRAWER_TRAVEL,
    HANDLE_X,
    PLATE_RADIUS,
    THINGS,
)

# Contacts for a stable grasp: friction against sliding and spinning (four dimensions).
GRIPPY = {'friction': '1.2 0.02', 'condim': '4', 'solref': '0.01 1'}
# A round object also resists rolling, here and between fingers, as fruit does that is soft and
# uneven: at 0.2 m/s it stops in 2 to 6 cm. Without that a touched one rolls off the table.
ROUND = {**GRIPPY, 'friction': '1.2 0.02 0.003', 'condim': '6'}
# A fixture stands still on the table, but its place is part of the scene's joint positions.
STANDS = {'type': 'slide', 'damping': '1000', 'frictionloss': '500'}
# The drawer's front in the fixture's frame (x) [m].
FRONT_X = -0.072
# Geoms that touch nothing.
SEEN_ONLY = {'contype': '0', 'conaffinity': '0'}


def add_things(world: ET.Element, equality: ET.Element) -> None:
    """Add all objects to the world, each with a weld that can fasten it."""
    for name, thing in THINGS.items():
        body = ET.SubElement(world, 'body', name=name)
        ET.SubElement(body, 'freejoint', name=name)
        ET.SubElement(
            body,
            'geom',
            type=thing.geom,
            size=thing.size,
            rgba=thing.rgba,
            mass=str(thing.mass),
            quat=thing.quaternion,
            attrib=GRIPPY if thing.geom == 'box' else ROUND,
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


def add_fixtures(world: ET.Element) -> None:
    """Add table top, plate, drawer and button to the world, these in the order of `FIXTURES`."""
    # Only a picture: what lies on it touches the floor 0.5 mm below.
    _geom(world, 'box', '0.95 0.9 0.005', '0.55 0.5 0.45 1', '0.3 0 -0.0045', **SEEN_ONLY)
    plate = _fixture(world, 'plate')
    _geom(plate, 'cylinder', f'{PLATE_RADIUS} 0.004', '0.95 0.95 0.97 1', '0 0 0.004')
    drawer = _fixture(world, 'drawer')
    brown, light = '0.5 0.33 0.18 1', '0.75 0.6 0.4 1'
    _geom(drawer, 'box', '0.07 0.055 0.004', brown, '0 0 0.04')
    _geom(drawer, 'box', '0.07 0.004 0.02', brown, '0 0.055 0.02')
    _geom(drawer, 'box', '0.07 0.004 0.02', brown, '0 -0.055 0.02')
    _geom(drawer, 'box', '0.004 0.055 0.02', brown, '0.066 0 0.02')
    moving = ET.SubElement(drawer, 'body', name='moving drawer', pos=f'{FRONT_X} 0 0')
    ET.SubElement(
        moving,
        'joint',
        name='drawer',
        type='slide',
        axis='-1 0 0',
        range=f'0 {DRAWER_TRAVEL}',
        damping='8',
        frictionloss='0.5',
    )
    _geom(moving, 'box', '0.004 0.05 0.016', light, '0 0 0.018', mass='0.1')
    _geom(moving, 'box', '0.06 0.045 0.003', light, '0.06 0 0.008', mass='0.1', **SEEN_ONLY)
    _geom(
        moving,
        'box',
        '0.006 0.012 0.024',
        '0.15 0.15 0.15 1',
        f'{HANDLE_X - FRONT_X} 0 0.036',
        mass='0.05',
        **GRIPPY,
    )
    _geom(
        moving,
        'box',
        '0.008 0.006 0.006',
        '0.15 0.15 0.15 1',
        f'{HANDLE_X - FRONT_X + 0.01} 0 0.02',
        mass='0.01',
        **SEEN_ONLY,
    )
    button = _fixture(world, 'button')
    _geom(button, 'box', '0.035 0.035 0.015', '0.3 0.3 0.33 1', '0 0 0.015')
    cap = ET.SubElement(button, 'body', name='cap', pos=f'0 0 {BUTTON_HEIGHT - 0.012}')
    ET.SubElement(
        cap,
        'joint',
        name='button',
        type='slide',
        axis='0 0 1',
        range=f'{-BUTTON_TRAVEL} 0',
        stiffness='300',
        damping='5',
    )
    _geom(cap, 'cylinder', '0.018 0.012', '0.8 0.1 0.5 1', '0 0 0', mass='0.02', **GRIPPY)


def _fixture(world: ET.Element, name: str) -> ET.Element:
    body = ET.SubElement(world, 'body', name=name, gravcomp='1')
    for axis, way in (('x', '1 0 0'), ('y', '0 1 0')):
        ET.SubElement(body, 'joint', STANDS, name=f'{name} {axis}', axis=way)
    return body


def _geom(
    body: ET.Element, kind: str, size: str, rgba: str, pos: str, mass: str = '0.5', **more: str
) -> None:
    ET.SubElement(
        body, 'geom', {'type': kind, 'size': size, 'rgba': rgba, 'pos': pos, 'mass': mass, **more}
    )

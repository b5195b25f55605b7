# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The fields that a reader needs in a topic's messages, and a check of a bag's definitions."""

from dataclasses import dataclass

from mcap.records import Schema
from rosbags.interfaces import Nodetype
from rosbags.typesys import TypesysError
from rosbags.typesys.store import Typestore

from irevla_control.bags.message_types import typestore
from irevla_control.errors import BadMessageError
from irevla_control.observation import ACTION_FIELDS, STATE_FIELDS

_INTEGERS = frozenset(f'{sign}int{bits}' for sign in ('', 'u') for bits in (8, 16, 32, 64))
_KINDS = {
    'number': _INTEGERS | {'float32', 'float64'},
    'whole number': _INTEGERS,
    'text': frozenset({'string'}),
    'flag': frozenset({'bool'}),
    'bytes': frozenset({'uint8[]', 'byte[]'}),
}
_STAMP = {'header.stamp.sec': 'whole number', 'header.stamp.nanosec': 'whole number'}


def _of(kind: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), kind)


@dataclass(frozen=True)
class Needed:
    """A message type, and the kind of each field that is read, by path."""

    type: str
    fields: dict[str, str]


IMAGE = Needed(
    'sensor_msgs/msg/Image',
    _STAMP | _of('whole number', 'height width') | {'encoding': 'text', 'data': 'bytes'},
)
COMPRESSED_IMAGE = Needed(
    'sensor_msgs/msg/CompressedImage', _STAMP | {'format': 'text', 'data': 'bytes'}
)
_COMMAND = Needed(
    'irevla_msgs/msg/EndEffectorCommand',
    _STAMP | dict.fromkeys(ACTION_FIELDS, 'number') | {'source': 'whole number'},
)
NEEDED = {
    'command': _COMMAND,
    'expert_label': _COMMAND,
    'robot_state': Needed(
        'irevla_msgs/msg/RobotState', _STAMP | dict.fromkeys(STATE_FIELDS, 'number')
    ),
    'episode': Needed(
        'irevla_msgs/msg/EpisodeState',
        _STAMP
        | _of('text', 'episode_id task instruction')
        | _of('whole number', 'seed step phase')
        | _of('flag', 'success aborted terminated truncated')
        | {'reward': 'number'},
    ),
}


def checked_types(
    topic: str, schema: Schema | None, encoding: str, needed: tuple[Needed, ...]
) -> Typestore:
    """Return the type store of a topic's messages, from the definitions in the bag.

    Args:
        topic: recorded name.
        schema: schema of the messages; None if the bag has none.
        encoding: encoding of the messages.
        needed: readable types.

    Raises:
        BadMessageError: the type is not readable, its definition is missing, or a field is
            missing or of another kind.

    """
    wanted = ' or '.join(each.type for each in needed)
    if schema is None:
        raise BadMessageError(f'{topic} has no message type in the bag; {wanted} is needed')
    found = next((each for each in needed if each.type == schema.name), None)
    if found is None:
        raise BadMessageError(f'{topic} contains {schema.name}; {wanted} is needed')
    if encoding != 'cdr':
        raise BadMessageError(f'{topic} contains {schema.name} as {encoding!r}; cdr is needed')
    text = schema.data.decode(errors='replace')
    if not text.strip():
        raise BadMessageError(
            f'the bag contains no definition of {schema.name}, which {topic} has; where the type '
            'is installed, ros2 bag convert writes a bag that contains it'
        )
    try:
        store = typestore(((schema.name, text),), schema.encoding)
    except (TypesysError, ValueError) as error:
        raise BadMessageError(
            f'the definition of {schema.name} in the bag, which {topic} has, '
            f'cannot be read: {" ".join(str(error).split())}'
        ) from error
    if (
        not _kind(store, schema.name, 'header.stamp.sec')
        or _fields(store, schema.name)[0][0] != 'header'
    ):
        raise BadMessageError(
            f'{topic}: {schema.name} in the bag does not begin with a header; '
            f'that of this release is needed'
        )
    for path, kind in found.fields.items():
        actual = _kind(store, schema.name, path)
        if actual not in _KINDS[kind]:
            held = ', '.join(name for name, _ in _fields(store, schema.name))
            raise BadMessageError(
                f'{topic}: {schema.name} in the bag has '
                + (
                    f'field {path} as {actual}, not as {kind}'
                    if actual
                    else f'no field {path} (it has {held})'
                )
                + '; the definition of this release is needed'
            )
    return store


def _fields(store: Typestore, type_name: str) -> list:
    return store.fielddefs[type_name][1] if type_name in store.fielddefs else []


def _kind(store: Typestore, type_name: str, path: str) -> str:
    """Return a field's basic type, with '[]' for a list; '' if there is no such field."""
    name, _, rest = path.partition('.')
    node, value = dict(_fields(store, type_name)).get(name, (None, None))
    if rest:
        return _kind(store, value, rest) if node == Nodetype.NAME else ''
    if node == Nodetype.BASE:
        return value[0]
    if node in (Nodetype.ARRAY, Nodetype.SEQUENCE) and value[0][0] == Nodetype.BASE:
        return f'{value[0][1][0]}[]'
    return value if node == Nodetype.NAME else ''

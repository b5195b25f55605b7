# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Definitions and hashes of message types, and decoders made from definitions."""

from functools import cache, lru_cache
from pathlib import Path
import re
import struct
from typing import Any

from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from irevla_control.errors import BadMessageError, ConfigError

_SEPARATOR = '\n' + 80 * '=' + '\nMSG: '
# A type and a name, without the constants, which have a value after '='.
_FIELD = re.compile(r'^\s*([A-Za-z][\w/]*)(?:<=\d+)?(?:\[.*?\])?\s+\w+\b(?!\s*=)', re.MULTILINE)
_BASIC = frozenset(
    (
        'bool',
        'byte',
        'char',
        'float32',
        'float64',
        'string',
        'wstring',
        *(f'{sign}int{bits}' for sign in ('', 'u') for bits in (8, 16, 32, 64)),
    )
)


def _own_text(name: str) -> str:
    """Return the .msg file of 'package/Type' from the ament index."""
    # Only writers need an ament index; readers use the definitions in the bag.
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    package, _, message = name.partition('/')
    try:
        return Path(get_package_share_directory(package), 'msg', f'{message}.msg').read_text()
    except (PackageNotFoundError, OSError, ValueError) as error:
        raise ConfigError(
            f'no definition of message type {name!r}: {error}; source the workspace with it'
        ) from error


def _field_types(name: str, text: str) -> list[str]:
    """Return the types of a definition's fields; those of messages as 'package/Type'."""
    package = name.partition('/')[0]
    types = []
    for field in _FIELD.findall(text):
        parts = field.split('/')
        types.append(
            field if field in _BASIC else f'{parts[0] if len(parts) > 1 else package}/{parts[-1]}'
        )
    return types


@cache
def definition(type_name: str) -> str:
    """Return the definition of 'package/msg/Type' and of all types in it, in rosbag2's form.

    Raises:
        ConfigError: the type is not installed.

    """
    todo, texts = [type_name.replace('/msg/', '/')], {}
    while todo:
        name = todo.pop(0)
        if name not in texts:
            texts[name] = _own_text(name)
            todo += [each for each in _field_types(name, texts[name]) if each not in _BASIC]
    (_, first), *rest = texts.items()
    return first + ''.join(f'{_SEPARATOR}{name}\n{text}' for name, text in rest)


def begins_with_header(type_name: str) -> bool:
    """Return whether the first field of a type is a std_msgs/Header."""
    name = type_name.replace('/msg/', '/')
    return _field_types(name, _own_text(name))[:1] == ['std_msgs/Header']


@lru_cache(maxsize=16)
def typestore(definitions: tuple[tuple[str, str], ...], encoding: str = 'ros2msg') -> Typestore:
    """Return the type store of these (type, definition) pairs.

    Raises:
        TypesysError: a definition is not in ``encoding``, 'ros2msg' or 'ros2idl'.

    """
    store, types = get_typestore(Stores.EMPTY), {}
    for type_name, text in definitions:
        types.update(
            get_types_from_idl(text)
            if encoding == 'ros2idl'
            else get_types_from_msg(text, type_name)
        )
    store.register(types)
    return store


def decode(store: Typestore, type_name: str, data: bytes) -> Any:
    """Return the message in serialized data; its byte arrays are views of the data.

    Unlike the store's own method, it accepts bytes after the message, which rclpy appends to
    messages published in serialized form.

    Raises:
        BadMessageError: the data is not a message of this type.

    """
    kind = store.get_msgdef(type_name)
    try:
        read = kind.deserialize_cdr_le if data[1] & 1 else kind.deserialize_cdr_be
        return read(memoryview(data)[4:], 0, kind.cls, store)[0]
    except (struct.error, ValueError, IndexError, SerdeError) as error:
        raise BadMessageError(f'{len(data)} bytes are no {type_name}: {error}') from error


@cache
def type_hash(type_name: str) -> str:
    """Return the RIHS01 hash, by which ROS 2 distinguishes versions of a type."""
    return typestore(((type_name, definition(type_name)),)).hash_rihs01(type_name)

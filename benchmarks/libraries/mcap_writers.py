# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Compares our MCAP writer with the mcap package's without chunks, at the recorder's rate.

From benchmarks/: python -m libraries.mcap_writers
"""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
import errno
from io import FileIO
import json
import os
from pathlib import Path
import resource
import signal
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple, Protocol

from mcap.exceptions import McapError
from mcap.reader import make_reader
from mcap.stream_reader import StreamReader
from mcap.writer import Writer
import numpy as np
from recording import CAMERA_HZ, CAMERAS, HEIGHT, STATE_HZ, WIDTH

from irevla_control.bags.mcap_file import McapFile

STATE_BYTES, PICTURE_BYTES = 500, 3 * HEIGHT * WIDTH + 80
TURNS = 5
KILLS = 10
# Time of writing before a kill [s].
KILLED_AFTER_S = 0.05


class Write(Protocol):
    """Writes a message to a channel."""

    def __call__(self, channel: int, time_ns: int, sequence: int, data: bytes) -> None:
        """Write."""


class Open(NamedTuple):
    """An open file of two channels."""

    write: Write
    finish: Callable[[], None]


@contextmanager
def ours(path: Path) -> Iterator[Open]:
    """Open our writer."""
    file = McapFile.create(path, {})
    for topic in ('state', 'picture'):
        file.add_channel(topic, 'x/msg/X', 'uint8[] data', {})
    yield Open(
        lambda channel, at, sequence, data: file.write(channel, at, at, sequence, data),
        lambda: file.finish({}),
    )


@contextmanager
def package(path: Path, data_crc: bool) -> Iterator[Open]:
    """Open the package's writer without chunks."""
    with path.open('xb', buffering=0) as file:
        writer = Writer(_Whole(file), use_chunking=False, enable_data_crcs=data_crc)
        writer.start(profile='ros2', library='irevla')
        schema = writer.register_schema('x/msg/X', 'ros2msg', b'uint8[] data')
        for topic in ('state', 'picture'):
            writer.register_channel(topic, 'cdr', schema)

        def finish() -> None:
            writer.finish()
            os.fsync(file.fileno())

        yield Open(
            lambda channel, at, sequence, data: writer.add_message(
                channel, at, data, at, sequence
            ),
            finish,
        )


class _Whole:
    """A file without a buffer that writes a record completely or not at all, like ours."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self.tell = file.tell

    def write(self, data: bytes) -> int:
        before = self._file.tell()
        try:
            if self._file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            self._file.truncate(before)
            self._file.seek(before)
            raise
        return len(data)


WRITERS: dict[str, Callable] = {
    'ours': ours,
    'mcap.Writer': lambda path: package(path, data_crc=True),
    'mcap.Writer without checksum': lambda path: package(path, data_crc=False),
}


def messages(seconds: float) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield messages at the recorder's rate: channel, time [ns], sequence number, data."""
    random = np.random.default_rng(0)
    state, picture = random.bytes(STATE_BYTES), random.bytes(PICTURE_BYTES)
    frames = 0
    for tick in range(round(seconds * STATE_HZ)):
        at = tick * 10**9 // STATE_HZ
        yield 1, at, tick, state
        if tick * CAMERA_HZ >= frames * STATE_HZ:
            frames += 1
            for _ in CAMERAS:
                yield 2, at, frames, picture


def cpu_s(name: str, folder: Path, seconds: float) -> float:
    """Return the processor time of a recording of this length without sync [s]."""
    path = folder / 'x.mcap'
    with WRITERS[name](path) as file:
        before = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        for message in messages(seconds):
            file.write(*message)
        taken = sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - before
        file.finish()
    path.unlink()
    return taken


def be_killed(name: str, path: Path) -> None:
    """Write until the process is killed; print the number after each message is written."""
    with WRITERS[name](path) as file:
        for number, message in enumerate(messages(1e6), 1):
            file.write(*message)
            os.write(1, b'%d\n' % number)


def lost_by_kills(name: str, folder: Path) -> int:
    """Return the number of written messages that are lost in several kills."""
    lost = 0
    for number in range(KILLS):
        path = folder / f'{number}.mcap'
        process = subprocess.Popen(
            [sys.executable, '-m', 'libraries.mcap_writers', '--be-killed', name, str(path)],
            stdout=subprocess.PIPE,
        )
        process.stdout.readline()
        time.sleep(KILLED_AFTER_S)
        process.send_signal(signal.SIGKILL)
        written = int(process.communicate()[0].split()[-1])
        lost += max(0, written - readable(path))
        path.unlink()
    return lost


def readable(path: Path) -> int:
    """Return the number of messages up to the last complete record."""
    count = 0
    try:
        with path.open('rb') as file:
            for record in StreamReader(file).records:
                count += type(record).__name__ == 'Message'
    except McapError:
        pass
    return count


def after_full_disk(name: str, folder: Path) -> dict[str, int]:
    """Return the messages in a file and in its count, after the disk was full for one message."""
    path = folder / 'full.mcap'
    with WRITERS[name](path) as file:
        for channel, at, sequence, data in messages(0.1):
            full = sequence == 10 and channel == 1
            if full:
                # Space for a part of the record only.
                limit = path.stat().st_size + STATE_BYTES // 2
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            try:
                file.write(channel, at, sequence, data)
            except OSError:
                assert full
            finally:
                if full:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        file.finish()
    with path.open('rb') as file:
        summary = make_reader(file).get_summary()
    found = {'holds': readable(path), 'says': summary.statistics.message_count}
    path.unlink()
    return found


def measure(seconds: float = 10.0, folder: str | None = None) -> dict:
    """Return each writer's share of a core, and its losses by kills and a full disk."""
    found: dict[str, list[float]] = {name: [] for name in WRITERS}
    with tempfile.TemporaryDirectory(dir=folder) as root:
        for _ in range(TURNS):
            for name, times in found.items():
                times.append(cpu_s(name, Path(root), seconds))
        return {
            'mcap_writers': {
                name: {
                    'cpu_share': round(float(np.median(times)) / seconds, 3),
                    'lost_by_kills': lost_by_kills(name, Path(root)),
                    'full_disk': after_full_disk(name, Path(root)),
                }
                for name, times in found.items()
            }
        }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--seconds', type=float, default=10.0, help='of recording, each time')
    parser.add_argument('--folder', help='on the disk to write to')
    parser.add_argument(
        '--be-killed', nargs=2, metavar=('WRITER', 'PATH'), help='for this program itself'
    )
    options = parser.parse_args()
    if options.be_killed:
        be_killed(options.be_killed[0], Path(options.be_killed[1]))
    else:
        print(json.dumps(measure(options.seconds, options.folder), indent=1))


if __name__ == '__main__':
    main()

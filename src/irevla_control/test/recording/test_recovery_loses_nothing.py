# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Recovery replaces a bag only by a verified copy; bags with unknown content stay unchanged."""

from hashlib import sha256
import os
import re
import resource
import shutil
import struct
import subprocess

from left_files import leave_alone
from mcap.writer import Writer
from played_episode import CAMERAS, play
import pytest
from recordings import bag_messages, recording

from irevla_control.bags.index import entry_from_bag, list_episodes, read_index
from irevla_control.bags.mcap_file import BEGINNING, MAGIC
from irevla_control.bags.reader import read_episode
from irevla_control.checks.durability import durable_replaces
from irevla_control.errors import BagError
from irevla_control.recording.episode_recording import STAGING
from irevla_control.recording.recovery import lock_root, main, recover_folders, recover_staged

NAME, STEPS = 'reach_0', 3
CALLS = ('open', 'write', 'writev', 'fsync', 'replace', 'rename', 'unlink', 'rmdir', 'mkdir')
KILLED = 9


@pytest.fixture(scope='module')
def committed(tmp_path_factory):
    """A root with one whole episode."""
    root = tmp_path_factory.mktemp('committed')
    with recording(root) as run:
        run.play(play(NAME, steps=STEPS))
    return root


@pytest.fixture(scope='module')
def content(committed):
    return (committed / NAME / f'{NAME}_0.mcap').read_bytes()


@pytest.fixture(scope='module')
def messages(committed):
    return bag_messages(committed / NAME)


def messages_end(content, messages):
    last = messages[-1][1]
    return content.index(last) + len(last)


def hashes(folder):
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def place(root, committed, content, staged):
    """Put a bag with this MCAP file into a root: in staging, or committed."""
    folder = root / STAGING / NAME if staged else root / NAME
    if staged:
        folder.mkdir(parents=True)
    else:
        shutil.copytree(committed, root, dirs_exist_ok=True)
    (folder / f'{NAME}_0.mcap').write_bytes(content)
    leave_alone(folder / f'{NAME}_0.mcap')
    return folder


def record(opcode, body=b'text'):
    return struct.pack('<BQ', opcode, len(body)) + body


def text(words):
    return struct.pack('<I', len(words)) + words.encode()


NOTE = text('lab_notes') + struct.pack('<I', 0)


@pytest.mark.parametrize('staged', [True, False])
@pytest.mark.parametrize(
    ('more', 'words'),
    [
        (record(6, bytes(40)), 'a chunk'),
        (record(6, bytes(40))[:20], 'a chunk'),
        (record(9, bytes(30)), 'an attachment'),
        (record(0x42), 'kind 66'),
        (record(0x80), 'kind 128'),
        (record(12, NOTE), "metadata 'lab_notes'"),
        (BEGINNING[len(MAGIC) :], 'kind 1'),
    ],
)
def test_bag_with_an_unknown_record_is_left_unchanged(
    tmp_path, committed, content, messages, more, words, staged
):
    end = messages_end(content, messages)
    # Before the first message and after the last message.
    first = content.index(messages[0][1]) - 31
    for number, at in enumerate((first, end)):
        folder = place(
            tmp_path / str(number),
            committed,
            content[:at] + more + (content[at:end] if len(more) > 20 or more[0] != 6 else b''),
            staged,
        )
        before = hashes(folder)
        assert main([str(folder)]) == 1
        assert hashes(folder) == before
        if staged:
            entries, problems, removed = recover_staged(tmp_path / str(number))
            assert not entries and not removed and words in problems[0]
            assert hashes(folder) == before and len(problems[0].splitlines()) == 1


@pytest.mark.parametrize(
    ('chunks', 'words'),
    [
        (True, 'contains a chunk at byte'),
        (False, 'no message on /episode and no aborted, episode_id'),
    ],
)
def test_truncated_bag_of_another_program_is_left_unchanged(tmp_path, capsys, chunks, words):
    folder = tmp_path / 'other'
    folder.mkdir()
    with (folder / 'other_0.mcap').open('wb') as file:
        writer = Writer(file, chunk_size=1000, use_chunking=chunks)
        writer.start(profile='ros2', library='other')
        schema = writer.register_schema('std_msgs/msg/String', 'ros2msg', b'string data')
        channel = writer.register_channel('/words', 'cdr', schema)
        for number in range(100):
            writer.add_message(channel, number, bytes(100), number)
        writer.finish()
    whole = (folder / 'other_0.mcap').read_bytes()
    (folder / 'other_0.mcap').write_bytes(whole[: len(whole) // 2])
    leave_alone(folder / 'other_0.mcap')
    before = hashes(folder)
    assert main([str(folder)]) == 1 and hashes(folder) == before
    assert words in capsys.readouterr().err


@pytest.mark.parametrize('step', [2, 9])
def test_bag_with_damage_before_complete_messages_is_left_unchanged(
    tmp_path, committed, content, messages, step
):
    """Truncation at the damage would lose the messages after it."""
    end = messages_end(content, messages)
    at = content.index(messages[step][1]) - 31
    for number, (place_of, value) in enumerate(((0, 0), (1, 0xFF), (8, 0xFF), (9, 99))):
        damaged = bytearray(content[:end])
        damaged[at + place_of] = value
        root = tmp_path / str(number)
        folder = place(root, committed, bytes(damaged), True)
        before = hashes(folder)
        entries, problems, _ = recover_staged(root)
        assert not entries and 'is damaged at byte' in problems[0] and hashes(folder) == before


def test_only_a_folder_with_nothing_but_a_header_is_removed(tmp_path, committed, content, capsys):
    for number, (name, held) in enumerate(
        {
            'x_0.mcap': BEGINNING,
            'y_0.mcap': b'',
            'z_0.mcap': MAGIC[:3],
            'u_0.mcap': BEGINNING[:-4],
            '': b'',
        }.items()
    ):
        folder = tmp_path / STAGING / str(number)
        folder.mkdir(parents=True)
        if name:
            (folder / name).write_bytes(held)
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.count('removed, it held nothing but the header') == 5
    assert [path.name for path in (tmp_path / STAGING).iterdir()] == ['lock']


@pytest.mark.parametrize(
    'files',
    [
        {'bag_0.db3': b'SQLite format 3'},
        {'bag_0.mcap': b'MCA'},
        {'bag_0.mcap': bytes(30)},
        {'bag_0.mcap': BEGINNING + bytes(1)},
        {'bag_0.mcap': MAGIC + bytes(1)},
        {'bag_0.mcap': BEGINNING, 'notes.txt': b'the red cube'},
    ],
)
def test_other_content_of_staging_is_kept_and_named_at_every_start(tmp_path, files):
    folder = tmp_path / STAGING / 'bag'
    folder.mkdir(parents=True)
    for name, held in files.items():
        (folder / name).write_bytes(held)
    before = hashes(folder)
    for _ in range(2):
        entries, problems, removed = recover_staged(tmp_path)
        assert not entries and not removed and str(folder) in problems[0]
        assert hashes(folder) == before


def advised(error):
    """Return the command that an error names."""
    return re.search(r'python -m irevla_control\.recording\.recovery .+', str(error))[0]


@pytest.mark.parametrize('root', ['root', 'Anna\'s "1st" day; $HOME & more'])
def test_command_in_the_error_of_a_truncated_bag_recovers_it(
    tmp_path, committed, content, messages, root
):
    folder = place(tmp_path / root, committed, content[: len(content) - 9], False)
    with pytest.raises(BagError) as caught:
        read_episode(folder, CAMERAS)
    result = subprocess.run(advised(caught.value), shell=True, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, '') and f'{NAME}: recovered' in result.stdout
    assert bag_messages(folder) == messages
    entry = entry_from_bag(folder)
    before = list_episodes(committed)[0]
    assert entry.recovered and entry.success and entry.steps == STEPS
    assert (entry.recorded_ns, entry.sources) == (before.recorded_ns, before.sources)
    assert list_episodes(folder.parent) == [entry] and not entry.aborted
    assert {path.name for path in folder.iterdir()} == {f'{NAME}_0.mcap', 'metadata.yaml'}


def test_a_committed_bag_cut_among_its_messages_is_recovered_from_its_root(
    tmp_path, committed, content, messages, capsys
):
    cut = content.index(messages[-4][1])
    folder = place(tmp_path, committed, content[:cut], False)
    with durable_replaces(
        folder / f'{NAME}_0.mcap', folder / 'metadata.yaml', tmp_path / 'index.jsonl'
    ):
        assert main([str(tmp_path)]) == 0 and f'{NAME}: recovered' in capsys.readouterr().out
    assert bag_messages(folder) == messages[:-4]
    (entry,) = list_episodes(tmp_path)
    assert entry.aborted and entry.recovered and not entry.success
    before = hashes(folder)
    assert main([str(tmp_path)]) == main([str(folder)]) == 0
    assert 'nothing to recover' in capsys.readouterr().out and hashes(folder) == before


def test_damaged_bag_is_not_truncated(tmp_path, committed, content, messages, capsys):
    at = content.index(messages[5][1]) + 60
    damaged = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
    folder = place(tmp_path, committed, damaged, False)
    before = hashes(folder)
    assert main([str(folder)]) == 1 and hashes(folder) == before
    assert 'another checksum' in capsys.readouterr().err


@pytest.mark.parametrize('staged', [True, False])
@pytest.mark.parametrize('share', [0.0, 0.5, 0.99, 1.2])
def test_a_full_disk_leaves_the_original(tmp_path, committed, content, messages, staged, share):
    torn = content[: messages_end(content, messages) + 5]
    folder = place(tmp_path, committed, torn, staged)
    before, soft = hashes(folder), resource.getrlimit(resource.RLIMIT_FSIZE)
    # On a full disk the write at the limit is cut short, and the next write fails.
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * len(torn)), soft[1]))
    try:
        done = recover_folders(tmp_path, [folder])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, soft)
    assert not done.entries and 'is not recovered' in done.problems[0]
    assert hashes(folder) == before
    assert main([str(folder)]) == 0 and bag_messages(tmp_path / NAME) == messages


def test_copy_with_a_wrong_byte_does_not_replace_the_original(
    tmp_path, committed, content, messages, monkeypatch, capsys
):
    folder = place(tmp_path, committed, content[:-9], False)
    before, write = hashes(folder), os.writev

    def wrong(descriptor, parts):
        if len(parts) == 1 and len(parts[0]) > 10_000:
            parts = [bytes([*parts[0][:-1], parts[0][-1] ^ 1])]
        return write(descriptor, parts)

    monkeypatch.setattr(os, 'writev', wrong)
    assert main([str(folder)]) == 1 and hashes(folder) == before
    assert 'does not read back' in capsys.readouterr().err


def killed_before(call, root):
    """Recover a root in a process that is killed before call number `call`.

    A call of `writev` is killed when half of the data is written. Returns whether the process was
    killed.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED
    try:
        left = call

        def counting(real):
            def counted(*given, **more):
                nonlocal left
                left -= 1
                if left < 0:
                    if real is write:
                        real(given[0], [part[: len(part) // 2] for part in given[1]])
                    os._exit(KILLED)
                return real(*given, **more)

            return counted

        write = os.writev
        for name in CALLS:
            setattr(os, name, counting(getattr(os, name)))
        main([str(root)])
    finally:
        os._exit(0)


@pytest.mark.parametrize('staged', [True, False])
def test_a_recovery_killed_at_any_point_is_finished_by_the_next_start(
    tmp_path, committed, content, messages, staged
):
    torn = content[: messages_end(content, messages) + 5]
    for call in range(200):
        root = tmp_path / str(call)
        folder = place(root, committed, torn, staged)
        killed = killed_before(call, root)
        files = [*root.rglob('*.mcap')]
        assert len(files) == 1 and files[0].read_bytes().startswith(torn[:-5]), call
        begun = not staged and not hashes(folder).keys() <= {f'{NAME}_0.mcap', 'metadata.yaml'}
        if staged or begun:
            # A recorder does this when it starts.
            with lock_root(root):
                assert not recover_staged(root).problems, call
        else:
            assert main([str(root)]) == 0
        assert bag_messages(root / NAME) == messages, call
        (entry,) = list_episodes(root)
        assert entry == entry_from_bag(root / NAME) and entry.recovered and entry.success, call
        assert read_index(root) == {NAME: entry}
        assert {path.name for path in (root / NAME).iterdir()} == {
            f'{NAME}_0.mcap',
            'metadata.yaml',
        }, call
        if not killed:
            break
        shutil.rmtree(root)
    assert not killed and call > 10, call


def test_second_kill_during_the_removal_of_leftovers_loses_nothing(
    tmp_path, committed, content, messages
):
    torn = content[: messages_end(content, messages) + 5]
    for call in range(8):
        root = tmp_path / str(call)
        folder = place(root, committed, torn, False)
        # The first recovery was killed when both files were written and none was replaced.
        (folder / f'{NAME}_0.mcap.new').write_bytes(content[:100])
        (folder / 'metadata.yaml.new').write_text('of the first one')
        assert killed_before(call, folder)
        assert main([str(folder)]) == 0 and bag_messages(folder) == messages, call
        # Only the old metadata.yaml has the value of recorded_ns.
        assert (
            entry_from_bag(folder).recorded_ns == entry_from_bag(committed / NAME).recorded_ns
        ), call

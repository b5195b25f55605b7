# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Starts the nodes of a launch file after params_file is checked; ends all of them together."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
import importlib
from importlib.metadata import entry_points
import importlib.util
from pathlib import Path
import signal
from typing import Any, TypeAlias

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext
from launch.actions import LogInfo, OpaqueFunction, Shutdown
from launch.events.process import ProcessExited, SignalProcess
from launch.launch_description_entity import LaunchDescriptionEntity
from launch_ros.actions import Node
from launch_ros.utilities import make_namespace_absolute, prefix_namespace

from irevla_control.errors import ConfigError
from irevla_control.parameters.blocks import Block, read_blocks
from irevla_control.parameters.parameter import Table, fitted, shown
from irevla_control.parameters.params_file import file_problems, given_to

# Exit statuses of nodes that the launch ended while they were starting.
ASKED_TO_END = (-signal.SIGINT, -signal.SIGTERM)


@dataclass(frozen=True)
class SuiteNode:
    """A node of the suite to start.

    Attributes:
        package, executable: the program.
        name: name of the node, and of its file in config/.
        namespace: relative or absolute; '' for none.
        parameters: parameters of the launch file, which override all files.
        arguments: arguments of the command line.
        required: whether the launch ends with this node.

    """

    package: str
    executable: str
    name: str
    namespace: str = ''
    parameters: dict[str, Any] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    required: bool = True


Started: TypeAlias = SuiteNode | LaunchDescriptionEntity


def start(nodes: Callable[[LaunchContext], Iterable[Started]]) -> OpaqueFunction:
    """Return the action that checks and starts the nodes that a function returns."""
    return OpaqueFunction(function=lambda context: actions(context, list(nodes(context))))


def actions(context: LaunchContext, started: Sequence[Started]) -> list[LaunchDescriptionEntity]:
    """Return the actions that start nodes of the suite and others.

    Raises:
        RuntimeError: `params_file` is not valid for these nodes; a line for each problem.

    """
    file = context.launch_configurations.get('params_file', '')
    nodes = {full_name(context, node): node for node in started if isinstance(node, SuiteNode)}
    try:
        given = (
            from_params_file(Path(file).absolute(), nodes, context.launch_configurations)
            if file
            else {}
        )
    except ConfigError as error:
        raise RuntimeError(f'launch argument params_file:={file}: {error}') from error
    return [
        _action(one, given.get(full_name(context, one), {})) if isinstance(one, SuiteNode) else one
        for one in started
    ]


def full_name(context: LaunchContext, node: SuiteNode) -> str:
    """Return a node's name with its namespace; an including launch file may add one."""
    outer = context.launch_configurations.get('ros_namespace', None)
    prefixed = prefix_namespace(outer, node.namespace)
    namespace = make_namespace_absolute(prefixed) if prefixed else '/'
    return f'{namespace.rstrip("/")}/{node.name}'


def from_params_file(
    file: Path, nodes: dict[str, SuiteNode], arguments: Container[str]
) -> dict[str, dict[str, Any]]:
    """Return the parameters of each node in a params file, by full name.

    Raises:
        ConfigError: the file cannot be read, is not valid for the nodes, or has a parameter that
            the launch file sets; then it names the launch argument that sets it.

    """
    blocks: list[Block] = read_blocks(file)
    tables = {name: node_table(node.name) for name, node in nodes.items()}
    problems = file_problems(file, blocks, tables) or list(
        _unused(file, blocks, nodes, tables, arguments)
    )
    if problems:
        raise ConfigError('\n'.join(problems))
    return {name: given_to(name, table, blocks) for name, table in tables.items()}


def _unused(
    file: Path,
    blocks: Sequence[Block],
    nodes: dict[str, SuiteNode],
    tables: dict[str, Table],
    arguments: Container[str],
) -> Iterator[str]:
    """Yield a line for each key that this launch file overrides in all matching nodes."""
    for block in blocks:
        for entry in block.entries:
            key = entry.name
            sets = {
                name: node.parameters
                for name, node in nodes.items()
                if block.matches(name) and key in tables[name]
            }
            if sets and all(
                key in fixed and fixed[key] != fitted(tables[name], key, entry.value)
                for name, fixed in sets.items()
            ):
                name, fixed = next(iter(sets.items()))
                remedy = f'use its argument {key}:=...' if key in arguments else 'remove it'
                yield (
                    f'{file}:{entry.line}: {block.name} {key}: {shown(entry.value)}: this '
                    f'launch file sets {shown(fixed[key])} for {name} whatever the files say; '
                    f'{remedy}'
                )


def node_table(name: str) -> Table:
    """Return the parameters that a node of the suite declares.

    Nodes that need seconds to import declare them in a separate module, NAME_parameters.
    """
    entry, *_ = entry_points(group='console_scripts', name=f'{name}_node')
    light = f'{entry.module.removesuffix("_node")}_parameters'
    found = importlib.util.find_spec(light)
    return importlib.import_module(light if found else entry.module).PARAMETERS


def ends_all(name: str) -> Callable[[ProcessExited, LaunchContext], Shutdown]:
    """Return a handler that ends the launch with a process, with status 1 if it failed."""

    def on_exit(event: ProcessExited, context: LaunchContext) -> Shutdown:
        status = event.returncode
        if status and not (context.is_shutdown and status in ASKED_TO_END):
            if not context.is_shutdown:
                # SIGTERM before SIGINT, which prints a traceback in nodes that still import.
                # Only once: a second signal would interrupt a node that finishes.
                context.emit_event_sync(
                    SignalProcess(
                        signal_number=signal.SIGTERM, process_matcher=lambda process: True
                    )
                )
            # A launch file has no other way to set the exit status of `ros2 launch`.
            raise RuntimeError(
                f'{name} failed: '
                + (f'signal {-status}' if status < 0 else f'exit status {status}')
            )
        return Shutdown(reason=f'{name} ended')

    return on_exit


def _continue_without(name: str) -> Callable[[ProcessExited, LaunchContext], LogInfo | None]:
    """Return a handler that says that the others continue without a process."""

    def on_exit(event: ProcessExited, context: LaunchContext) -> LogInfo | None:
        if context.is_shutdown:
            return None
        return LogInfo(msg=f'{name} ended; the other nodes continue without it')

    return on_exit


def _action(node: SuiteNode, given: dict[str, Any]) -> Node:
    config = Path(get_package_share_directory('irevla_bringup')) / 'config' / f'{node.name}.yaml'
    return Node(
        package=node.package,
        executable=node.executable,
        name=node.name,
        namespace=node.namespace,
        parameters=[str(config), {**given, **node.parameters}],
        output='screen',
        emulate_tty=True,
        arguments=list(node.arguments),
        on_exit=(ends_all if node.required else _continue_without)(node.name),
    )

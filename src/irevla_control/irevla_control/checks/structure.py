# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks shared by the tests of all packages: which folder may import which.

The docstring of each folder's `__init__.py` ends with ``May import: <names>.``: the folders or
modules of the suite that its files may import. Those of its own package are given without the
package's name (``bags``, ``rollout.played``), others with it (``irevla_policy.model``). A folder's
name means the modules directly in it, ``*`` any module. All folders of a package may also import
the names in the package's own `__init__.py`, and the modules beside that file.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
import importlib.util
from pathlib import Path
import re
from xml.etree import ElementTree

MAX_FILES = 15
_MARK = 'May import:'
# ROS in Python; only nodes, folders named `ros` and irevla_bringup may import it.
_ROS = re.compile(
    r'rclpy|launch(_\w+)?|\w+_(msgs|srvs|interfaces)|(rosidl|rosbag2|tf2)_\w+|'
    r'cv_bridge|diagnostic_updater'
)
_LAUNCH_PACKAGE = 'irevla_bringup'
# Libraries that take seconds to import, and the packages that may import them.
_HEAVY = {
    'torch': ('irevla_policy', 'irevla_learner'),
    'transformers': ('irevla_policy',),
    'mujoco': ('irevla_sim',),
    'metaworld': ('irevla_sim',),
}


def structure_problems(package_folder: Path) -> str:
    """Return the problems of the structure of a package, '' if there are none.

    Each folder of sources must name what it may import, and import all of that and nothing else;
    the rules must have no cycle, and no folder may have too many files. Files that are not nodes
    must not import ROS, directly or through another file. Modules that are named only at run time
    (importlib) are not detected.
    """
    manifest = ElementTree.parse(package_folder / 'package.xml').getroot()
    sources = package_folder / manifest.findtext('name', '')
    problems, rules = crowded_folders(package_folder), {}
    for init in sorted(sources.rglob('__init__.py')):
        rule = _rule(init, sources.name)
        if rule is None:
            problems.append(
                f'{init.relative_to(package_folder)}: its docstring must end with '
                f'"{_MARK} <names>.", or "{_MARK} nothing."'
            )
        rules[_dotted(sources, init.parent)] = rule or []
    used: set[tuple[str, str]] = set()
    for file in sorted(sources.rglob('*.py')):
        problems += [
            f'{file.relative_to(package_folder)} {problem}'
            for problem in _import_problems(file, sources, rules, used)
        ]
    problems += [
        f'{folder} says that it may import {name}, and does not'
        for folder, names in rules.items()
        for name in names
        if (folder, name) not in used
    ]
    return '\n'.join([*problems, *_circles(rules, sources.name)])


def crowded_folders(root: Path) -> list[str]:
    """Return a line for each folder under a root that has too many Python files."""
    counts = Counter(file.parent for file in root.rglob('*.py'))
    return [
        f'{folder.relative_to(root.parent)} has {count} Python files, at most {MAX_FILES} are '
        'allowed; move some into folders'
        for folder, count in sorted(counts.items())
        if count > MAX_FILES
    ]


def _dotted(sources: Path, path: Path) -> str:
    """Return the dotted name of a folder or module of a package."""
    return '.'.join(path.relative_to(sources.parent).with_suffix('').parts)


def _rule(init: Path, package: str) -> list[str] | None:
    """Return the full names at the end of a folder's docstring; None if there are none."""
    docstring = ast.get_docstring(ast.parse(init.read_text())) or ''
    _, mark, names = docstring.partition(_MARK)
    if not mark or not names.endswith('.'):
        return None
    words = names[:-1].replace(',', ' ').split()
    return (
        []
        if words == ['nothing']
        else [name if name.startswith('irevla_') else f'{package}.{name}' for name in words]
    )


def _import_problems(
    file: Path, sources: Path, rules: dict[str, list[str]], used: set[tuple[str, str]]
) -> Iterator[str]:
    """Yield the problems of a file's imports; add the rules that it needs to ``used``."""
    package, folder = sources.name, _dotted(sources, file.parent)
    if folder not in rules:
        yield f'is in a folder without an __init__.py that says "{_MARK} <names>."'
        return
    knows_ros = package == _LAUNCH_PACKAGE or _is_ros(_dotted(sources, file))
    for module in _imports(file, sources):
        top = module.split('.')[0]
        # A folder has its own rule, a module that of its folder.
        parent = module if _is_folder(module, sources) else module.rpartition('.')[0]
        if module.startswith('.'):
            yield f'imports {module}; write the full name'
        if package not in _HEAVY.get(top, (package,)):
            yield f'imports {module}; only {" and ".join(_HEAVY[top])} may'
        if not knows_ros and (_ROS.fullmatch(top) or _is_ros(module)):
            yield f'imports {module}; only *_node.py files and folders named ros import ROS'
        if file.stem.endswith('reader') and top == package and module.endswith('writer'):
            yield f'imports {module}; readers import no writers'
        if not top.startswith('irevla_') or _ROS.fullmatch(top) or parent in (folder, package):
            continue
        allowing = {
            (where, name)
            for where in (package, folder)
            for name in rules[where]
            if fnmatchcase(module, name) or fnmatchcase(parent, name)
        }
        used |= allowing
        if not allowing:
            names = ', '.join(name.removeprefix(f'{package}.') for name in rules[folder])
            yield f'imports {module}; {folder} says "{_MARK} {names or "nothing"}."'


def _is_ros(module: str) -> bool:
    """Return whether a module of the suite needs ROS, by its name."""
    return module.startswith('irevla_') and (
        module.endswith('_node') or module.split('.')[1:2] == ['ros']
    )


def _imports(file: Path, sources: Path) -> Iterator[str]:
    """Yield the dotted names of all modules that a file imports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = '.' * node.level + (node.module or '')
            if _is_folder(module, sources):
                yield from (f'{module}.{alias.name}' for alias in node.names)
            else:
                yield module


def _is_folder(module: str, sources: Path) -> bool:
    """Return whether a dotted name is a package of the suite, or a folder in one."""
    top, *rest = module.split('.')
    if top == sources.name:
        return sources.joinpath(*rest).is_dir()
    found = importlib.util.find_spec(top) if top.startswith('irevla_') else None
    roots = found.submodule_search_locations if found else None
    return any(Path(root, *rest).is_dir() for root in roots or ())


def _circles(rules: dict[str, list[str]], package: str) -> list[str]:
    """Return a line that names a cycle of the folders' rules, if there is one."""
    # All folders may import the modules directly in the package.
    graph = {folder: {package} - {folder} for folder in rules}
    for folder, names in rules.items():
        graph[folder] |= {
            other
            for other in rules
            for name in names
            if other != folder
            and (fnmatchcase(other, name) or name.startswith(f'{other}.'))
            and other != package
        }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return ['the import rules of the folders have a cycle: ' + ' <- '.join(error.args[1])]
    return []

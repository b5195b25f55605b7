# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Checks that the tests of every package share: which folder may import which.

The docstring of each folder's `__init__.py` ends with ``May import: <names>.``: the folders or
modules of the suite that its files may import, those of its own package without the package's
name (``bags``, ``rollout.played``), others with it (``irevla_policy.model``). A folder's name
stands for the modules directly in it, ``*`` for anything. All folders of a package may also import
what the package's own `__init__.py` names, and the modules beside that file.
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
_ROS = re.compile(r'rclpy|launch(_\w+)?|\w+_(msgs|srvs|interfaces)|(rosidl|rosbag2|tf2)_\w+|'
                  r'cv_bridge|diagnostic_updater')
_LAUNCH_PACKAGE = 'irevla_bringup'
# Libraries that take seconds to import, and the only packages that may.
_HEAVY = {'torch': ('irevla_policy', 'irevla_learner'),
          'transformers': ('irevla_policy',),
          'mujoco': ('irevla_sim',), 'metaworld': ('irevla_sim',)}


def structure_problems(package_folder: Path) -> str:
    """Return what is wrong with the structure of a package, '' when nothing.

    Each folder of sources says what it may import, and imports all of that and nothing else; the
    folders' rules make no circle, and no folder is crowded. Files that are no nodes import no ROS,
    neither by themselves nor through another file. Modules that are named at run time only
    (importlib) are not seen.
    """
    manifest = ElementTree.parse(package_folder / 'package.xml').getroot()
    sources = package_folder / manifest.findtext('name', '')
    problems, rules = crowded_folders(package_folder), {}
    for init in sorted(sources.rglob('__init__.py')):
        rule = _rule(init, sources.name)
        if rule is None:
            problems.append(f'{init.relative_to(package_folder)}: its docstring must end with '
                            f'"{_MARK} <names>.", or "{_MARK} nothing."')
        rules[_dotted(sources, init.parent)] = rule or []
    used: set[tuple[str, str]] = set()
    for file in sorted(sources.rglob('*.py')):
        problems += [f'{file.relative_to(package_folder)} {problem}'
                     for problem in _import_problems(file, sources, rules, used)]
    problems += [f'{folder} says that it may import {name}, and does not'
                 for folder, names in rules.items() for name in names
                 if (folder, name) not in used]
    return '\n'.join([*problems, *_circles(rules, sources.name)])


def crowded_folders(root: Path) -> list[str]:
    """Return a line for each folder under a root that holds too many Python files."""
    counts = Counter(file.parent for file in root.rglob('*.py'))
    return [f'{folder.relative_to(root.parent)} holds {count} Python files; {MAX_FILES} are the '
            'most, move some into folders'
            for folder, count in sorted(counts.items()) if count > MAX_FILES]


def _dotted(sources: Path, path: Path) -> str:
    """Return the dotted name of a folder or module of a package."""
    return '.'.join(path.relative_to(sources.parent).with_suffix('').parts)


def _rule(init: Path, package: str) -> list[str] | None:
    """Return the names that a folder's docstring ends with, in full; None without any."""
    docstring = ast.get_docstring(ast.parse(init.read_text())) or ''
    _, mark, names = docstring.partition(_MARK)
    if not mark or not names.endswith('.'):
        return None
    words = names[:-1].replace(',', ' ').split()
    return [] if words == ['nothing'] else [
        name if name.startswith('irevla_') else f'{package}.{name}' for name in words]


def _import_problems(file: Path, sources: Path, rules: dict[str, list[str]],
                     used: set[tuple[str, str]]) -> Iterator[str]:
    """Yield what is wrong with a file's imports; add to ``used`` which rules it needs."""
    package, folder = sources.name, _dotted(sources, file.parent)
    if folder not in rules:
        yield f'lies in a folder without an __init__.py, which says "{_MARK} <names>."'
        return
    knows_ros = package == _LAUNCH_PACKAGE or _is_ros(_dotted(sources, file))
    for module in _imports(file, sources):
        top = module.split('.')[0]
        # A folder is no module beside its neighbours: it stands for itself.
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
        allowing = {(where, name) for where in (package, folder) for name in rules[where]
                    if fnmatchcase(module, name) or fnmatchcase(parent, name)}
        used |= allowing
        if not allowing:
            names = ', '.join(name.removeprefix(f'{package}.') for name in rules[folder])
            yield f'imports {module}; {folder} says "{_MARK} {names or "nothing"}."'


def _is_ros(module: str) -> bool:
    """Return whether a module of the suite needs ROS, by its name."""
    return module.startswith('irevla_') and (
        module.endswith('_node') or module.split('.')[1:2] == ['ros'])


def _imports(file: Path, sources: Path) -> Iterator[str]:
    """Yield the dotted names of the modules that a file imports, wherever in it."""
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
    """Return a line that names a circle of the folders' rules, if there is one."""
    # All folders may import what lies directly in the package.
    graph = {folder: {package} - {folder} for folder in rules}
    for folder, names in rules.items():
        graph[folder] |= {other for other in rules for name in names if other != folder
                          and (fnmatchcase(other, name) or name.startswith(f'{other}.'))
                          and other != package}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return ['what the folders may import makes a circle: ' + ' <- '.join(error.args[1])]
    return []

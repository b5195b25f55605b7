# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The page, built with NiceGUI, which serves all of its own files."""

from dataclasses import dataclass

from fastapi import FastAPI
from nicegui import ui

from irevla_control.console.live_view import LiveView

ALL = 'all'
NO_IMAGE = 'data:,'
# Time between two updates of the texts [s].
PERIOD_S = 0.25
STYLE = """
body { background: #11141a; color: #e8eaee; font-family: sans-serif; }
.cameras { display: flex; flex-wrap: wrap; gap: 12px; }
.cameras figure { margin: 0; }
.cameras img { height: min(46vh, 46vw); min-height: 168px; background: #000; border-radius: 6px; }
.cameras figcaption, .name { color: #9299a6; font-size: 14px; }
.instruction { font-size: 28px; }
.values { display: flex; flex-wrap: wrap; gap: 36px; }
.value { font-size: 24px; font-variant-numeric: tabular-nums; }
.tasks { white-space: pre; font-family: monospace; color: #9299a6; }
"""


@dataclass(frozen=True)
class _Camera:
    """The frame of a camera, and the image in it."""

    figure: ui.element
    image: ui.element


def add_page(app: FastAPI, view: LiveView) -> None:
    """Serve the page of a view at the root of an app."""
    ui.page('/', title='irevla', dark=True)(lambda: _build(view))
    # No compression: browser and page are on one machine.
    ui.run_with(
        app,
        tailwind=False,
        show_welcome_message=False,
        gzip_middleware_factory=None,
        binding_refresh_interval=None,
    )


def _build(view: LiveView) -> None:
    ui.add_css(STYLE)
    instruction = ui.label().classes('instruction').mark('instruction')
    cameras = _cameras(view)
    with ui.element('div').classes('values'):
        successes, latency, step = (
            _value(name) for name in ('successes', 'observation to command', 'step')
        )
        _choices(view, cameras)
    tasks = ui.label().classes('tasks')
    _show_cameras(cameras, ALL)

    def update() -> None:
        status = view.status
        instruction.text = status.instruction or 'waiting for the first episode'
        total = sum(view.episodes.values())
        successes.text = f'{sum(view.successes.values())} of {total}'
        seconds = view.latency_s()
        latency.text = '–' if seconds is None else f'{1000 * seconds:.0f} ms'
        step.text = f'{status.step}' if status.running else f'{status.step} {status.outcome}'
        tasks.text = '\n'.join(
            f'{task:<24}{view.successes[task]} of {count}'
            for task, count in list(view.episodes.items())
        )

    ui.timer(PERIOD_S, update)


def _value(name: str) -> ui.label:
    """Add a value with its name; return its label."""
    with ui.element('div'):
        ui.label(name).classes('name')
        return ui.label('–').classes('value').props(f'id="{name.replace(" ", "-")}"')


def _choices(view: LiveView, cameras: dict[str, _Camera]) -> None:
    """Add the choices of task and camera."""
    if view.tasks:
        ui.select(
            list(view.tasks),
            label='next task',
            value=view.status.task if view.status.task in view.tasks else None,
            on_change=lambda event: view.choose(event.value),
        ).style('min-width: 220px').props('id="task"')
    if len(view.cameras) > 1:
        ui.select(
            [ALL, *view.cameras],
            label='camera',
            value=ALL,
            on_change=lambda event: _show_cameras(cameras, event.value),
        ).style('min-width: 120px').props('id="camera"')


def _cameras(view: LiveView) -> dict[str, _Camera]:
    """Add the images of all cameras; return them by name."""
    cameras = {}
    with ui.element('div').classes('cameras'):
        for name in view.cameras:
            with ui.element('figure') as figure:
                cameras[name] = _Camera(figure, ui.element('img').props(f'alt="{name}"'))
                with ui.element('figcaption'):
                    ui.label(name)
    return cameras


def _show_cameras(cameras: dict[str, _Camera], chosen: str) -> None:
    """Show one camera, or all; the images of others are neither encoded nor sent."""
    for name, camera in cameras.items():
        shown = chosen in (ALL, name)
        # A browser reads on from an address until another replaces it, also if it shows nothing.
        camera.image.props(f'src="{f"/camera/{name}" if shown else NO_IMAGE}"')
        camera.figure.set_visibility(shown)

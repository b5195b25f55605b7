# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Node `scene`: arranges the simulated Panda's table, and publishes its true state."""

import time

from irevla_control.errors import ConfigError
from irevla_control.ros.conversions import to_array
from irevla_control.ros.diagnostics import Diagnostics
from irevla_control.ros.node import Node, run_node
from irevla_control.ros.parameters import Parameter, declare
from irevla_control.ros.qos import OBSERVATION
from irevla_msgs.msg import SimulatorState
from irevla_msgs.srv import ArrangeScene
from irevla_sim.panda.shared_scene import SCENE, open_scene
from irevla_sim.panda.table.tasks import TASKS, table_task

PARAMETERS = {
    'scene': Parameter(SCENE, "name of the scene's shared memory"),
    'rate_hz': Parameter(50.0, 'rate of simulator_state [Hz]', 1.0, 200.0),
    'startup_timeout_s': Parameter(60.0, 'longest wait for the simulated robot [s]', 0.1, 600.0),
}
ARRANGED_WITHIN_S = 1.0
POLL_S = 0.002


class SceneNode(Node):
    """Serves `arrange_scene`, publishes `simulator_state` for experts and tests, not policies."""

    def __init__(self) -> None:
        """Wait for the simulated robot."""
        super().__init__('scene')
        values = declare(self, PARAMETERS)
        self._scene = open_scene(values['scene'], values['startup_timeout_s'])
        self._task = ''
        self._diagnostics = Diagnostics(self, hardware_id='simulator')
        self._state = self.create_publisher(SimulatorState, 'simulator_state', OBSERVATION)
        self.create_service(ArrangeScene, 'arrange_scene', self._on_arrange)
        self.create_timer(1 / values['rate_hz'], self._on_timer)
        self.get_logger().info(f'ready: {self._scene.path}')

    def _on_timer(self) -> None:
        try:
            _, positions = self._scene.read()
        except (FileNotFoundError, TimeoutError) as error:
            self._diagnostics.error(f'the simulated robot is gone: {error}')
            return
        self._diagnostics.error('')
        message = SimulatorState(task=self._task, values=to_array('d', positions))
        message.header.stamp = self.get_clock().now().to_msg()
        self._state.publish(message)

    def _on_arrange(
        self, request: ArrangeScene.Request, response: ArrangeScene.Response
    ) -> ArrangeScene.Response:
        if request.seed < 0:
            response.text = f'seed {request.seed}; give 0 or more'
            return response
        try:
            table_task(request.task)
            self._scene.ask(list(TASKS).index(request.task), request.seed)
        except ConfigError as error:
            response.text = str(error)
            return response
        except FileNotFoundError as error:
            response.text = f'the simulated robot is gone: {error}; start it again'
            return response
        end = time.monotonic() + ARRANGED_WITHIN_S
        while self._scene.arranged != request.seed and time.monotonic() < end:
            time.sleep(POLL_S)
        response.accepted = self._scene.arranged == request.seed
        if response.accepted:
            self._task = request.task
            self._diagnostics.count('arrangements')
        else:
            response.text = (
                f'the simulated robot did not answer within {ARRANGED_WITHIN_S} s; '
                'check that it still runs'
            )
        return response


def main() -> None:
    """Run the node."""
    run_node(SceneNode)


if __name__ == '__main__':
    main()

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The executor of all nodes: one thread, one wait per round, direct calls of callbacks."""

from collections.abc import Callable, Coroutine
from functools import partial
import inspect
import time
from typing import Any

from rclpy.client import Client
from rclpy.context import Context
from rclpy.exceptions import InvalidHandle
from rclpy.executors import Executor, ExternalShutdownException
from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
from rclpy.node import Node
from rclpy.service import Service
from rclpy.subscription import Subscription
from rclpy.task import Future
from rclpy.timer import Timer
from rclpy.waitable import NumberOfEntities, Waitable

# Poll period of parameter services and QoS events [s]: they are not urgent.
SLOW_PERIOD_S = 0.1
_SLOW_SERVICES = ('rcl_interfaces.', 'type_description_interfaces.')

# A callback bound to its data; None if there is nothing to call.
Call = Callable[[], Any] | None
# The function that takes data from an entity, and the entity.
Ready = tuple[Callable[[Any], Call], Any]


class DirectExecutor(Executor):
    """Runs ready callbacks, each once per round, in the spinning thread.

    rclpy's executors wrap each callback in a task, build a wait set for it and wake up once more
    after it. This takes longer than most callbacks and would delay every command.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        """Start without nodes."""
        super().__init__(context=context)
        self._fast = self._slow = _Waiting(self)
        self._changed = True
        self._slow_polled_s = 0.0

    def wake(self) -> None:
        """Rebuild the wait sets in the next round; rclpy calls this when a node changed."""
        self._changed = True
        super().wake()

    def add_node(self, node: Node) -> bool:
        """Add a node; return False if it was added before."""
        added = super().add_node(node)
        self.wake()
        return added

    def remove_node(self, node: Node) -> None:
        """Remove a node."""
        super().remove_node(node)
        self.wake()

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Wait for ready callbacks, at most ``timeout_sec``, and run them.

        It may return earlier without running any.
        """
        self._resume_tasks()
        if self._changed:
            self._changed = False
            self._rebuild()
        if timeout_sec is None or timeout_sec < 0:
            timeout_sec = SLOW_PERIOD_S
        ready = self._fast.wait(min(timeout_sec, SLOW_PERIOD_S))
        if not self._context.ok():
            raise ExternalShutdownException
        now = time.monotonic()
        if now - self._slow_polled_s >= SLOW_PERIOD_S:
            self._slow_polled_s = now
            ready += self._slow.wait(0.0)
        for take, entity in ready:
            try:
                call = take(entity)
            except InvalidHandle:
                # An earlier callback of this round destroyed the entity.
                continue
            if call is not None:
                result = call()
                if inspect.iscoroutine(result):
                    self.create_task(result)

    def spin_once_until_future_complete(self, future: Future, timeout_sec: Any = None) -> None:
        """Run one round; the caller checks the future."""
        # With a time limit rclpy passes an object with the attribute `timeout`.
        self.spin_once(getattr(timeout_sec, 'timeout', timeout_sec))

    def _resume_tasks(self) -> None:
        """Run coroutines until they wait; usually there are none."""
        if not self._tasks:
            return
        with self._tasks_lock:
            tasks, self._tasks = self._tasks, []
        for number, entry in enumerate(tasks):
            task = entry[0]
            task()
            if not task.done():
                self._tasks.append(entry)
            elif task.exception() is not None:
                self._tasks += tasks[number + 1 :]
                raise task.exception()

    def _rebuild(self) -> None:
        self._fast, self._slow = _Waiting(self), _Waiting(self)
        for guard in (self._guard, self._sigint_gc):
            self._fast.add('guard_condition', guard)
        for node in self.get_nodes():
            for kind, entities in (
                ('guard_condition', node.guards),
                ('timer', node.timers),
                ('subscription', node.subscriptions),
                ('client', node.clients),
                ('service', node.services),
                ('waitable', node.waitables),
            ):
                for entity in entities:
                    if entity.callback_group.can_execute(entity):
                        waiting = self._slow if _is_slow(kind, entity) else self._fast
                        waiting.add(kind, entity)


def _is_slow(kind: str, entity: Any) -> bool:
    if kind == 'service':
        return entity.srv_type.__module__.startswith(_SLOW_SERVICES)
    return kind == 'waitable' and entity.get_num_entities().num_events > 0


class _Waiting:
    """A wait set and its entities."""

    def __init__(self, executor: Executor) -> None:
        self._context = executor.context
        # Keys as in the names of the wait set's methods, in the order of `NumberOfEntities`.
        self._take: dict[str, Callable[[Any], Call]] = {
            'subscription': _take_subscription,
            'guard_condition': _take_guard,
            'timer': _take_timer,
            'client': partial(_take_client, executor),
            'service': _take_service,
        }
        self._entities: dict[str, list] = {kind: [] for kind in self._take}
        self._waitables: list[Waitable] = []
        self._wait_set: Any = None

    def add(self, kind: str, entity: Any) -> None:
        (self._waitables if kind == 'waitable' else self._entities[kind]).append(entity)

    def wait(self, timeout_s: float) -> list[Ready]:
        """Return the ready entities, at the latest after ``timeout_s``."""
        if not (self._waitables or any(self._entities.values())):
            return []
        if self._wait_set is None:
            self._wait_set = self._create()
        wait_set = self._wait_set
        wait_set.clear_entities()
        for kind, entities in self._entities.items():
            add = getattr(wait_set, f'add_{kind}')
            for entity in entities:
                add(entity.handle)
        for waitable in self._waitables:
            waitable.add_to_wait_set(wait_set)
        wait_set.wait(int(timeout_s * 1e9))
        ready: list[Ready] = []
        for kind, entities in self._entities.items():
            pointers = wait_set.get_ready_entities(kind)
            if pointers:
                ready += [
                    (self._take[kind], entity)
                    for entity in entities
                    if entity.handle.pointer in pointers
                ]
        return ready + [
            (_take_waitable, waitable)
            for waitable in self._waitables
            if waitable.is_ready(wait_set)
        ]

    def _create(self) -> Any:
        sizes = NumberOfEntities(*(len(entities) for entities in self._entities.values()))
        for waitable in self._waitables:
            sizes += waitable.get_num_entities()
        handle = self._context.handle
        if handle is None:
            raise RuntimeError('the context is not initialised')
        with handle:
            return _rclpy.WaitSet(
                sizes.num_subscriptions,
                sizes.num_guard_conditions,
                sizes.num_timers,
                sizes.num_clients,
                sizes.num_services,
                sizes.num_events,
                handle,
            )


def _take_guard(guard: GuardCondition) -> Call:
    return guard.callback


def _take_timer(timer: Timer) -> Call:
    with timer.handle:
        # The wait set also returns a timer that was cancelled in the meantime.
        if not timer.handle.is_timer_ready():
            return None
        timer.handle.call_timer()
    return timer.callback


def _take_subscription(subscription: Subscription) -> Call:
    with subscription.handle:
        taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
    if taken is None:
        return None
    informed = subscription._callback_type is Subscription.CallbackType.WithMessageInfo
    return partial(subscription.callback, *(taken if informed else taken[:1]))


def _take_client(executor: Executor, client: Client) -> Call:
    # rclpy gives the type of a service no attributes.
    srv_type: Any = client.srv_type
    with client.handle:
        header, response = client.handle.take_response(srv_type.Response)
    if header is None:
        return None
    try:
        future = client.get_pending_request(header.request_id.sequence_number)
    except KeyError:
        # The request was cancelled.
        return None

    def complete() -> None:
        # With the executor, exceptions of the future's callbacks reach the spinning thread.
        future._set_executor(executor)
        future.set_result(response)

    return complete


def _take_service(service: Service) -> Call:
    srv_type: Any = service.srv_type
    with service.handle:
        request, header = service.handle.service_take_request(srv_type.Request)
    if header is None:
        return None

    def answer() -> Coroutine | None:
        response = service.callback(request, srv_type.Response())
        if inspect.iscoroutine(response):
            return answer_later(response)
        service.send_response(response, header)
        return None

    async def answer_later(response: Coroutine) -> None:
        service.send_response(await response, header)

    return answer


def _take_waitable(waitable: Waitable) -> Call:
    return partial(waitable.execute, waitable.take_data())

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""DirectExecutor runs every kind of callback of real nodes, except polled entities."""

import threading
import time

import pytest
from rcl_interfaces.srv import GetParameters
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import Int32

from irevla_control.ros.executor import SLOW_PERIOD_S, DirectExecutor
from irevla_control.ros.inbox import Polled
from irevla_msgs.srv import ResetEpisode

pytestmark = pytest.mark.usefixtures('ros')


@pytest.fixture
def node():
    node = rclpy.create_node('executed')
    yield node
    node.destroy_node()


@pytest.fixture
def executor(node):
    executor = DirectExecutor()
    executor.add_node(node)
    yield executor
    executor.remove_node(node)
    executor.shutdown()


def spin_until(executor, condition, timeout_s=10.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, 'the condition was not met in time'
        executor.spin_once(timeout_sec=0.05)


def connected(node, executor, topic, callback, **options):
    """Subscribe to a topic; return its connected publisher."""
    publisher = node.create_publisher(Int32, topic, 10)
    node.create_subscription(Int32, topic, callback, 10, **options)
    spin_until(executor, publisher.get_subscription_count)
    return publisher


def test_every_message_comes_once_and_in_order(node, executor):
    received = []
    publisher = connected(node, executor, 'numbers', lambda message: received.append(message.data))
    for number in range(5):
        publisher.publish(Int32(data=number))
    spin_until(executor, lambda: len(received) == 5)
    executor.spin_once(timeout_sec=0.2)
    assert received == [0, 1, 2, 3, 4]


def test_raw_messages_come_as_bytes(node, executor):
    received = []
    connected(node, executor, 'raw', received.append, raw=True).publish(Int32(data=7))
    spin_until(executor, lambda: received)
    assert isinstance(received[0], bytes)


def test_timers_keep_their_period_and_stop_when_cancelled(node, executor):
    times = []
    timer = node.create_timer(0.02, lambda: times.append(time.monotonic()))
    spin_until(executor, lambda: len(times) == 26)
    assert 0.45 < times[-1] - times[0] < 0.75
    timer.cancel()
    executor.spin_once(timeout_sec=0.0)
    received = len(times)
    executor.spin_once(timeout_sec=0.1)
    assert len(times) == received


@pytest.fixture
def client(node, executor):
    """A client of a service that returns a task's name."""

    def answer(request, response):
        response.text = request.task
        return response

    node.create_service(ResetEpisode, 'echo', answer)
    client = node.create_client(ResetEpisode, 'echo')
    spin_until(executor, client.service_is_ready)
    return client


def test_a_service_answers_and_the_future_calls_back(executor, client):
    answers = []
    client.call_async(ResetEpisode.Request(task='one')).add_done_callback(
        lambda future: answers.append(future.result().text)
    )
    spin_until(executor, lambda: answers)
    assert answers == ['one']
    again = client.call_async(ResetEpisode.Request(task='two'))
    executor.spin_until_future_complete(again, 10.0)
    assert again.result().text == 'two'


def test_an_exception_of_a_future_s_callback_reaches_the_spinning_thread(executor, client):
    def fail(future):
        raise ValueError(f'refused {future.result().text}')

    client.call_async(ResetEpisode.Request(task='one')).add_done_callback(fail)
    with pytest.raises(ValueError, match='refused one'):
        spin_until(executor, lambda: False)
    executor.spin_once(timeout_sec=0.0)


def test_a_guard_condition_wakes_from_another_thread(node, executor):
    woken = []
    guard = node.create_guard_condition(lambda: woken.append(time.monotonic()))
    executor.spin_once(timeout_sec=0.0)
    threading.Timer(0.03, guard.trigger).start()
    start = time.monotonic()
    spin_until(executor, lambda: woken)
    assert 0.02 < woken[0] - start < 0.02 + SLOW_PERIOD_S


def test_parameter_services_are_answered(node, executor):
    node.declare_parameter('speed', 3)
    client = node.create_client(GetParameters, 'executed/get_parameters')
    spin_until(executor, client.service_is_ready)
    answer = client.call_async(GetParameters.Request(names=['speed']))
    spin_until(executor, answer.done)
    assert answer.result().values[0].integer_value == 3


def test_timer_that_a_callback_destroys_is_not_called_in_the_same_round(node, executor):
    called = []

    def create(name):
        def call():
            called.append(name)
            for other, timer in timers.items():
                if other != name:
                    node.destroy_timer(timer)

        timers[name] = node.create_timer(0.01, call)

    timers = {}
    create('first')
    create('second')
    time.sleep(0.03)
    spin_until(executor, lambda: len(called) >= 3)
    assert len(set(called)) == 1


def test_timer_that_a_callback_creates_is_called(node, executor):
    received = []

    def begin():
        node.destroy_timer(timer)
        node.create_timer(0.01, lambda: received.append('new'))

    timer = node.create_timer(0.01, begin)
    spin_until(executor, lambda: received)


def test_a_coroutine_resumes_when_its_future_is_done(node, executor):
    future, results = rclpy.task.Future(executor=executor), []

    async def wait_for_it(message):
        results.append((message.data, await future))

    connected(node, executor, 'awaited', wait_for_it).publish(Int32(data=4))
    executor.spin_once(timeout_sec=0.2)
    future.set_result('done')
    spin_until(executor, lambda: results)
    assert results == [(4, 'done')]


def test_a_service_that_waits_answers_when_its_future_is_done(node, executor):
    future = rclpy.task.Future(executor=executor)

    async def reset(request, response):
        response.text = request.task + await future
        return response

    node.create_service(ResetEpisode, 'reset_later', reset)
    client = node.create_client(ResetEpisode, 'reset_later')
    spin_until(executor, client.service_is_ready)
    answer = client.call_async(ResetEpisode.Request(task='one'))
    for _ in range(5):
        executor.spin_once(timeout_sec=0.05)
    assert not answer.done()
    future.set_result(' done')
    spin_until(executor, answer.done)
    assert answer.result().text == 'one done'


def test_an_exception_reaches_the_spinning_thread_which_may_spin_again(node, executor):
    def fail(message):
        raise ValueError(f'bad {message.data}')

    publisher = connected(node, executor, 'failing', fail)
    for number in (1, 2):
        publisher.publish(Int32(data=number))
        with pytest.raises(ValueError, match=f'bad {number}'):
            spin_until(executor, lambda: False)


def test_polled_entities_are_not_executed(node, executor):
    received = []
    publisher = connected(node, executor, 'polled', received.append, callback_group=Polled())
    publisher.publish(Int32(data=1))
    executor.spin_once(timeout_sec=0.2)
    assert not received


def test_an_incompatible_reliability_is_reported(node, executor, capfd):
    node.create_publisher(
        Int32, 'unreliable', QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    )
    node.create_subscription(Int32, 'unreliable', lambda message: None, 10)
    output = []

    def reported():
        output.append(capfd.readouterr().err)
        return 'incompatible QoS' in ''.join(output)

    spin_until(executor, reported)


def test_executor_waits_no_longer_than_requested_and_runs_no_removed_node(node, executor):
    ticks = []
    node.create_timer(0.01, lambda: ticks.append(1))
    executor.remove_node(node)
    executor.spin_once(timeout_sec=0.0)
    start = time.monotonic()
    executor.spin_once(timeout_sec=0.05)
    assert time.monotonic() - start < 0.5
    assert not ticks
    executor.add_node(node)
    spin_until(executor, lambda: ticks)


def test_executor_ends_when_the_context_ends():
    context = rclpy.Context()
    rclpy.init(context=context)
    node = rclpy.create_node('ending', context=context)
    executor = DirectExecutor(context=context)
    executor.add_node(node)
    threading.Timer(0.05, context.shutdown).start()
    with pytest.raises(ExternalShutdownException):
        spin_until(executor, lambda: False)
    node.destroy_node()

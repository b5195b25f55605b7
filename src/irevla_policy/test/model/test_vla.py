# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
import copy

import numpy as np
import pytest
from small_models import batch, observation, statistics, tiny_config, tiny_vla
import torch

from irevla_control.errors import ConfigError
from irevla_policy.model.normalisation import Statistics
from irevla_policy.model.vla import VLA


@pytest.fixture(scope='module')
def vla():
    return tiny_vla()


def test_every_weight_gets_a_gradient(vla):
    vla = copy.deepcopy(vla).train()
    vla(*batch(vla)).square().sum().backward()
    assert all(
        weight.grad is not None and weight.grad.abs().sum() > 0
        for name, weight in vla.named_parameters()
        if not name.endswith(('key.bias', 'k_proj.bias'))
    )


def test_forward_is_act_after_encode(vla):
    images, instructions, states = batch(vla)
    torch.testing.assert_close(
        vla(images, instructions, states), vla.act(vla.encode(images, instructions), states)
    )


def test_step_returns_the_action_of_its_latent(vla):
    images, state = observation(vla)
    output = vla.step(images, state, 'open the drawer')
    assert output.latent.dtype == np.float16
    assert output.latent.shape[1] == vla.backbone.width
    with torch.no_grad():
        action = vla.act(
            torch.from_numpy(output.latent)[None], torch.from_numpy(output.proprioception)[None]
        )[0].numpy()
    np.testing.assert_allclose(output.action_normalised, action, atol=1e-6)
    np.testing.assert_array_equal(output.action, vla.statistics.denormalise_action(action))
    assert output.action.shape == (7,)


def test_step_agrees_with_forward(vla):
    images, state = observation(vla)
    stacked = torch.from_numpy(np.stack([images[camera] for camera in vla.config.cameras]))
    with torch.no_grad():
        action = vla(
            stacked[None], ['press'], torch.from_numpy(vla.statistics.normalise_state(state))[None]
        )[0].numpy()
    np.testing.assert_allclose(
        vla.step(images, state, 'press').action_normalised, action, atol=2e-3
    )


def test_step_of_a_compiled_policy_is_the_same(vla):
    images, state = observation(vla)
    compiled = copy.deepcopy(vla)
    compiled.compile_for_inference()
    for instruction in ('press', 'open the drawer', 'press'):
        expected = vla.step(images, state, instruction)
        result = compiled.step(images, state, instruction)
        np.testing.assert_allclose(result.action_normalised, expected.action_normalised, atol=2e-3)
        np.testing.assert_allclose(result.latent, expected.latent, atol=4e-3)


def test_step_finds_cameras_by_name(vla):
    images, state = observation(vla)
    reordered = dict(reversed(images.items())) | {'other': np.zeros((5, 5, 3), np.uint8)}
    np.testing.assert_array_equal(
        vla.step(reordered, state, 'press').latent, vla.step(images, state, 'press').latent
    )


def test_step_accepts_read_only_images(vla):
    images, state = observation(vla)
    frozen = {
        name: np.frombuffer(image.tobytes(), np.uint8).reshape(image.shape)
        for name, image in images.items()
    }
    np.testing.assert_array_equal(
        vla.step(frozen, state, 'press').latent, vla.step(images, state, 'press').latent
    )


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda images, state: images.pop('left'), "camera 'left' is missing"),
        (lambda images, state: images.update(left=images['left'][:20]), 'set the camera'),
        (
            lambda images, state: images.update(left=images['left'].astype(np.float32)),
            'set the cam',
        ),
        (lambda images, state: images.update(left=images['left'][..., :1]), 'set the camera'),
        (lambda images, state: state.fill(np.nan), 'finite'),
        (lambda images, state: state.resize(9, refcheck=False), '10 finite numbers'),
    ],
)
def test_step_refuses_an_observation_of_wrong_shape_or_value(vla, change, message):
    images, state = observation(vla)
    change(images, state)
    with pytest.raises(ConfigError, match=message):
        vla.step(images, state, 'press')


def test_step_switches_to_evaluation_mode(vla):
    vla = copy.deepcopy(vla).train()
    vla.step(*observation(vla), 'press')
    assert not vla.training


def test_actions_that_never_vary_are_refused():
    still = Statistics.from_data(np.random.default_rng(0).normal(size=(9, 10)), np.ones((9, 7)))
    with pytest.raises(ConfigError, match='no action dimension'):
        VLA(tiny_config(), still, ['go'])


def test_same_seed_gives_same_policy():
    torch.manual_seed(3)
    one = VLA(tiny_config(), statistics(), ['go'])
    torch.manual_seed(3)
    two = VLA(tiny_config(), statistics(), ['go'])
    for name, weight in one.state_dict().items():
        assert torch.equal(two.state_dict()[name], weight)

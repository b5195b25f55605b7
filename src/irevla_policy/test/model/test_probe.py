# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The probe refuses a model and a processor that do not match, in one line with a remedy."""

import json

import pytest
from small_families import FAMILIES, family_vla
import torch

from irevla_control.errors import ConfigError
from irevla_policy.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from irevla_policy.checkpoints.files import CheckpointError, read_manifest
from irevla_policy.checkpoints.latent_checkpoint import load_latent_policy, save_latent_policy
from irevla_policy.model.backbone import Backbone
from irevla_policy.model.config import LoraConfig
from irevla_policy.model.tensors import trained_parameters


@pytest.fixture(scope='module')
def blip2(tmp_path_factory):
    return FAMILIES['blip2'].save(tmp_path_factory.mktemp('source') / 'blip2')


@pytest.fixture
def source(tmp_path):
    """Return a function that saves a family and edits its JSON files by (file, key, value)."""

    def save(family, *edits):
        folder = FAMILIES[family].save(tmp_path / family)
        for name, key, value in edits:
            data = json.loads((folder / name).read_text())
            data[key] = value
            (folder / name).write_text(json.dumps(data))
        return folder

    return save


def refusal(vla, learns=True):
    """Return the one line with which the probe refuses a policy."""
    with pytest.raises(ConfigError) as caught:
        vla.probe(learns=learns)
    line = str(caught.value)
    assert '\n' not in line
    assert vla.config.backbone.source in line
    assert type(vla.backbone.model).__name__ in line
    return line


@pytest.mark.parametrize(
    ('family', 'count'), [('blip2', None), ('blip2', 2), ('blip2', 5), ('instructblip', 2)]
)
def test_a_wrong_number_of_query_tokens_is_refused(source, family, count):
    folder = source(family, ('processor_config.json', 'num_query_tokens', count))
    line = refusal(family_vla(folder, family), learns=False)
    assert f'writes {count or 0} image tokens' in line
    assert 'set num_query_tokens to 3 in processor_config.json' in line


def test_a_model_without_its_image_token_is_refused(source):
    folder = source('blip2', ('config.json', 'image_token_index', None))
    assert 'no image_token_index' in refusal(family_vla(folder, 'blip2'))


def test_a_wrong_patch_size_of_the_processor_is_refused(source):
    folder = source('llava', ('processor_config.json', 'patch_size', 7))
    line = refusal(family_vla(folder, 'llava'))
    assert 'the model fails on what the processor makes' in line
    assert 'processor and tokenizer files of the same model' in line


def test_a_prompt_without_the_image_token_is_refused(source):
    with pytest.raises(ConfigError, match="backbone.prompt, here as 'go'.*<image> tokens"):
        family_vla(source('llava'), 'llava', prompt='{instruction}')


def test_a_prompt_longer_than_the_model_s_limit_is_refused(blip2):
    """The prompt with 'go' is short enough, the prompt with 'go up' is too long."""
    line = refusal(family_vla(blip2, 'blip2', prompt='x{instruction}' * 15))
    assert 'the model fails on what the processor makes' in line
    assert 'IndexError' in line


def test_a_prompt_that_fails_for_one_instruction_is_refused(blip2):
    vla = family_vla(blip2, 'blip2')
    prompts = vla.backbone.prompts

    def prompts_but_up(texts, device='cpu'):
        if list(texts) == ['up']:
            raise KeyError('up')
        return prompts(texts, device)

    vla.backbone.prompts = prompts_but_up
    assert "KeyError: 'up'" in refusal(vla)


def _zero_projection(vla):
    vla.backbone.model.language_projection.weight.zero_()


def _set_infinite(vla):
    vla.backbone.model.language_projection.weight.fill_(float('inf'))


def _scale_output(vla):
    model, forward = vla.backbone.model, vla.backbone.model.forward

    def large(**inputs):
        output = forward(**inputs)
        output.logits = output.logits * 1e6
        return output

    model.forward = large


def _ignore_instruction(vla):
    words = vla.backbone.prompts
    vla.backbone.prompts = lambda texts, device='cpu': words(['go'] * len(texts), device)


def _depend_on_padding(vla):
    model, forward = vla.backbone.model, vla.backbone.model.forward

    def read(**inputs):
        output = forward(**inputs)
        output.logits = output.logits + inputs['input_ids'].shape[1]
        return output

    model.forward = read


def test_a_tokenizer_without_words_is_refused(source):
    folder = source('llava')
    tokenizer = json.loads((folder / 'tokenizer.json').read_text())
    words = tokenizer['model']['vocab']
    tokenizer['model']['vocab'] = {
        f'{word}#' if word.isalnum() else word: number for word, number in words.items()
    }
    (folder / 'tokenizer.json').write_text(json.dumps(tokenizer))
    assert 'two instructions give the same latent' in refusal(family_vla(folder, 'llava'))


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (_zero_projection, 'two pictures give the same latent'),
        (_set_infinite, 'the latent is not finite; its weights are damaged, copy them again'),
        (_scale_output, 'not in half precision, in which it is stored: its largest number is'),
        (_scale_output, 'this model is not supported, choose another'),
        (_ignore_instruction, 'two instructions give the same latent'),
        (_depend_on_padding, 'beside a longer instruction'),
    ],
    ids=lambda value: getattr(value, '__name__', ''),
)
def test_an_unusable_latent_is_refused(blip2, damage, message):
    vla = family_vla(blip2, 'blip2')
    with torch.no_grad():
        damage(vla)
    assert message in refusal(vla)


def test_a_latent_that_overflows_in_float16_is_refused(blip2):
    vla = family_vla(blip2, 'blip2', dtype='float16')
    with torch.no_grad():
        _set_infinite(vla)
    assert 'the latent is not finite; set backbone.dtype to float32 or bfloat16' in refusal(vla)


def test_adapters_without_effect_on_the_latent_are_refused_or_left_out(source):
    """LLaVA does not use the last layer of its vision tower."""
    folder = source('llava')
    unread = 'layers.1.self_attn.k_proj'
    vla = family_vla(
        folder, 'llava', lora=LoraConfig(targets=(f'vision_tower.encoder.{unread}', 'q_proj'))
    )
    assert f'vision_tower.encoder.{unread}' in refusal(vla)
    vla.probe()
    vla = family_vla(folder, 'llava')
    before = len(trained_parameters(vla.backbone))
    vla.probe(learns=True)
    assert vla.probed.unused == 4
    assert vla.probed.trained == before - 4 == len(trained_parameters(vla.backbone))
    vla.backbone.freeze()
    vla.backbone.unfreeze()
    assert len(trained_parameters(vla.backbone)) == before - 4


def test_probe_leaves_weights_and_random_state_unchanged(blip2):
    vla = family_vla(blip2, 'blip2').train()
    before, frozen = vla.backbone_hash, vla.backbone.stored_state().keys()
    torch.manual_seed(4)
    expected = torch.rand(2)
    torch.manual_seed(4)
    vla.probe(learns=True)
    assert torch.equal(torch.rand(2), expected)
    assert vla.backbone_hash == before
    assert vla.backbone.stored_state().keys() == frozen
    assert vla.backbone.training
    assert all(weight.grad is None for weight in vla.parameters())


def test_a_checkpoint_stores_the_result_of_the_probe(tmp_path, source):
    vla = family_vla(source('llava'), 'llava')
    vla.probe(learns=True)
    save_checkpoint(tmp_path / 'one', vla)
    assert read_manifest(tmp_path / 'one')['probe'] == vla.probed.to_dict()
    save_latent_policy(tmp_path / 'two', tmp_path / 'one', load_latent_policy(tmp_path / 'one'))
    assert read_manifest(tmp_path / 'two')['probe'] == vla.probed.to_dict()
    assert load_checkpoint(tmp_path / 'two').probed.tokens == vla.probed.tokens


@pytest.fixture
def passes(monkeypatch):
    """Return a list to which each forward pass of a backbone adds its inputs."""
    made, forward = [], Backbone.forward

    def counted(self, *inputs):
        made.append(inputs)
        return forward(self, *inputs)

    monkeypatch.setattr(Backbone, 'forward', counted)
    return made


def test_a_probed_checkpoint_is_not_probed_again(tmp_path, source, passes):
    vla = family_vla(source('llava'), 'llava')
    vla.probe(learns=True)
    save_checkpoint(tmp_path / 'one', vla)
    passes.clear()
    assert load_checkpoint(tmp_path / 'one').probed == vla.probed
    assert passes == []


@pytest.mark.parametrize(
    'change',
    [
        {'versions': 'torch 2.0, transformers 5.0'},
        {'prompts': '0'},
        {'later': 1},
        {'versions': None},
    ],
)
def test_a_checkpoint_whose_probe_is_outdated_is_probed_again(tmp_path, blip2, passes, change):
    vla = family_vla(blip2, 'blip2')
    vla.probe()
    save_checkpoint(tmp_path / 'one', vla)
    manifest = read_manifest(tmp_path / 'one')
    manifest['probe'] |= change
    (tmp_path / 'one/manifest.json').write_text(json.dumps(manifest))
    passes.clear()
    assert load_checkpoint(tmp_path / 'one').probed.width == 24
    assert len(passes) == 3


def test_a_checkpoint_without_a_probe_is_probed(tmp_path, blip2):
    save_checkpoint(tmp_path / 'one', family_vla(blip2, 'blip2'))
    assert 'probe' not in read_manifest(tmp_path / 'one')
    assert load_checkpoint(tmp_path / 'one').probed.width == 24


@pytest.mark.parametrize('probed', [False, True])
def test_a_checkpoint_whose_processor_changed_is_refused(tmp_path, source, probed):
    folder = source('blip2')
    vla = family_vla(folder, 'blip2')
    if probed:
        vla.probe()
    save_checkpoint(tmp_path / 'one', vla)
    data = json.loads((folder / 'processor_config.json').read_text())
    (folder / 'processor_config.json').write_text(json.dumps(data | {'num_query_tokens': None}))
    with pytest.raises(CheckpointError, match='one cannot be used: .*num_query_tokens'):
        load_checkpoint(tmp_path / 'one')

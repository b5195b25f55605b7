# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
import torch
import torch.nn.functional as F

from irevla_policy.training.augmentation import random_light, random_shift


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_images(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, (*shape, 3), dtype=torch.uint8, generator=generator(9))


def test_shifted_image_is_a_crop_of_the_edge_padded_one():
    images = random_images(5, 2, 12, 12)
    shifted = random_shift(images, 4, generator())
    seen = set()
    for before, after in zip(images.flatten(0, 1), shifted.flatten(0, 1)):
        padded = F.pad(before.permute(2, 0, 1)[None].float(), (4,) * 4, 'replicate')[0]
        crops = [
            (y, x)
            for y in range(9)
            for x in range(9)
            if torch.equal(padded[:, y : y + 12, x : x + 12].permute(1, 2, 0), after.float())
        ]
        assert len(crops) == 1
        seen.update(crops)
    assert len(seen) > 3


def test_same_generator_gives_the_same_images():
    images = random_images(3, 2, 8, 8)
    for change in (
        lambda g: random_shift(images, 4, g),
        lambda g: random_light(images, 0.3, 0.3, g),
    ):
        assert torch.equal(change(generator(1)), change(generator(1)))
        assert not torch.equal(change(generator(1)), change(generator(2)))


def test_zero_strength_changes_nothing():
    images = random_images(2, 1, 8, 8)
    assert torch.equal(random_shift(images, 0, generator()), images)
    assert torch.equal(random_light(images, 0, 0, generator()), images)


def test_brightness_scales_the_mean_within_its_range():
    images = torch.full((64, 1, 4, 4, 3), 100, dtype=torch.uint8)
    means = random_light(images, 0.2, 0.0, generator()).float().mean((1, 2, 3, 4))
    assert 80 <= means.min() < 90 and 110 < means.max() <= 120


def test_contrast_keeps_the_mean():
    images = torch.tensor([80, 120], dtype=torch.uint8).repeat(16, 1, 4, 12).view(16, 1, 4, 8, 3)
    changed = random_light(images, 0.0, 0.5, generator()).float()
    torch.testing.assert_close(
        changed.mean((1, 2, 3, 4)), torch.full((16,), 100.0), atol=0.5, rtol=0
    )
    assert changed.std((1, 2, 3, 4)).max() > 22

# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""Success classifier: a small head on the frozen VLM's latents, in place of a reward."""

from dataclasses import asdict, dataclass
from hashlib import sha256
import json
from pathlib import Path

from safetensors.torch import load_file
import torch
from torch import Tensor, nn

from irevla_control.errors import ConfigError
from irevla_control.files import replacement
from irevla_learner.json_file import write_json
from irevla_policy.model.head import Head
from irevla_policy.model.tensors import misfit, save_tensors

WEIGHTS, DESCRIPTION = 'classifier.safetensors', 'classifier.json'
FORMAT = 1


@dataclass(frozen=True)
class Description:
    """Sizes and thresholds of a classifier.

    Attributes:
        backbone_hash: hash of the backbone whose latents it reads; only these are valid.
        width: d of a latent.
        state_size: p.
        hidden: sizes of its hidden layers.
        threshold: probability above which an observation is positive, chosen on episodes that
            are not in its training set.
        consecutive: number of positive observations in a row that count as success.

    """

    backbone_hash: str
    width: int
    state_size: int
    hidden: tuple[int, ...]
    threshold: float = 0.5
    consecutive: int = 2


class Debounce:
    """Reports success after enough positive observations in a row, then for the episode."""

    def __init__(self, threshold: float, consecutive: int) -> None:
        """Start an episode."""
        self._threshold, self._consecutive = threshold, consecutive
        self._row = 0
        self.success = False

    def __call__(self, probability: float) -> bool:
        """Add the probability of the next observation; return whether the task succeeded."""
        self._row = self._row + 1 if probability >= self._threshold else 0
        self.success |= self._row >= self._consecutive
        return self.success


class SuccessClassifier(nn.Module):
    """An action head with one output, the logit of success."""

    def __init__(self, description: Description) -> None:
        """Create a classifier with new weights."""
        super().__init__()
        self.description = description
        # One query, as in classifiers on disk: it judges one task, so the words tell nothing.
        self.head = Head(description.width, description.state_size, 1, description.hidden)

    def forward(self, latents: Tensor, states: Tensor) -> Tensor:
        """Map latents (B, m, d) and normalised states (B, p) to logits (B,)."""
        return self.head(latents, states)[:, 0]

    @torch.no_grad()
    def probability(self, latents: Tensor, states: Tensor) -> Tensor:
        """Return the probability of success (B,)."""
        return torch.sigmoid(self(latents, states))

    def new_debounce(self) -> Debounce:
        """Return a debounce for the probabilities of one episode."""
        return Debounce(self.description.threshold, self.description.consecutive)


def save_classifier(folder: Path, classifier: SuccessClassifier) -> None:
    """Write weights, then the description, which marks a complete classifier."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DESCRIPTION).unlink(missing_ok=True)
    with replacement(folder / WEIGHTS) as new:
        save_tensors(new, classifier.state_dict())
    write_json(folder / DESCRIPTION, {'format': FORMAT, **asdict(classifier.description)})


def classifier_digest(folder: Path) -> str:
    """Return a hash of a classifier's description and weights.

    Raises:
        ConfigError: the folder contains none.

    """
    digest = sha256()
    for name in (DESCRIPTION, WEIGHTS):
        try:
            digest.update((Path(folder) / name).read_bytes())
        except OSError as error:
            raise ConfigError(
                f'{folder} contains no success classifier ({error}); train one with '
                'python -m irevla_learner.classifier.train'
            ) from error
    return digest.hexdigest()


def load_classifier(folder: Path, backbone_hash: str) -> SuccessClassifier:
    """Load what `save_classifier` wrote, for latents of this backbone.

    Raises:
        ConfigError: it is missing, damaged, or for another backbone.

    """
    folder = Path(folder)
    try:
        values = json.loads((folder / DESCRIPTION).read_text())
        if values.pop('format') != FORMAT:
            raise ValueError('another format')
        description = Description(**values | {'hidden': tuple(values['hidden'])})
        weights = load_file(folder / WEIGHTS)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f'{folder} contains no success classifier ({error!r}); train one with '
            'python -m irevla_learner.classifier.train'
        ) from error
    if description.backbone_hash != backbone_hash:
        raise ConfigError(
            f'success classifier {folder} reads latents of backbone '
            f'{description.backbone_hash[:12]}, this policy has '
            f'{backbone_hash[:12]}; train it again on this policy'
        )
    classifier = SuccessClassifier(description)
    problem = misfit(weights, classifier.state_dict())
    if problem:
        raise ConfigError(f'{folder / WEIGHTS}: {problem}; train the classifier again')
    classifier.load_state_dict(weights)
    return classifier.eval()

"""Trains an embedding network on episodes of its training words."""

import logging

from edge_tf import models, run_dir
from edge_tf.audio.augmentation import Augmenter
from edge_tf.data import pipeline, waveform_cache
from edge_tf.data.words import fewshot_words
from edge_tf.errors import UserError
from edge_tf.fewshot import dummies_file, judging
from edge_tf.fewshot.episodes import (
    VALIDATION_EPISODES,
    VALIDATION_SEED,
    VALIDATION_SHAPE,
    Words,
)
from edge_tf.fewshot.recogniser import Recogniser
from edge_tf.models import build_model, run_model
from edge_tf.settings import FewShotTraining
from edge_tf.training.fewshot.auxiliary import AuxiliaryHead
from edge_tf.training.fewshot.dummy_prototypes import DummyPrototypeLoss
from edge_tf.training.fewshot.episode_batches import EpisodeBatches
from edge_tf.training.fewshot.episode_loss import EpisodeLoss
from edge_tf.training.fewshot.episode_objective import EpisodeObjective
from edge_tf.training.fewshot.prototypes import PrototypeLoss
from edge_tf.training.fewshot.triplet import TripletLoss
from edge_tf.training.fitted import Fitted
from edge_tf.training.loop import Trainer
from edge_tf.training.request import Request
from edge_tf.training.step import SgdStep, seed_everything

_LOG = logging.getLogger(__name__)


def fit(run: run_dir.RunDirectory, request: Request) -> Fitted:
    """Trains on episodes, or resumes; the last epoch's weights are the result.

    Each epoch is judged by fixed open-set episodes of the validation words. With D-ProtoNets,
    dummies.npz gets what generates dummy prototypes.

    Raises:
      UserError: the network has no embedding, noise cannot be read, there are too few clips, or
        the checkpoints are of another training.
    """
    record = request.record
    fewshot, settings, frontend = record.fewshot, record.recipe, record.frontend
    assert fewshot is not None
    if not models.spec(record.model.name).embeds:
        can = [name for name, spec in models.MODELS.items() if spec.embeds]
        raise UserError(f"{record.model.name} has no embedding", f"use --model={can[0]}")
    training, validation = request.splits["training"], request.splits["validation"]
    words = Words(
        training.labels,
        training.names,
        record.labels,
        fewshot.shape,
        fewshot_words.WORDS["training"],
    )
    judged = Words(validation.labels, validation.names, record.labels, VALIDATION_SHAPE)
    episodes = judged.draw(VALIDATION_SEED, 0, VALIDATION_EPISODES)
    noise = waveform_cache.load_noise(request.dataset, frontend.sample_rate, frontend.clip_samples)

    seed_everything(settings.seed)
    model = build_model(
        record.model.name,
        num_classes=None,  # as ModelConfig.embedding says
        input_shape=frontend.feature_shape,
        **run_model.arguments(record.model),
    )
    size = model.output_shape[-1]
    loss = _loss(fewshot, size, settings.seed)
    head = None
    if fewshot.auxiliary_classes:
        head = AuxiliaryHead(size, fewshot.auxiliary_classes, settings.seed)
    others = len(words.words) - fewshot.shape.ways
    objective = EpisodeObjective(model, fewshot.shape, others, loss, head, fewshot.auxiliary_weight)
    batches = EpisodeBatches(training, words, fewshot, settings.seed)
    step = SgdStep(model, settings, objective, label_size=batches.columns)
    trainer = Trainer(step, run.path, request.settings())
    augmenter = Augmenter(record.augmentation, noise, frontend.sample_rate)

    def validate() -> float:
        embeddings = step.outputs(pipeline.evaluation_batches(validation.samples, frontend))
        return float(
            judging.judge(embeddings, episodes, _recogniser(loss, fewshot)).open_set.mean()
        )

    history = trainer.fit(
        lambda epoch: batches.epoch(epoch, frontend, augmenter),
        fewshot.steps * settings.batch_size,
        validate,
    )
    if isinstance(loss, DummyPrototypeLoss) and loss.dummies is not None:
        dummies_file.save(loss.dummies.numpy(), run / run_dir.DUMMIES)
    return Fitted(model, history)


def _loss(fewshot: FewShotTraining, size: int, seed: int) -> EpisodeLoss:
    """The method's loss for embeddings of a size."""
    if fewshot.method == "triplet":
        return TripletLoss(fewshot.margin)
    if fewshot.method == "proto":
        return PrototypeLoss()
    return DummyPrototypeLoss(
        size, fewshot.dummies, fewshot.unknown_temperature, fewshot.unknown_weight, seed
    )


def _recogniser(loss: EpisodeLoss, fewshot: FewShotTraining) -> Recogniser:
    """The recogniser as trained so far."""
    if not isinstance(loss, DummyPrototypeLoss) or loss.dummies is None:
        return Recogniser()
    return Recogniser(loss.dummies.numpy(), fewshot.unknown_temperature)

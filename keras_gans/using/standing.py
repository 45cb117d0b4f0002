"""Standing statistics: batch norm's means and variances, made anew from the generator that samples."""

import keras

from keras_gans import randomness
from keras_gans.errors import UserError


def accumulate(run, passes, seed):
    """Sets the statistics of every batch norm of a run's generator to their means over batches of fresh latents.

    Brock et al. 2019, appendix C.1; `ajbrock/BigGAN-PyTorch`, `utils.py`, `accumulate_standing_stats`: the batches are of
    the run's batch size, their classes are drawn evenly. The moving averages of training lag behind the weights, and those
    of another network than its moving average.

    Args:
        run: `keras_gans.trained.Trained` that makes images of latents.
        passes: how many batches; that code's default is 16.
        seed: int, of latents and classes.

    Raises:
        UserError: a generator without batch norm.
    """
    norms = [layer for layer in run.generator._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    if not norms:
        raise UserError(f"--standing={passes}: the generator of {run.directory} has no batch norm; leave it out")
    momenta = [layer.momentum for layer in norms]
    count = run.recipe["batch_size"]
    for index in range(passes):
        draw = randomness.fold(randomness.fold(seed, "standing statistics"), index)
        latent = run.draw_latent(count, draw)
        for layer in norms:  # what a pass leaves of the mean so far
            layer.momentum = index / (index + 1)
        if run.num_classes:
            labels = randomness.integers(randomness.fold(draw, "labels"), [count], run.num_classes)
            run.generator([latent, labels], training=True)
        else:
            run.generator(latent, training=True)
    for layer, momentum in zip(norms, momenta):
        layer.momentum = momentum

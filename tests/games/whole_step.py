"""One whole step of a running game beside a second implementation of it in PyTorch, number by number.

How it is used: write the published step in plain PyTorch, as a subclass of `Second`, and let `compare` play both.

    class DCGANStep(whole_step.Second):
        def step(self, images, draws):                     # images: float64 [batch, c, h, w]
            fake = self.generator(draws.latents[0])        # what our game drew in this step, in its order
            loss = softplus(-self.discriminator(images)).mean() + softplus(self.discriminator(fake.detach())).mean()
            self.descend("discriminator", loss)            # notes the gradients, then plain SGD
            ...
            self.average("ema", 0.5 ** (8 / 16))
            return {"discriminator_loss": loss, ...}       # by the names that our game logs

    game.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))
    second = DCGANStep(game, {"generator": Generator(), "discriminator": Discriminator()}, rate=0.1)
    assert whole_step.compare(game, second, [first_batch, second_batch]) < 1e-5

The modules get the weights of the game's networks: a module's parameter belongs to the weight of the layer that `named`
says, `down_16` being `module.down_16`; a dict `names` of the class gives other places. After each batch compared are the
losses that `step` returned, the gradient of every tensor in every turn, all weights (statistics of batch norm too) and the
moving averages; several batches show that what moves between steps (schedules, averages, pools) moves alike.

Everything of PyTorch's is float64, so that the differences are the rounding of ours: a few 1e-6. A single difference of
1e-3 in one kernel is a ReLU whose input lies within rounding of zero (look at the smallest one); take another seed.
"""

import contextlib
import copy

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans import randomness
from keras_gans.augment import draw

torch = pytest.importorskip("torch", reason="the parity extra is not installed")

_PARAMETERS = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


class Draws:
    """What a step of the game has drawn, as float64 tensors in the order of the calls.

    Attributes:
        latents: of `game.draw_latent`, [n, latent_dim] each.
        uniforms, normals, integers: of the functions of that name in `keras_gans.randomness`, but for latents; what
            normals and integers are made of is among the uniforms too.
    """

    def __init__(self):
        self.latents, self.uniforms, self.normals, self.integers = [], [], [], []

    def normal(self):
        """Takes the next of `normals` away, and the two uniforms that it was made of."""
        del self.uniforms[:2]
        return self.normals.pop(0)

    @contextlib.contextmanager
    def recorded(self, game):
        """Records what is drawn inside."""
        with pytest.MonkeyPatch.context() as patch:
            latent = getattr(game, "draw_latent", None)
            for name in ("uniform", "normal", "integers"):
                function = getattr(randomness, name)
                record = self._recorder(function, getattr(self, name.rstrip("s") + "s"))
                patch.setattr(randomness, name, record)
                if hasattr(draw, name):  # imported by name there
                    patch.setattr(draw, name, record)
            if latent:
                patch.setattr(game, "draw_latent", self._latents(latent))
            yield self

    def _recorder(self, function, values):
        def record(*args, **kwargs):
            value = function(*args, **kwargs)
            values.append(to_torch(value))
            return value

        return record

    def _latents(self, function):
        def record(*args, **kwargs):
            kept = [list(values) for values in (self.uniforms, self.normals)]
            value = function(*args, **kwargs)
            self.uniforms[:], self.normals[:] = kept
            self.latents.append(to_torch(value))
            return value

        return record


class Second:
    """The step in PyTorch; subclasses write `step(*data, draws)`.

    Args:
        game: the compiled game.
        modules: dict, name of a network of the game -> `torch.nn.Module`, which becomes the attribute of its name.
        rate: of SGD, one number or a dict, player -> number.

    Attributes:
        names: of the class, dict: `layer` or `layer/weight` of ours -> the module, or the parameter, that it belongs to;
            or (parameter, axes), where the axes are not in the order that `to_torch` knows.
    """

    names = {}

    def __init__(self, game, modules, rate):
        self.game = game
        self.rates = rate if isinstance(rate, dict) else dict.fromkeys(game.players, rate)
        self.modules = {name: module.double() for name, module in modules.items()}
        for average, name in game.averages.items():
            self.modules[average] = copy.deepcopy(self.modules[name])
        for name, module in self.modules.items():
            setattr(self, name, module)
            module.train()
            with torch.no_grad():
                for weight, tensor, axes in self.tied(name):
                    tensor.copy_(_permuted(np.asarray(weight), axes))
        self.gradients = []

    def step(self, *data):
        """Plays one step.

        Args:
            *data: the batch, images [batch, c, h, w] and labels; then `Draws`.

        Returns:
            Dict: names of our logs -> losses.
        """
        raise NotImplementedError

    def tied(self, network):
        """Yields (weight, its tensor in PyTorch, axes) of the network called `network`."""
        module = self.modules[network]
        tensors = dict(module.named_parameters()) | dict(module.named_buffers())
        for weight in getattr(self.game, network).weights:
            layer, name = weight.path.split("/")[-2:]
            place = self.names.get(f"{layer}/{name}")
            if place is None:
                place = f"{self.names.get(layer, layer)}.{_PARAMETERS.get(name, name)}"
            place, axes = place if isinstance(place, tuple) else (place, None)
            assert place in tensors, f"{network}: {weight.path} should be {place}, of {', '.join(tensors)}"
            yield weight, tensors[place], axes

    def descend(self, player, loss, retain_graph=False):
        """Takes the gradients of `loss` and moves the player's networks down along them."""
        tied = [part for name in self.game.players[player] for part in self.tied(name) if part[0].trainable]
        gradients = torch.autograd.grad(loss, [tensor for _, tensor, _ in tied], retain_graph=retain_graph)
        self.gradients.append(
            (player, {weight.path: (gradient, axes) for (weight, _, axes), gradient in zip(tied, gradients)})
        )
        with torch.no_grad():
            for (_, tensor, _), gradient in zip(tied, gradients):
                tensor -= self.rates[player] * gradient

    def average(self, name, keep):
        """Moves the moving average called `name`: `keep` of the old, the rest of the new; statistics are copied."""
        network = self.game.averages[name]
        with torch.no_grad():
            for (weight, new, _), (_, old, _) in zip(self.tied(network), self.tied(name)):
                old.copy_(new + keep * (old - new) if weight.trainable else new)


class BatchNorm2d(torch.nn.BatchNorm2d):
    """In training; the moving variance is the mean of biased variances, as Keras's is (PyTorch: n / (n - 1) of it)."""

    def forward(self, x):
        if self.training:
            with torch.no_grad():
                for average, now in (
                    (self.running_mean, x.mean((0, 2, 3))),
                    (self.running_var, x.var((0, 2, 3), correction=0)),
                ):
                    average += self.momentum * (now - average)
        return torch.nn.functional.batch_norm(x, None, None, self.weight, self.bias, True, eps=self.eps)


def to_torch(value):
    """Images [n, h, w, c] -> float64 [n, c, h, w]; integers stay integers."""
    array = np.asarray(value)
    if np.issubdtype(array.dtype, np.integer):
        return torch.tensor(array, dtype=torch.int64)
    return torch.tensor(np.moveaxis(array, -1, 1) if array.ndim == 4 else array, dtype=torch.float64)


def compare(game, second, batches, floor=1e-3):
    """Plays the same batches with both.

    Args:
        game: compiled, with SGD.
        second: the same in PyTorch.
        batches: list of what `game.train_step` takes.
        floor: see below; 1e-2 where biases in front of norms sum over many pixels.

    Returns:
        The largest difference of all that was compared: of losses beside 1 or their size, of tensors beside their own
        largest value (beside `floor` of the network's largest, where they are smaller: the gradient of a bias in
        front of a norm is rounding alone).
    """
    worst = {}
    for batch in batches:
        draws, ours = Draws(), []
        with draws.recorded(game), _gradients(game, ours):
            logs = game.train_step(batch)
        second.gradients = []
        parts = batch if isinstance(batch, (tuple, list)) else (batch,)
        losses = second.step(*map(to_torch, parts), draws)
        for name, loss in losses.items():
            loss = float(torch.as_tensor(loss).detach())
            worst[name] = np.maximum(worst.get(name, 0.0), abs(float(logs[name]) - loss) / max(1.0, abs(loss)))
        assert [player for player, _ in ours] == [player for player, _ in second.gradients]
        for (player, mine), (_, theirs) in zip(ours, second.gradients):
            assert mine.keys() == theirs.keys()
            theirs = {path: _permuted(gradient, axes, back=True) for path, (gradient, axes) in theirs.items()}
            _note(worst, f"gradients of the {player}", mine, theirs, floor)
        for name in second.modules:
            tied = [
                (weight.path, np.asarray(weight), _permuted(t, axes, back=True)) for weight, t, axes in second.tied(name)
            ]
            _note(worst, f"weights of {name}", *({path: pair[i] for path, *pair in tied} for i in (0, 1)), floor)
    print({name: f"{value:.2g}" for name, value in worst.items()})
    return np.max(list(worst.values()))  # NaN if one is: `max` would pass over it


def _note(worst, what, ours, theirs, floor):
    largest = max(np.abs(value).max() for value in theirs.values())
    assert largest > 0, f"{what}: all zero"
    for path, value in theirs.items():
        difference = np.abs(ours[path] - value).max() / max(np.abs(value).max(), floor * largest)
        worst[what] = np.maximum(worst.get(what, 0.0), float(difference))


def _permuted(array, axes=None, back=False):
    """Brings the axes of a weight of Keras to those of PyTorch, or back."""
    if back:
        array = array.detach().numpy()
    if axes is None:
        axes = {4: (3, 2, 0, 1), 2: (1, 0)}.get(np.ndim(array), range(np.ndim(array)))
    array = np.transpose(array, np.argsort(axes) if back else axes)
    return array if back else torch.tensor(array.copy(), dtype=torch.float64)


@contextlib.contextmanager
def _gradients(game, found):
    """Appends (player, {path of a weight: gradient}) for every turn that is played inside."""
    with pytest.MonkeyPatch.context() as patch:
        for player in game.players:
            optimizer = game.optimizer_of(player)
            assert isinstance(optimizer, keras.optimizers.SGD), "compare weights after plain SGD"
            patch.setattr(optimizer, "apply", _noting(optimizer.apply, player, found))
        yield


def _noting(apply, player, found):
    def noting(gradients, variables):
        found.append((player, {v.path: np.asarray(tf.convert_to_tensor(g)) for g, v in zip(gradients, variables)}))
        return apply(gradients, variables)

    return noting

"""Optimizers as the recipes name them: `adam:beta_1=0.5`, `rmsprop`, and the schedules of their learning rate."""

import math

import keras
import tensorflow as tf

from keras_gans.curves import now
from keras_gans.errors import UserError
from keras_gans.registry import Registry, nearest, parse_spec

OPTIMIZERS = Registry("optimizer", None)
SCHEDULES = Registry("schedule", None)


@OPTIMIZERS.register("adam")
@keras.saving.register_keras_serializable("keras_gans")
class Adam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` whose update of a dense variable is TensorFlow's one fused kernel.

    The same numbers, read and written in one pass instead of ten.

    Args:
        learning_rate: a number or a `keras.optimizers.schedules.LearningRateSchedule`.
        beta_1: decay of the first moment, a number or a curve. Default 0.5 (Radford et al. 2016).
        beta_2: decay of the second moment, a number or a curve. Default 0.999.
        epsilon: default 1e-8, as in the papers (Keras: 1e-7).
        epsilon_hat: where epsilon is added (Kingma and Ba 2015): True to the root of the second moment before its bias is
            corrected, the "epsilon hat" at the end of section 2, which TensorFlow and Keras take; False after that, as in
            algorithm 1 and PyTorch. They differ where gradients are below 1e-6: at 1e-6 the first step with beta_2=0.999
            is 0.77 of the other. Default True.
    """

    follows = ("beta_1", "beta_2")

    def __init__(self, learning_rate=2e-4, beta_1=0.5, beta_2=0.999, epsilon=1e-8, epsilon_hat=True, **kwargs):
        super().__init__(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon, **kwargs)
        self.epsilon_hat = epsilon_hat

    def update_step(self, gradient, variable, learning_rate):
        step = tf.cast(self.iterations.value + 1, tf.float32)
        index = self._get_variable_index(variable)
        beta_1, beta_2 = (tf.cast(now(beta), tf.float32) for beta in (self.beta_1, self.beta_2))
        epsilon = tf.constant(self.epsilon, tf.float32)
        if not self.epsilon_hat:  # the kernel corrects the bias of the learning rate alone
            epsilon *= tf.sqrt(1 - beta_2**step)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].handle,
            v=self._velocities[index].handle,
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=tf.cast(learning_rate, tf.float32),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=epsilon,
            grad=tf.convert_to_tensor(gradient),
        )

    def get_config(self):
        return super().get_config() | {"epsilon_hat": self.epsilon_hat}


@OPTIMIZERS.register("rmsprop")
@keras.saving.register_keras_serializable("keras_gans")
class RMSprop(keras.optimizers.RMSprop):
    """RMSprop as PyTorch and its papers' code have it: the gradient over sqrt(v) + epsilon.

    Keras divides by sqrt(v + epsilon), at 1e-8 a floor of 1e-4, which lies above most gradients of WGAN.

    Args:
        learning_rate: a number or a `keras.optimizers.schedules.LearningRateSchedule`. Default 5e-5, WGAN's (Arjovsky et
            al. 2017).
        rho: what a step leaves of the mean square v. Default 0.9 (PyTorch's alpha: 0.99).
        momentum: what a step leaves of the last one. Default 0.
        epsilon: default 1e-8.
        epsilon_inside: whether epsilon stands under the root, as in Keras and in 0.1.0. Default False.
    """

    def __init__(self, learning_rate=5e-5, rho=0.9, momentum=0.0, epsilon=1e-8, epsilon_inside=False, **kwargs):
        super().__init__(learning_rate, rho=rho, momentum=momentum, epsilon=epsilon, **kwargs)
        self.epsilon_inside = epsilon_inside

    def update_step(self, gradient, variable, learning_rate):
        if self.epsilon_inside:
            return super().update_step(gradient, variable, learning_rate)
        index = self._get_variable_index(variable)
        gradient, square = tf.cast(gradient, variable.dtype), self._velocities[index]
        self.assign(square, self.rho * square + (1 - self.rho) * tf.square(gradient))
        step = tf.cast(learning_rate, variable.dtype) * gradient / (tf.sqrt(square.value) + self.epsilon)
        if self.momentum > 0:
            self.assign(self._momentums[index], self.momentum * self._momentums[index] + step)
            step = self._momentums[index].value
        self.assign_sub(variable, step)

    def get_config(self):
        return super().get_config() | {"epsilon_inside": self.epsilon_inside}


@OPTIMIZERS.register("sgd")
def sgd(learning_rate=0.1, momentum=0.0):
    """Stochastic gradient descent; momentum as in Goodfellow et al. 2014 when it is not zero."""
    return keras.optimizers.SGD(learning_rate, momentum=momentum)


def get(given):
    """Returns an optimizer.

    Args:
        given: a `keras.optimizers.Optimizer`, handed back; or text: a name of `OPTIMIZERS` with the papers' defaults, as in
            `adam:learning_rate=1e-4`, or else one of Keras's, such as `adamw`, with Keras's.

    Raises:
        UserError: neither.
    """
    if isinstance(given, keras.optimizers.Optimizer):
        return given
    if not isinstance(given, str):
        raise UserError(f"an optimizer should be text such as 'adam', or a keras.optimizers.Optimizer, not {given!r}")
    name, _ = parse_spec(given)
    if name in OPTIMIZERS.names():
        return OPTIMIZERS.create(given)
    try:
        return keras.optimizers.get(given)
    except ValueError as error:
        known = OPTIMIZERS.names()
        raise UserError(
            f"unknown optimizer {given!r}; known: {', '.join(known)} and those of Keras{nearest(name, known)}"
        ) from error


class Following(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that follows a curve, by the clock of the game and not by the optimizer's own steps.

    Args:
        curve: `keras_gans.curves.Curve`.
    """

    def __init__(self, curve):
        self.curve = curve

    def __call__(self, step):
        return self.curve()


@SCHEDULES.register("constant")
def constant(learning_rate, steps):
    """The same learning rate throughout."""
    return learning_rate


def _steps(steps, kimg, until):
    """Optimizer steps up to the end of a schedule: of the run, or `until` thousand images."""
    if until is not None and not until > 0:
        raise ValueError(f"until must be above 0 kimg, not {until}")
    return steps if until is None else steps * until / kimg


@SCHEDULES.register("linear")
def linear(learning_rate, steps, kimg, hold=0.0, until=None):
    """`Linear` over the run of `kimg` thousand images, or over the first `until` of them."""
    return Linear(learning_rate, _steps(steps, kimg, until), hold)


@SCHEDULES.register("step")
def step(learning_rate, steps, kimg, factor=0.1, every=0.5, until=None):
    """`Step` over the run of `kimg` thousand images, or over the first `until` of them."""
    return Step(learning_rate, _steps(steps, kimg, until), factor, every)


@SCHEDULES.register("cosine")
def cosine(learning_rate, steps, kimg, final=0.0, until=None):
    """From `learning_rate` to `final` times it along half a cosine (R3GAN), over the run or `until` thousand images."""
    return keras.optimizers.schedules.CosineDecay(learning_rate, _steps(steps, kimg, until), alpha=final)


@keras.saving.register_keras_serializable("keras_gans")
class Linear(keras.optimizers.schedules.LearningRateSchedule):
    """Constant for a part of the run, then linear to zero (CycleGAN: half of it; WGAN-GP on CIFAR: none).

    Args:
        learning_rate: at the start.
        steps: optimizer steps of the whole run.
        hold: fraction of the steps before the decay starts, 0 to 1. Default 0.
    """

    def __init__(self, learning_rate, steps, hold=0.0):
        if not 0 <= hold < 1:
            raise ValueError(f"hold must be from 0 to below 1, not {hold}")
        self.learning_rate = learning_rate
        self.steps = steps
        self.hold = hold

    def __call__(self, step):
        done = tf.cast(step, tf.float32) / self.steps
        return self.learning_rate * tf.clip_by_value((1 - done) / (1 - self.hold), 0.0, 1.0)

    def get_config(self):
        return {"learning_rate": self.learning_rate, "steps": self.steps, "hold": self.hold}


@keras.saving.register_keras_serializable("keras_gans")
class Step(keras.optimizers.schedules.LearningRateSchedule):
    """Times `factor` after every `every`-th part of the run (SRGAN: a tenth after half of it; ESRGAN: halves).

    Args:
        learning_rate: at the start.
        steps: optimizer steps of the whole run.
        factor: above 0. Default 0.1.
        every: fraction of the steps, above 0. Default 0.5.
    """

    def __init__(self, learning_rate, steps, factor=0.1, every=0.5):
        if not (factor > 0 and every > 0):
            raise ValueError(f"factor and every must be above 0, not {factor} and {every}")
        self.learning_rate = learning_rate
        self.steps = steps
        self.factor = factor
        self.every = every

    def __call__(self, step):
        falls = tf.floor(tf.cast(step, tf.float32) / (self.steps * self.every))
        return self.learning_rate * tf.pow(tf.constant(self.factor, tf.float32), falls)

    def get_config(self):
        return {"learning_rate": self.learning_rate, "steps": self.steps, "factor": self.factor, "every": self.every}


@SCHEDULES.register("linear_epochs")
@keras.saving.register_keras_serializable("keras_gans")
class LinearEpochs(keras.optimizers.schedules.LearningRateSchedule):
    """Constant for a part of the run, then a fall after every epoch (pix2pix, CycleGAN and CUT in the authors' code).

    In the k-th of n falling epochs the rate is 1 - k / (n + 1) of the first.

    Args:
        learning_rate: at the start.
        steps: optimizer steps of the whole run.
        epochs: in the whole run, at least 2. Default 200.
        hold: fraction of the epochs before the falls begin, 0 to 1. Default 0.5.
    """

    def __init__(self, learning_rate, steps, epochs=200, hold=0.5):
        if not (0 <= hold < 1 and epochs >= 2):
            raise ValueError(f"hold must be from 0 to below 1 and epochs 2 or more, not {hold} and {epochs}")
        self.learning_rate = learning_rate
        self.steps = steps
        self.epochs = epochs
        self.hold = hold

    def __call__(self, step):
        held = round(self.hold * self.epochs)
        epoch = tf.floor(tf.cast(step, tf.float32) * (self.epochs / self.steps) + 1e-4) + 1
        falls = tf.clip_by_value(epoch - held, 0.0, float(self.epochs - held))
        return self.learning_rate * (1 - falls / (self.epochs - held + 1))

    def get_config(self):
        return {"learning_rate": self.learning_rate, "steps": self.steps, "epochs": self.epochs, "hold": self.hold}


@SCHEDULES.register("milestones")
@keras.saving.register_keras_serializable("keras_gans")
class Milestones(keras.optimizers.schedules.LearningRateSchedule):
    """Times `factor` at each of several points of the run (ESRGAN: halves after 1/8, 1/4, 1/2 and 3/4 of it).

    Args:
        learning_rate: at the start.
        steps: optimizer steps of the whole run.
        factor: above 0. Default 0.5.
        at: fractions of the steps, in order, with colons between them. Default "0.125:0.25:0.5:0.75".
    """

    def __init__(self, learning_rate, steps, factor=0.5, at="0.125:0.25:0.5:0.75"):
        places = [float(part) for part in str(at).split(":")]
        if not factor > 0 or places != sorted(places) or places[0] < 0:
            raise ValueError(f"factor must be above 0 and at in order, not {factor} and {at}")
        self.learning_rate = learning_rate
        self.steps = steps
        self.factor = factor
        self.at = at
        self._places = [round(place * steps) for place in places]

    def __call__(self, step):
        falls = tf.add_n([tf.cast(step >= place, tf.float32) for place in self._places])
        return self.learning_rate * tf.pow(tf.constant(self.factor, tf.float32), falls)

    def get_config(self):
        return {"learning_rate": self.learning_rate, "steps": self.steps, "factor": self.factor, "at": self.at}


@SCHEDULES.register("cosine_restarts")
@keras.saving.register_keras_serializable("keras_gans")
class CosineRestarts(keras.optimizers.schedules.LearningRateSchedule):
    """Half a cosine from `learning_rate` to `final` times it, several times over (ESRGAN's first phase: 4 x 250,000).

    Args:
        learning_rate: at the start, and after each restart.
        steps: optimizer steps of the whole run.
        periods: cosines of equal length in the run, at least 1. Default 4.
        final: fraction of the rate at the end of each. Default 0.
    """

    def __init__(self, learning_rate, steps, periods=4, final=0.0):
        if periods < 1:
            raise ValueError(f"periods must be 1 or more, not {periods}")
        self.learning_rate = learning_rate
        self.steps = steps
        self.periods = periods
        self.final = final

    def __call__(self, step):
        period = self.steps / self.periods
        angle = tf.math.floormod(tf.cast(step, tf.float32), period) / period * math.pi
        return self.learning_rate * (self.final + (1 - self.final) * 0.5 * (1 + tf.cos(angle)))

    def get_config(self):
        return {
            "learning_rate": self.learning_rate,
            "steps": self.steps,
            "periods": self.periods,
            "final": self.final,
        }

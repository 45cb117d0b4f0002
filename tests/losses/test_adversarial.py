"""Every adversarial loss against values by hand, and against PyTorch."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.registry import LOSSES

REAL = np.array([[2.0], [-0.5]], "float32")
FAKE = np.array([[-1.0], [3.0]], "float32")

# softplus(x) = log(1 + e^x): softplus(2) = 2.126928, (-2) = 0.126928, (0.5) = 0.974077, (-0.5) = 0.474077,
# (1) = 1.313262, (-1) = 0.313262, (3) = 3.048587, (-3) = 0.048587, (3.5) = 3.529750, (-3.5) = 0.029750.
# RaGAN's means are 0.75 (real) and 1 (fake):
# D = [softplus(1-2) + softplus(-1-0.75), softplus(1+0.5) + softplus(3-0.75)],
# G = [softplus(0.75+1) + softplus(2-1), softplus(0.75-3) + softplus(-0.5-1)].
GOLDEN = {
    "minimax": ([0.126928 + 0.313262, 0.974077 + 3.048587], [-0.313262, -3.048587]),
    "non_saturating": ([0.126928 + 0.313262, 0.974077 + 3.048587], [1.313262, 0.048587]),
    "wasserstein": ([-3.0, 3.5], [1.0, -3.0]),
    "least_squares": ([0.5 + 0.5, 1.125 + 4.5], [2.0, 2.0]),
    "least_squares:a=-1,b=1,c=0": ([0.5 + 0.0, 1.125 + 8.0], [0.5, 4.5]),
    "hinge": ([0.0 + 0.0, 1.5 + 4.0], [1.0, -3.0]),
    "relativistic_paired": ([0.048587, 3.529750], [3.048587, 0.029750]),
    "relativistic_average": ([0.313262 + 0.160224, 1.701413 + 2.350207], [1.910224 + 1.313262, 0.100207 + 0.201413]),
    "relativistic_average:scale=0.5,detach=true": (
        [(0.313262 + 0.160224) / 2, (1.701413 + 2.350207) / 2],
        [(1.910224 + 1.313262) / 2, (0.100207 + 0.201413) / 2],
    ),
}
SPECS = sorted(GOLDEN)


def test_every_registered_loss_has_golden_values():
    adversarial = [n for n in LOSSES.names() if LOSSES.get(n).__module__ == "keras_gans.losses.adversarial"]
    assert adversarial == sorted({spec.partition(":")[0] for spec in SPECS})


@pytest.mark.parametrize("spec", SPECS)
def test_golden_values(spec):
    loss = LOSSES.create(spec)
    for player, expected in zip((loss.discriminator, loss.generator), GOLDEN[spec]):
        values = player(REAL, FAKE)
        assert values.dtype == tf.float32
        np.testing.assert_allclose(values, expected, atol=2e-6)


@pytest.mark.parametrize("spec", SPECS)
def test_discriminator_wants_real_up_and_fake_down(spec):
    loss = LOSSES.create(spec)
    real, fake = tf.constant([[0.1], [-0.2]]), tf.constant([[0.15], [0.05]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([real, fake])
        discriminator = loss.discriminator(real, fake)
        generator = loss.generator(real, fake)
    assert np.all(tape.gradient(discriminator, real) < 0)
    assert np.all(tape.gradient(discriminator, fake) > 0)
    # The generator pulls its fakes to where the discriminator calls them real, c = 0 in the Pearson variant.
    pull = tape.gradient(generator, fake)
    assert np.all(pull > 0) if "c=0" in spec else np.all(pull < 0)


@pytest.mark.parametrize("spec", SPECS)
def test_relativistic_says_whether_the_generator_needs_real(spec):
    loss = LOSSES.create(spec)
    if not loss.relativistic:
        np.testing.assert_array_equal(loss.generator(None, FAKE), loss.generator(REAL, FAKE))
    else:
        assert not np.allclose(loss.generator(REAL, FAKE), loss.generator(REAL + 1, FAKE), atol=0.01)


@pytest.mark.parametrize("spec", SPECS)
def test_patch_map_is_averaged(spec):
    loss = LOSSES.create(spec)
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 3, 5, 4, 1)).astype("float32")
    if spec.startswith("relativistic_average"):  # its means run over the patches too: each patch is an example
        flat = loss.discriminator(real.reshape(-1, 1), fake.reshape(-1, 1)).numpy().reshape(3, -1)
    else:
        flat = np.stack([loss.discriminator(r.reshape(-1, 1), f.reshape(-1, 1)) for r, f in zip(real, fake)])
    np.testing.assert_allclose(loss.discriminator(real, fake), flat.mean(axis=1), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("spec", SPECS)
def test_half_precision_logits_are_cast_first(spec, dtype):
    loss = LOSSES.create(spec)
    real, fake = np.float32([[20.0], [300.0]]), np.float32([[-20.0], [300.0]])  # exact in both types
    for player in (loss.discriminator, loss.generator):
        values = player(tf.cast(real, dtype), tf.cast(fake, dtype))
        assert values.dtype == tf.float32
        np.testing.assert_array_equal(values, player(real, fake))


@pytest.mark.parametrize("spec", SPECS)
def test_config_round_trip(spec):
    loss = LOSSES.create(spec)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(copy) is type(loss)
    np.testing.assert_array_equal(copy.discriminator(REAL, FAKE), loss.discriminator(REAL, FAKE))


def test_equilibrium_value_is_minus_log_4():
    zero = np.zeros((4, 1), "float32")
    np.testing.assert_allclose(LOSSES.create("minimax").discriminator(zero, zero), np.log(4), rtol=1e-6)


def test_jit_equals_eager():
    for spec in SPECS:
        loss = LOSSES.create(spec)
        compiled = tf.function(loss.discriminator, jit_compile=True)
        np.testing.assert_allclose(
            compiled(tf.constant(REAL), tf.constant(FAKE)), loss.discriminator(REAL, FAKE), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize(
    "spec, message",
    [
        ("least_squares:a=1,b=1", "a and b are both"),
        ("least_squares:a=red", "should be a number"),
        ("hing", "did you mean 'hinge'"),
        ("hinge:margin=1", "no argument 'margin'"),
    ],
)
def test_senseless_specs_are_refused_in_one_line(spec, message):
    with pytest.raises(UserError, match=message) as raised:
        LOSSES.create(spec)
    assert "\n" not in str(raised.value)


def test_different_maps_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        LOSSES.create("relativistic_paired").discriminator(np.zeros((2, 1)), np.zeros((2, 4)))


@pytest.mark.parity
@pytest.mark.parametrize("spec", SPECS)
def test_gradients_equal_pytorch(spec):
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    functional = torch.nn.functional

    def bce(logits, target):
        return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))

    def mse(logits, target):
        return 0.5 * functional.mse_loss(logits, torch.full_like(logits, target))

    references = {
        "minimax": (lambda r, f: bce(r, 1.0) + bce(f, 0.0), lambda r, f: -bce(f, 0.0)),
        "non_saturating": (lambda r, f: bce(r, 1.0) + bce(f, 0.0), lambda r, f: bce(f, 1.0)),
        "wasserstein": (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
        "least_squares": (lambda r, f: mse(r, 1.0) + mse(f, 0.0), lambda r, f: mse(f, 1.0)),
        "least_squares:a=-1,b=1,c=0": (lambda r, f: mse(r, 1.0) + mse(f, -1.0), lambda r, f: mse(f, 0.0)),
        "hinge": (lambda r, f: (1 - r).clamp(min=0).mean() + (1 + f).clamp(min=0).mean(), lambda r, f: -f.mean()),
        "relativistic_paired": (lambda r, f: bce(r - f, 1.0), lambda r, f: bce(f - r, 1.0)),
        "relativistic_average": (
            lambda r, f: bce(r - f.mean(), 1.0) + bce(f - r.mean(), 0.0),
            lambda r, f: bce(f - r.mean(), 1.0) + bce(r - f.mean(), 0.0),
        ),
        "relativistic_average:scale=0.5,detach=true": (  # BasicSR, esrgan_model.py
            lambda r, f: 0.5 * bce(r - f.detach().mean(), 1.0) + 0.5 * bce(f - r.detach().mean(), 0.0),
            lambda r, f: (bce(r - f.mean(), 0.0) + bce(f - r.mean(), 1.0)) / 2,
        ),
    }
    loss = LOSSES.create(spec)
    rng = np.random.default_rng(2)
    real, fake = rng.normal(scale=2, size=(2, 16, 1)).astype("float32")
    for ours, theirs in zip((loss.discriminator, loss.generator), references[spec]):
        r, f = tf.constant(real), tf.constant(fake)
        with tf.GradientTape() as tape:
            tape.watch([r, f])
            total = tf.reduce_mean(ours(r, f))
        gradients = tape.gradient(total, [r, f], unconnected_gradients="zero")
        rt, ft = torch.tensor(real, requires_grad=True), torch.tensor(fake, requires_grad=True)
        expected = theirs(rt, ft)
        expected.backward()
        np.testing.assert_allclose(total, expected.item(), rtol=1e-5)
        for gradient, tensor in zip(gradients, (rt, ft)):
            grad = np.zeros_like(real) if tensor.grad is None else tensor.grad.numpy()
            np.testing.assert_allclose(gradient, grad, rtol=1e-4, atol=1e-7)

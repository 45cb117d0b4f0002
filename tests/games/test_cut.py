"""CUT and FastCUT against the authors' step written out in PyTorch, and PatchNCE by hand."""

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf

from keras_gans import randomness
from keras_gans.errors import UserError
from keras_gans.games.cut import CUT, LAYERS, flipped, pick
from keras_gans.losses.adversarial import LeastSquares, NonSaturating
from keras_gans.losses.patch_nce import patch_nce
from keras_gans.networks.patch_projector import PatchProjector
from keras_gans.networks.patchgan import PatchGAN
from keras_gans.networks.resnet_generator import ResNetGenerator
from keras_gans.trained import recipes


def features(batch=2, places=7, width=5, seed=0):
    return np.random.default_rng(seed).normal(size=(2, batch, places, width)).astype("float32")


def test_patch_nce_by_hand():
    queries, keys = features().astype("float64")
    losses = []
    for query, key in zip(queries, keys):
        cosines = query @ key.T / np.outer(np.linalg.norm(query, axis=1), np.linalg.norm(key, axis=1))
        likelihoods = np.exp(cosines / 0.07) / np.exp(cosines / 0.07).sum(axis=1, keepdims=True)
        losses.append(-np.log(np.diag(likelihoods)).mean())
    np.testing.assert_allclose(patch_nce(*features()), losses, rtol=1e-5)
    np.testing.assert_allclose(patch_nce(queries[:, :, :1] * 0 + 1, keys[:, :, :1] * 0 + 1), np.log(7), rtol=1e-5)


def test_patch_nce_at_features_of_zero_has_a_finite_gradient():
    queries = tf.zeros([1, 3, 4])
    with tf.GradientTape() as tape:
        tape.watch(queries)
        loss = patch_nce(queries, tf.ones([1, 3, 4]))
    assert np.isfinite(tape.gradient(loss, queries)).all()


@pytest.mark.parity
def test_patch_nce_and_its_gradient_against_pytorch():
    """The authors' form: the positive in front, minus 10 on the diagonal of the negatives, no gradient to the keys."""
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    queries, keys = (tf.constant(side) for side in features(places=16, width=8))
    with tf.GradientTape() as tape:
        tape.watch([queries, keys])
        losses = patch_nce(queries, keys)
    gradient, none = tape.gradient(losses, [queries, keys])
    q = torch.tensor(queries.numpy(), requires_grad=True)
    theirs = authors_nce(torch, q, torch.tensor(keys.numpy(), requires_grad=True))
    theirs.sum().backward()
    np.testing.assert_allclose(losses, theirs.detach(), rtol=1e-5)
    np.testing.assert_allclose(gradient, q.grad, atol=1e-6)
    assert none is None and np.abs(gradient).max() > 0.01


def authors_nce(torch, queries, keys):
    """float [batch, n, width] -> [batch], the mean over the places."""
    queries, keys = (side / (side.pow(2).sum(-1, keepdim=True).sqrt() + 1e-7) for side in (queries, keys.detach()))
    positives = (queries * keys).sum(-1, keepdim=True)
    negatives = (queries @ keys.transpose(1, 2)).masked_fill(torch.eye(keys.shape[1], dtype=torch.bool), -10.0)
    logits = torch.cat([positives, negatives], -1) / 0.07
    return torch.nn.functional.cross_entropy(
        logits.transpose(1, 2), torch.zeros(logits.shape[:2], dtype=torch.long), reduction="none"
    ).mean(-1)


class Recorder(keras.optimizers.SGD):
    """Plain gradient descent that keeps its gradients."""

    def apply(self, gradients, variables=None):
        self.seen = [np.asarray(gradient) for gradient in gradients]
        super().apply(gradients, variables)


def images(count=2, size=32, channels=(3, 3)):
    random = np.random.default_rng(5)
    return tuple(random.uniform(-1, 1, (count, size, size, depth)).astype("float32") for depth in channels)


def small(rate=0.01, loss=None, **kwargs):
    """Narrow networks with weights that make full use of their range; plain gradient descent."""
    generator = ResNetGenerator(width=4, blocks=5, antialias=True)
    channels = [output.shape[-1] for output in generator.features(LAYERS).outputs[:-1]]
    networks = generator, PatchGAN(layers=2, width=8, antialias=True), PatchProjector(channels, width=16)
    random = np.random.default_rng(3)
    for weight in (weight for network in networks for weight in network.weights):
        spread = np.prod(weight.shape[:-1]) ** -0.5 if len(weight.shape) > 1 else 0.1
        weight.assign(random.normal(scale=spread, size=weight.shape))
    game = CUT(*networks, loss or LeastSquares(), patches=20, **kwargs)
    game.compile(Recorder(rate), Recorder(rate))
    return game


@pytest.mark.parity
@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"nce_weight": 10.0, "identity_nce": False, "flip_equivariance": True},
        {"nce_includes_all_negatives_from_minibatch": True, "loss": NonSaturating()},
    ],
    ids=["cut", "fastcut", "minibatch"],
)
def test_step_is_the_authors(variant):
    """Of two images. With one, PyTorch 2.13's gradients of the residual blocks are not those of its own finite differences
    (2.98 against 4.87 at the fourth layer, in float64), which are those of the same image twice."""
    torch = pytest.importorskip("torch", reason="the parity extra is not installed")
    from networks import torch_translators as reference

    game = small(**variant)
    game.seed = next(seed for seed in range(9) if drawn_flips(seed).tolist() == [False, True])
    generator, discriminator = reference.resnet(4, 5, antialias=True), reference.patchgan(2, 8, antialias=True)
    reference.copy_weights(game.generator, generator)
    reference.copy_weights(game.discriminator, discriminator)
    linear = torch.nn.functional.linear
    projector = {weight.path: torch.tensor(np.asarray(weight), requires_grad=True) for weight in game.projector.weights}
    descents = [
        torch.optim.SGD(parameters, 0.01)
        for parameters in (discriminator.parameters(), [*generator.parameters(), *projector.values()])
    ]
    places = []  # that our game draws: of each layer for A, then for B
    draw = game.draw_places
    game.draw_places = lambda *arguments: places.append(draw(*arguments)) or places[-1]
    inputs = images()
    logs = game.train_step(tuple(map(tf.constant, inputs)))
    places = [torch.tensor(np.asarray(chosen), dtype=torch.long) for chosen in places]
    a, b = map(reference.planes, inputs)
    mse, mirror = torch.nn.MSELoss(), torch.tensor([False, True])[:, None, None, None]
    flips, whole_batch = "flip_equivariance" in variant, "nce_includes_all_negatives_from_minibatch" in variant
    factor = 1.0  # of our loss in theirs
    if "loss" in variant:
        mse, factor = torch.nn.BCEWithLogitsLoss(), 0.5

    def mirrored(x):
        return torch.where(mirror, x.flip(3), x) if flips else x

    def encode(x):
        found = []
        for index, module in enumerate(generator[: LAYERS[-1] + 1]):
            x = module(x)
            found += [x] if index in LAYERS else []
        return found

    def project(layers, chosen):
        for index, (x, at) in enumerate(zip(layers, chosen)):
            x = x.flatten(2).transpose(1, 2)
            x = torch.stack([row[columns] for row, columns in zip(x, at)])
            for name in (f"hidden_{index}", f"projected_{index}"):
                x = linear(x, projector[f"{name}/kernel"].T, projector[f"{name}/bias"])
                x = torch.relu(x) if name.startswith("hidden") else x
            yield x

    def nce(source, target, chosen):
        queries = project([mirrored(x) for x in encode(target)], chosen)
        keys = project(encode(source), chosen)
        pairs = zip(queries, keys)
        if whole_batch:
            pairs = ([side.flatten(0, 1)[None] for side in pair] for pair in pairs)
        return sum(authors_nce(torch, *pair).mean() for pair in pairs) / len(LAYERS)

    fake = generator(mirrored(a))
    real_logits, fake_logits = discriminator(b), discriminator(fake.detach())
    d_loss = 0.5 * (mse(fake_logits, torch.zeros_like(fake_logits)) + mse(real_logits, torch.ones_like(real_logits)))
    d_loss.backward()
    descents[0].step()
    d_gradients = [parameter.grad.clone() for parameter in discriminator.parameters()]
    fake_logits = discriminator(fake)
    adversarial = mse(fake_logits, torch.ones_like(fake_logits))
    losses = {"nce": nce(a, fake, places[:5])}
    if not flips:
        losses = {"nce": 0.5 * losses["nce"], "identity_nce": 0.5 * nce(b, generator(b), places[5:])}
    losses = {name: variant.get("nce_weight", 1.0) * loss for name, loss in losses.items()}
    (adversarial + sum(losses.values())).backward()
    descents[1].step()

    np.testing.assert_allclose(factor * logs["discriminator_loss"], d_loss.item(), rtol=1e-4)
    np.testing.assert_allclose(2 * factor * logs["generator_loss"], adversarial.item(), rtol=1e-4)
    assert ("identity_nce_loss" in logs) == ("identity_nce" in losses)
    for name, loss in losses.items():
        np.testing.assert_allclose(logs[f"{name}_loss"], loss.item(), rtol=1e-4, err_msg=name)
    assert_gradients(game.discriminator_optimizer.seen, d_gradients)
    assert_gradients(game.generator_optimizer.seen, [p.grad for p in (*generator.parameters(), *projector.values())])
    for network, parameters in (
        (game.generator, generator.parameters()),
        (game.projector, projector.values()),
        (game.discriminator, discriminator.parameters()),
    ):
        for ours, theirs in zip(network.weights, parameters, strict=True):
            np.testing.assert_allclose(ours, in_keras(theirs.detach()), atol=1e-5, err_msg=ours.path)


def drawn_flips(seed, count=2):
    return randomness.uniform(randomness.fold(randomness.fold(seed, 0), "flip"), [count]).numpy() < 0.5


def in_keras(tensor):
    return tensor.permute(2, 3, 1, 0).numpy() if tensor.ndim == 4 else tensor.numpy()


def assert_gradients(ours, gradients):
    """Per tensor, to 1e-3 of its length. The gradient of a bias in front of a norm is zero but for rounding."""
    gradients = [in_keras(gradient) for gradient in gradients]
    rounding = 1e-5 * max(map(np.linalg.norm, gradients))
    for mine, theirs in zip(ours, gradients, strict=True):
        if theirs.ndim == 1 and np.linalg.norm(theirs) < rounding:
            assert np.linalg.norm(mine) < rounding
        else:
            assert np.linalg.norm(mine - theirs) < 1e-3 * np.linalg.norm(theirs)


def test_places_are_different_ones_of_the_map_for_each_image_and_all_if_there_are_few():
    game = small()
    maps = tf.zeros([3, 8, 9, 2])
    places = np.asarray(game.draw_places(maps, randomness.fold(0, 0)))
    assert places.shape == (3, 20) and all(len(set(row)) == 20 for row in places)
    assert places.min() >= 0 and places.max() < 72 and len({tuple(row) for row in places}) == 3
    few = np.asarray(game.draw_places(maps[:, :3, :3], randomness.fold(0, 0)))
    np.testing.assert_array_equal(np.sort(few), [list(range(9))] * 3)
    counts = np.zeros(72)
    for step in range(60):
        counts += np.bincount(np.ravel(game.draw_places(maps, randomness.fold(1, step))), minlength=72)
    assert abs(counts / 50 - 1).max() < 5 / np.sqrt(50)  # 180 images, 20 of 72 places each


def test_places_and_flips_of_a_map():
    maps = tf.constant(np.arange(24, dtype="float32").reshape(2, 3, 4, 1))
    np.testing.assert_array_equal(pick(maps, tf.constant([[0, 5], [11, 4]]))[..., 0], [[0, 5], [23, 16]])
    np.testing.assert_array_equal(flipped(maps, tf.constant([False, True])), [maps[0], maps[1, :, ::-1]])


CUT_RECIPE = {
    "data": "unpaired:a:b",
    "image_size": 16,
    "game": "cut:patches=16",
    "loss": "least_squares",
    "generator": "resnet:width=4,blocks=5,antialias=true,init=xavier",
    "batch_size": 2,
    "ema_kimg": 0.0,
    "discriminator": "patchgan:width=4,layers=1,antialias=true,init=xavier",
}
FASTCUT = CUT_RECIPE | {"game": "cut:patches=16,nce_weight=10,identity_nce=false,flip_equivariance=true"}


def play(game, steps, jit=False):
    data = tuple(map(tf.constant, images(size=16)))
    step = tf.function(game.train_step, jit_compile=jit, autograph=False)
    return [{name: float(value) for name, value in step(data).items()} for _ in range(steps)]


def test_goes_on_bit_for_bit_and_trains_the_projector(tmp_path):
    one, other = (recipes.build_game(run_cases.recipe(**FASTCUT), (16, 16, 3), 0, (16, 16, 3)) for _ in range(2))
    before = one.projector.get_weights()
    play(one, 3)
    assert all((np.asarray(now) != then).any() for now, then in zip(one.projector.weights, before))
    one.save_weights(tmp_path / "game.weights.h5")
    other.load_weights(tmp_path / "game.weights.h5")
    assert play(one, 3) == play(other, 3)
    for ours, theirs in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs, err_msg=ours.path)


def test_a_checkpoint_holds_the_generator_under_its_name(tmp_path):
    import helpers

    game = recipes.build_game(run_cases.recipe(**CUT_RECIPE), (16, 16, 3), 0, (16, 16, 3))
    game.save_weights(tmp_path / "game.weights.h5")
    names = list(helpers.weights(tmp_path / "game.weights.h5"))
    for network in ("generator", "ema", "discriminator"):
        assert sum(name.startswith(f"{network}/") for name in names) == len(getattr(game, network).weights)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [CUT_RECIPE], ids=["cut"])
def test_mixed_precision(recipe):
    """bfloat16 is near float32; float16, in which features of an untrained generator underflow, stays finite."""
    losses = {precision: play_in(precision, recipe) for precision in ("float32", "bfloat16", "float16")}
    np.testing.assert_allclose(losses["bfloat16"], losses["float32"], rtol=0.05)
    assert np.isfinite(losses["float16"]).all()


@pytest.mark.slow
def test_compiled_by_xla():
    """In bfloat16, where XLA must keep the types that the layers ask for too."""
    np.testing.assert_allclose(play_in("bfloat16", FASTCUT, jit=True), play_in("float32", FASTCUT), rtol=0.05)


def play_in(precision, recipe, jit=False):
    keras.utils.set_random_seed(0)  # as training does
    game = recipes.build_game(run_cases.recipe(**recipe, precision=precision), (16, 16, 3), 0, (16, 16, 3))
    logs = play(game, 3, jit)[-1]
    assert game.first_bad_step.numpy().tolist() == [-1, -1]
    return [logs["generator_loss"], logs["discriminator_loss"], logs["nce_loss"]]


@pytest.mark.parametrize(
    "flags, input_channels, message",
    [
        ({}, 1, "identity_nce passes images of 3 channels through a generator that takes 1; take identity_nce=false"),
        ({"generator": "unet:depth=4"}, 3, "--game=cut compares features, which --generator=unet:depth=4 does not give"),
        ({"data": "paired:a:b"}, 3, "learns from two kinds of images.* which is pairs"),
    ],
)
def test_nonsense_is_refused(flags, input_channels, message):
    with pytest.raises(UserError, match=message):
        recipes.build_game(run_cases.recipe(**CUT_RECIPE | flags), (16, 16, 3), 0, (16, 16, input_channels))

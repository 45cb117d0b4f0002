"""Draws pictures in the style of others: any style, numbered styles, filters, or by optimisation.

    keras-gans stylize --run=runs/adain --content=photo.jpg --style=painting.jpg --alpha=0.8 --out=drawn
    keras-gans stylize --run=runs/arbitrary_style --content=film.mp4 --style=a.jpg --weight=3 --style=b.jpg --weight=1 \
        --out=drawn
    keras-gans stylize --run=runs/adain --content=photo.jpg --style=a.jpg --mask=sky.png --style=b.jpg --mask=land.png \
        --out=drawn
    keras-gans stylize --run=runs/multi_style --content=photos --style=2 --out=drawn
    keras-gans stylize --run=runs/cyclegan --content=photos --out=drawn
    keras-gans stylize --method=gatys --network=vgg19 --content=photo.jpg --style=painting.jpg --out=drawn

A run of adain or arbitrary_style takes pictures as styles, one of multi_style numbers from 0, and a run that translates
(cyclegan, cut, pix2pix) is a filter. Sizes, names and kinds of files are as for keras-gans translate.
"""

from keras_gans.cli.translate import ALPHA, define_bulk, define_smooth, work
from keras_gans.errors import UserError
from keras_gans.flags import define_limits


def define(flags):
    define_limits(flags)
    flags.choice("method", "network", ("network", "gatys"), "a trained run, or the optimisation of pixels")
    flags.string("run", None, "run folder that train.py has made")
    flags.string("content", None, "a picture, an animated GIF, a video, or a folder of them, at every depth", required=True)
    flags.strings("style", [], "a picture, or a number for a run of numbered styles; repeat the flag for several")
    flags.strings("weight", [], "share of each style, in their order; default: equal shares")
    flags.strings("mask", [], "a picture of any size for each style, white where it belongs; elsewhere the content shows")
    flags.strings(
        "alpha",
        [],
        f"strength, from 0 (the content) to 1 (default); or white (default) or keep, {ALPHA}. Repeat the flag for both",
    )
    flags.choice(
        "colors",
        "style",
        ("style", "luma", "match"),
        "whose colours: the style's; the content's chroma with "
        "the style's luma; or the content's, given to the style beforehand",
    )
    flags.integer(
        "style_size", 256, "shorter side that style pictures are brought to, in pixels: larger, larger strokes", 16
    )
    flags.string("out", None, "folder for the results", required=True)
    flags.integer("tile", 1024, "side in pixels of the largest square that goes through at once", 64)
    define_smooth(flags)
    flags.choice("checkpoint", "latest", ("latest", "best"), "the weights: the latest, or those with the best score")
    flags.string("network", "vgg19", "of --method=gatys: perceptual network, such as vgg19 or vgg16-hed")
    flags.string(
        "content_network",
        None,
        "of --method=gatys: perceptual network that sees the content; default: "
        "--network. With vgg16-hed, which forgets light, dark and colour, take efficientnet_lite0",
    )
    flags.integer("steps", 200, "of --method=gatys: iterations", 1)
    flags.number("style_weight", 30.0, "of --method=gatys: weight of the style against the content", 0.0)
    flags.number("variation_weight", 0.0, "of --method=gatys: weight of smoothness; 1 against noise", 0.0)
    define_bulk(flags)


def run(flags):
    from keras_gans.data import paintings

    alpha, strength = _alpha(flags.alpha)
    paintings.check_alpha(strength)
    if flags.method == "gatys" and flags.run is not None:
        raise UserError("--method=gatys needs no run; leave out --run")
    if flags.method == "network" and flags.run is None:
        raise UserError("--run is missing: run folder that train.py has made (or take --method=gatys)")
    if flags.method == "gatys" and flags.mask:
        raise UserError("--mask: --method=gatys draws one style everywhere; take a run")
    _weights(flags.weight)
    return work(prepare, flags, flags.content, "content", "stylizing", alpha)


def prepare(flags):
    """Returns the function that draws a picture, as of `keras_gans.using.pictures.process`."""
    make = _gatys if flags.method == "gatys" else _network
    stylize = make(flags, _weights(flags.weight), _alpha(flags.alpha)[1])
    return lambda image, item, report: stylize(image, report)


def _alpha(words):
    """Returns what becomes of the pictures' alpha, and the strength."""
    kinds = [word for word in words if word in ("white", "keep")]
    numbers = [word for word in words if word not in kinds]
    try:
        (kind,), (strength,) = kinds or ["white"], map(float, numbers or ["1"])
    except ValueError:
        raise UserError(
            f"--alpha={','.join(words)}: expected one strength from 0 to 1, one of white and keep, or both"
        ) from None
    return kind, strength


def _network(flags, weights, strength):
    """Returns the `Stylizer` of a run."""
    from keras_gans.trained.trained import STYLES, Trained
    from keras_gans.using import Translator
    from keras_gans.using.stylizer import Stylizer

    opened = Trained.open(flags.run, flags.checkpoint)
    if opened.recipe.get("degrade") or not opened.translates:
        raise UserError(
            f"{flags.run} is no run of style transfer or translation; take one of adain, arbitrary_style, "
            "multi_style, cyclegan or cut"
        )
    network, chosen = None, flags.style
    if opened.takes == STYLES:
        network = opened.generator
        translator = Translator(network.transfer_network())
        chosen = [_picture(style) if network.style is not None else _number(style, network) for style in flags.style]
    else:
        translator = Translator.of(opened)
    translator.tile = flags.tile
    return Stylizer(
        translator,
        network,
        chosen,
        weights=weights,
        alpha=strength,
        colors=flags.colors,
        masks=[_picture(mask, 1)[..., 0] for mask in flags.mask],
        style_size=flags.style_size,
    )


def _gatys(flags, weights, strength):
    """Returns the function that optimises one picture."""
    import numpy as np

    from keras_gans.data import paintings
    from keras_gans.losses.stylization import Stylization
    from keras_gans.using import gatys

    pictures = [paintings.fit_style(_picture(style), flags.style_size) for style in flags.style]
    paintings.blend_weights(weights, len(pictures))  # before a long run
    objective = Stylization(
        flags.network,
        style_weight=flags.style_weight,
        variation_weight=flags.variation_weight,
        content_network=flags.content_network,
    )

    def stylize(image, report):
        given = [paintings.match_colors(picture, image) for picture in pictures] if flags.colors == "match" else pictures
        drawn, _ = gatys.stylize(image, given, objective, weights, flags.steps)
        drawn = np.rint(strength * drawn + (1 - strength) * image).astype(np.uint8)
        return paintings.keep_chroma(drawn, image) if flags.colors == "luma" else drawn

    return stylize


def _weights(words):
    try:
        return [float(word) for word in words] or None
    except ValueError:
        raise UserError(f"--weight={','.join(words)}: expected a number for each style") from None


def _number(word, network):
    if word.isdecimal() and int(word) < network.num_styles:
        return int(word)
    raise UserError(f"--style={word}: this run has numbered styles; take 0 to {network.num_styles - 1}")


def _picture(path, channels=3):
    from keras_gans.data import images

    try:
        return images.decode(path, None, channels)
    except images.BadImage as error:
        raise UserError(f"{path} is {error}") from error

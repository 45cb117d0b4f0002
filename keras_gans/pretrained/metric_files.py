"""Weight files that scores use: they are recognized and checked, and become no run."""

import dataclasses
import shutil
from collections.abc import Callable

from keras_gans.files import whole
from keras_gans.weights import lookup


@dataclasses.dataclass(frozen=True)
class MetricFile:
    """A kind of weight file.

    Attributes:
        title: what it is. Text.
        tensor, shape: name and shape of a tensor that no other network has.
        use: the flag that takes the file.
        load: function (path) that raises a `UserError` for a file that does not fit.
        published: the `WeightFile` that its authors published.
    """

    title: str
    tensor: str
    shape: tuple
    use: str
    load: Callable
    published: lookup.WeightFile


def recognize(state):
    """Returns the `MetricFile` of a `State`, or None."""
    shapes = state.shapes()
    return next((file for file in _known() if shapes.get(file.tensor) == file.shape), None)


def keep(file, path):
    """Puts a published file where scores look for it.

    Returns:
        Its place, or None for a file other than the published one.
    """
    if not lookup.sha256(path).startswith(file.published.digest):
        return None
    place = lookup.folder() / file.published.name
    if not place.is_file():
        with whole(place) as temporary:
            shutil.copyfile(path, temporary)
    return place


def _known():
    from keras_gans.features import inception, lpips

    return (
        MetricFile(
            "the Inception of FID",
            "Mixed_5b.branch1x1.conv.weight",
            (64, 192, 1, 1),
            "--features=inception2015:path={}",
            inception.load_inception,
            inception.WEIGHTS,
        ),
        MetricFile(
            "the AlexNet of LPIPS",
            "features.0.weight",
            (64, 3, 11, 11),
            "--metrics=lpips:net=alex,path={}",
            lambda path: lpips.LPIPS("alex", path),
            lpips.BACKBONES["alex"],
        ),
        MetricFile(
            "the VGG16 of LPIPS",
            "features.28.weight",
            (512, 512, 3, 3),
            "--metrics=lpips:net=vgg,path={}",
            lambda path: lpips.LPIPS("vgg", path),
            lpips.BACKBONES["vgg"],
        ),
    )

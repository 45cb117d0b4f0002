"""How different two pictures look: features of several layers, each at unit length."""

import keras
import tensorflow as tf

from keras_gans.errors import UserError
from keras_gans.features.lpips import LPIPS
from keras_gans.features.perceptual import PerceptualNetwork
from keras_gans.losses.reconstruction import Reconstruction, rgb
from keras_gans.registry import EXTRACTORS, RECONSTRUCTIONS

LAYERS = {
    "vgg16": ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"),
    "vgg16-hed": ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"),
    "vgg19": ("relu1_2", "relu2_2", "relu3_4", "relu4_4", "relu5_4"),
    "efficientnet_lite0": ("block0", "block2", "block4", "block10", "block15"),
}
_LARGEST = 256  # pixels; larger pictures are averaged down, as in StyleGAN2's projection


class PerceptualDistance:
    """LPIPS without its learned heads (Zhang et al. 2018, table 5): the sum over layers of the mean squared distance of
    the features at unit length.

    Args:
        network: spec of vgg16-hed or efficientnet_lite0, whose weights come in packages, or of vgg16 or vgg19.

    Raises:
        UserError: another network, or no weights.
    """

    def __init__(self, network="vgg16-hed"):
        extractor = EXTRACTORS.create(network)
        if not isinstance(extractor, PerceptualNetwork) or extractor.name not in LAYERS:
            raise UserError(f"{network} has no layers to compare; take {', '.join(LAYERS)}")
        self.name = extractor.name
        self._taps = extractor.taps(LAYERS[extractor.name])

    def features(self, images):
        """Returns the features, a list of float32 [n, h', w', c], of images float [n, h, w, 1 or 3] in [-1, 1]."""
        images = rgb(images)
        if max(images.shape[1:3]) > _LARGEST:
            images = tf.image.resize(images, [_LARGEST, _LARGEST], "area")
        # The epsilon keeps the gradient finite where every channel is zero.
        maps = [tf.cast(features, tf.float32) for features in self._taps(images, training=False)]
        return [tf.math.l2_normalize(features, -1, epsilon=1e-20) for features in maps]

    def between(self, features, images):
        """Returns distances, float32 [n], of images as above to those whose `features` are given."""
        distances = [
            tf.reduce_mean(tf.reduce_sum(tf.square(one - other), -1), [1, 2])
            for one, other in zip(features, self.features(images), strict=True)
        ]
        return tf.add_n(distances)


@RECONSTRUCTIONS.register("lpips")
@keras.saving.register_keras_serializable("keras_gans")
class LPIPSLoss(Reconstruction):
    """How different two images look by features of several layers at unit length (LPIPS, Zhang et al. 2018).

    Args:
        weight, sharpen: see `Reconstruction`.
        network: lpips-vgg (as published for losses) or lpips-alex, whose weights must be had; or a network of
            `PerceptualDistance`, such as vgg16-hed, which compares without LPIPS's learned heads: all channels count alike
            and the numbers are larger. Default lpips-vgg.

    Raises:
        UserError: another network, or no weights.
    """

    name = "lpips"

    def __init__(self, weight=1.0, network="lpips-vgg", sharpen=False):
        super().__init__(weight, sharpen)
        self._measure = EXTRACTORS.create(network) if network.startswith("lpips") else PerceptualDistance(network)

    def __call__(self, targets, outputs):
        targets, outputs = rgb(tf.stop_gradient(self.aims(targets))), rgb(outputs)
        if isinstance(self._measure, LPIPS):
            return self._measure.distance(targets, outputs)
        return self._measure.between(self._measure.features(targets), outputs)

"""What the style transfer networks share."""

import keras

from keras_gans.errors import UserError


class StyleNetwork(keras.Model):
    """A picture and a style -> the picture in that style.

    A style is a vector, and styles blend as vectors do. It is computed once for any number of pictures.

    Call:
        [pictures float [batch, h, w, 3] in [-1, 1], style images or weights] -> float32 [batch, h, w, 3]; see the
            subclasses.

    Attributes:
        style: `keras.Model`, style images float [batch, h, w, 3] in [-1, 1] of any size -> style [batch, style_dim];
            None where the styles are numbered.
        multiple: the sides of pictures are multiples of it, in pixels.
        smallest: pixels that a side has at least.
        scale: sides of the output over those of the input: 1.

    Raises:
        UserError: called with another size.
    """

    multiple = 4
    smallest = 8
    scale = 1
    style = None

    def transfer_network(self):
        """Returns the `keras.Model` that draws in a given style.

        [pictures float [batch, h, w, 3] in [-1, 1], style [batch, style_dim]] -> float32 [batch, h, w, 3]; values
        outside [-1, 1] are to be clipped. It too has the attribute `multiple`.
        """
        return self if self.style is None else self.transfer

    def __call__(self, inputs, *args, **kwargs):
        sides = tuple(inputs[0].shape[1:3])
        if any(side is not None and (side % self.multiple or side < self.smallest) for side in sides):
            raise UserError(
                f"{self.name} takes pictures whose sides are multiples of {self.multiple} pixels, at least "
                f"{self.smallest}, not {' x '.join(map(str, sides))}: crop or pad them"
            )
        return super().__call__(inputs, *args, **kwargs)


def connect(style, transfer):
    """Returns the inputs and the output of the network that makes its style of a picture.

    Args:
        style, transfer: see `StyleNetwork`.

    Returns:
        A list of two Keras tensors, content and style image, and the output's.
    """
    inputs = [
        keras.Input(part.inputs[0].shape[1:], name=name) for part, name in ((transfer, "content"), (style, "style_image"))
    ]
    return inputs, transfer([inputs[0], style(inputs[1])])

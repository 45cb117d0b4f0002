"""What networks share that double or halve images step by step, and grow (Karras et al. 2018)."""


def sizes_of(image_size, smallest=8):
    """Returns the resolutions 4, 8, ..., image_size in pixels.

    Raises:
        ValueError: not a power of two, below `smallest` or above 1024.
    """
    if image_size not in (size := [4 << stage for stage in range(9)]) or image_size < smallest:
        raise ValueError(f"image_size must be a power of two from {smallest} to 1024, not {image_size}")
    return size[: size.index(image_size) + 1]


def channels_at(size, channel_base, channel_max):
    """Returns the channels at `size` pixels: channel_base // size, from 1 to `channel_max`."""
    return max(1, min(channel_base // size, channel_max))


class Growing:
    """A network with a `Fade` for each resolution above the first, called `fade_8`, `fade_16`, ..., from low to high.

    Args:
        levels: dict, resolution in pixels -> `keras.Model` that works at this resolution alone, fading from half of it.
    """

    def set_levels(self, levels):
        # Behind a function: Keras would take the models for further parts of this one.
        self._level = levels.__getitem__
        self.sizes = tuple(levels)

    def at(self, size):
        """Returns the network as it is while `size` pixels are its highest resolution; layers and weights are shared."""
        return self._level(size)

    def grow(self, size, alpha=1.0):
        """Lets resolutions up to `size` pixels in, the last of them by `alpha`, 0 to 1 (a number or a scalar tensor)."""
        for level in self.sizes[1:]:
            self.get_layer(f"fade_{level}").alpha.assign(0.0 if level > size else alpha if level == size else 1.0)

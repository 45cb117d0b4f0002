"""Protocol Buffers' wire format, read without a schema; views of the buffer, and a bounded number of steps."""

from keras_gans.weights.pickles import Damaged

_STEPS = 2**20


class Reader:
    """Reads messages.

    Args:
        size: bytes of the file: no more fields than that are read, and no more than 2^20.
    """

    def __init__(self, size):
        self._left = min(_STEPS, size + 16)

    def fields(self, view):
        """Yields (number, value) of a message: an int, or a `memoryview` of what is text, bytes, a message or a float."""
        position = 0
        while position < len(view):
            self._walk()
            key, position = self._varint(view, position)
            wire = key & 7
            if wire == 0:
                value, position = self._varint(view, position)
            else:
                size = {1: 8, 5: 4}.get(wire)
                if wire == 2:
                    size, position = self._varint(view, position)
                if size is None or position + size > len(view):
                    raise Damaged("a field that is cut off, or of a kind that is not used")
                value, position = view[position : position + size], position + size
            yield key >> 3, value

    def one(self, view, number):
        """Returns the last field of this number, or None."""
        return next((value for found, value in reversed(list(self.fields(view))) if found == number), None)

    def integers(self, value):
        """Returns a repeated field's ints: one, or many packed."""
        if isinstance(value, int):
            return [signed(value)]
        found, position = [], 0
        while position < len(value):
            self._walk()
            number, position = self._varint(value, position)
            found.append(signed(number))
        return found

    def _walk(self):
        self._left -= 1
        if self._left < 0:
            raise Damaged("more fields than any network has")

    def _varint(self, view, position):
        number = 0
        for shift in range(0, 70, 7):
            if position >= len(view):
                raise Damaged("cut off")
            byte = view[position]
            position += 1
            number |= (byte & 127) << shift
            if byte < 128:
                return number & (2**64 - 1), position
        raise Damaged("a number of more than 64 bits")


def signed(number):
    """Returns a varint as an int64."""
    return number - 2**64 if number >= 2**63 else number

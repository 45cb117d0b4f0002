"""A restricted interpreter of pickles: containers, numbers, text, bytes, and the few names that its caller knows.

Unpickling runs whatever the file says. This never unpickles: it walks the opcodes (`pickletools.genops`) and does itself
what they ask for. A name that is not on the caller's list is refused, and nothing is imported or called because a file
says so.

Memory and time are bounded by the size of the file and by 2^21 steps, whatever it asks for: see `Budget`.
"""

import pickletools

from keras_gans.errors import UserError, shown

_LONG = 256  # bytes from which on a value is a view of the file and no copy
_LONGEST_LINE = 1024  # of a global's name
_STEPS = 2**21  # which cost about 100 bytes and a microsecond each
_MOST_AXES = 32


class Damaged(Exception):
    """The file does not follow its own format."""


class Name(str):
    """A global of the file that is on the list."""


class Placeholder:
    """What stands for an object until the whole pickle is read; see `fill`."""

    def build(self, state):
        """Takes what the file's BUILD gives; by default that is damage."""
        raise Damaged("a state for what has none")

    def value(self):
        """Returns the object."""
        raise NotImplementedError


class Budget:
    """What the reading of one file may cost.

    A pickle may refer to the same value again and again, so that its size alone says nothing of the work that it asks for.
    An opcode is a step, and so is each item that a call or its reader walks over: at most two for each byte of the file, and
    2^21. Bytes that are given to calls are the file's own: together no more than it has.

    Args:
        size: bytes of the file.
    """

    def __init__(self, size):
        self._steps, self._bytes = min(_STEPS, 2 * size + 1000), size

    def walk(self, steps):
        """Counts steps; raises Damaged where they are too many."""
        self._steps -= steps
        if self._steps < 0:
            raise Damaged("it asks for more work than weights of its size need")

    def call(self, arguments):
        """Counts a call."""
        self.walk(1 + len(arguments) + sum(len(item) for item in arguments if isinstance(item, list)))
        self._bytes -= sum(len(item) for item in arguments if isinstance(item, bytes | memoryview))
        if self._bytes < 0:
            raise Damaged("it uses the same bytes again and again")


class Stream:
    """A buffer with the two methods of a file that `genops` needs; a length beyond the end allocates nothing.

    Args:
        buffer: bytes, or a view of them.
        budget: `Budget`. Default: one of the buffer's size.

    Attributes:
        budget: `Budget`, for all that is read of the buffer. Default: one of its size.
    """

    def __init__(self, buffer, budget=None):
        self.view, self.position = memoryview(buffer), 0
        self.budget = budget or Budget(len(self.view))

    def read(self, count):
        start, self.position = self.position, min(self.position + count, len(self.view))
        piece = self.view[start : self.position]
        return piece if len(piece) >= _LONG else bytes(piece)

    def readline(self):
        piece = bytes(self.view[self.position : self.position + _LONGEST_LINE])
        length = piece.find(b"\n") + 1
        if not length:
            raise Damaged(f"a name of more than {_LONGEST_LINE} characters, or cut off")
        self.position += length
        return piece[:length]


def interpret(stream, functions, persistent=None):
    """Returns what one pickle describes; tuples and sets become lists.

    Args:
        stream: `Stream`, at the pickle's begin; it is left behind its end.
        functions: dict "module.name" -> function (list of arguments) -> value, a dict, a list or a `Placeholder`; called
            where the pickle would call or construct that name.
        persistent: function (identity) -> value, for what the file keeps outside the pickle; None where there is none.

    Raises:
        Damaged: not a pickle of this kind.
        UserError: a name that is not in `functions`.
    """
    stack, marks, memo = [], [], {}

    def since_mark():
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    def last(count):
        items = stack[len(stack) - count :]
        if len(items) != count:
            raise Damaged("a value is missing")
        del stack[len(stack) - count :]
        return items

    def container(kind):
        if not isinstance(stack[-1], kind):
            raise Damaged(f"no {kind.__name__} where one is filled")
        return stack[-1]

    def known(name):
        if name not in functions:
            raise UserError(f"holds {shown(name)}, which is no tensor and is not read; save the state dict alone")
        return Name(name)

    def call(name, arguments):
        if not isinstance(name, Name) or not isinstance(arguments, list):
            raise Damaged("a call of what is no function")
        stream.budget.call(arguments)
        return functions[name](arguments)

    for opcode, argument, _ in pickletools.genops(stream):
        stream.budget.walk(1)
        match opcode.name:
            case "PROTO" | "FRAME":
                pass
            case (
                "BININT"
                | "BININT1"
                | "BININT2"
                | "LONG1"
                | "BINFLOAT"
                | "BINUNICODE"
                | "SHORT_BINUNICODE"
                | "BINUNICODE8"
                | "BINSTRING"
                | "SHORT_BINSTRING"
                | "BINBYTES"
                | "SHORT_BINBYTES"
                | "BINBYTES8"
            ):
                stack.append(argument)
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[opcode.name])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST" | "EMPTY_TUPLE" | "EMPTY_SET":
                stack.append([])
            case "MARK":
                marks.append(len(stack))
            case "TUPLE":
                stack.append(since_mark())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(last(int(opcode.name[-1])))
            case "APPEND":
                items = last(1)
                container(list).extend(items)
            case "APPENDS" | "ADDITEMS":
                items = since_mark()
                container(list).extend(items)
            case "SETITEM":
                items = last(2)
                container(dict).update(pairs(items))
            case "SETITEMS":
                items = since_mark()
                container(dict).update(pairs(items))
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(known(argument.replace(" ", ".")))
            case "STACK_GLOBAL":
                stack.append(known(".".join(last(2))))
            case "BINPERSID" if persistent:
                stack.append(persistent(*last(1)))
            case "REDUCE" | "NEWOBJ":
                stack.append(call(*last(2)))
            case "BUILD":
                (state,) = last(1)
                if isinstance(stack[-1], Placeholder):
                    stack[-1].build(state)
                else:  # the attributes of a state dict (`_metadata`) say nothing about its tensors
                    container(dict)
            case "STOP":
                return last(1)[0]
            case other:
                raise Damaged(f"opcode {other}, which no saved tensors need")
    raise Damaged("cut off")


def pairs(items):
    """Returns the (key, value) pairs of a list of alternating keys and values."""
    keys, values = items[::2], items[1::2]
    # Larger numbers could be chosen to lie in one place of a dict, which makes it slow.
    if not all(isinstance(key, str) or (isinstance(key, int) and abs(key) < 2**31) for key in keys):
        raise Damaged("a dict key that is neither text nor a small number")
    return zip(keys, values, strict=True)


def natural(number):
    """Returns an int of 0 to 2^63 - 1; anything else is damage."""
    if type(number) is not int or not 0 <= number < 2**63:
        said = number if type(number) is int and abs(number) < 2**63 else type(number).__name__
        raise Damaged(f"{said} where a count belongs")
    return number


def naturals(numbers):
    """Returns a list of such ints, one for each axis of a tensor."""
    if not isinstance(numbers, list) or len(numbers) > _MOST_AXES:
        raise Damaged(f"no list of at most {_MOST_AXES} counts where one belongs")
    return [natural(number) for number in numbers]


def ordered_dict(arguments):
    """`collections.OrderedDict` of a list of pairs, as a dict."""
    made = arguments[0] if arguments else []
    if not isinstance(made, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in made):
        raise Damaged("an ordered dict of what are no pairs")
    return dict(pairs([item for pair in made for item in pair]))


def containers(saved):
    """Every dict and list of `saved`, each once (they may share and even contain each other)."""
    seen, waiting = set(), [saved]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict | list) and id(item) not in seen:
            seen.add(id(item))
            yield item
            waiting.extend(item.values() if isinstance(item, dict) else item)


def placeholders(saved):
    """Every `Placeholder` of `saved`, once for each place."""
    for container in containers([saved]):
        for value in container.values() if isinstance(container, dict) else container:
            if isinstance(value, Placeholder):
                yield value


def fill(saved, value=lambda placeholder: placeholder.value()):
    """Puts objects in the places of their placeholders; returns `saved`, or the object if it is one itself."""
    holder = [saved]
    for container in containers(holder):
        for key, item in container.items() if isinstance(container, dict) else enumerate(container):
            if isinstance(item, Placeholder):
                container[key] = value(item)
    return holder[0]

"""A restricted interpreter of pickles: containers, numbers, text, bytes, and the few names that its caller knows.

Unpickling runs whatever the file says. This never unpickles: it walks the opcodes (`pickletools.genops`) and does itself
what they ask for. A name that is not on the caller's list is refused, and nothing is imported or called because a file
says so. Memory is bounded by the size of the file.
"""

import pickletools

from keras_gans.errors import UserError

_LONG = 256  # bytes from which on a value is a view of the file and no copy


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


class Stream:
    """A buffer with the two methods of a file that `genops` needs; a length beyond the end allocates nothing."""

    def __init__(self, buffer):
        self.view, self.position = memoryview(buffer), 0

    def read(self, count):
        start, self.position = self.position, min(self.position + count, len(self.view))
        piece = self.view[start : self.position]
        return piece if len(piece) >= _LONG else bytes(piece)

    def readline(self):
        line = b""
        while not line.endswith(b"\n") and (character := self.read(1)):
            line += character
        return line


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
            raise UserError(f"holds {name}, which is no tensor and is not read; save the state dict alone")
        return Name(name)

    def call(name, arguments):
        if not isinstance(name, Name) or not isinstance(arguments, list):
            raise Damaged("a call of what is no function")
        return functions[name](arguments)

    for opcode, argument, _ in pickletools.genops(stream):
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
    if not all(isinstance(key, str | int) for key in keys):
        raise Damaged("a dict key that is neither text nor a number")
    return zip(keys, values, strict=True)


def natural(number):
    """Returns an int that is not negative; anything else is damage."""
    if type(number) is not int or number < 0:
        raise Damaged(f"{number!r} where a count belongs")
    return number


def ordered_dict(arguments):
    """`collections.OrderedDict` of a list of pairs, as a dict."""
    return dict(pairs([item for pair in (arguments[0] if arguments else []) for item in pair]))


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

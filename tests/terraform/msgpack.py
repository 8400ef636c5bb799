"""Decodes and encodes MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), in which
Terraform and a provider exchange values. A value that is not known yet is an extension.
"""

import struct

# A value that Terraform does not know before it applies.
UNKNOWN = object()

# First byte → format of the number that follows.
NUMBERS = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q"}
NUMBERS |= {0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
# First byte → format of the length that follows.
BYTES = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I"}
TEXTS = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
LISTS = {0xDC: ">H", 0xDD: ">I"}
MAPS = {0xDE: ">H", 0xDF: ">I"}
EXTENSIONS = {0xC7: ">B", 0xC8: ">H", 0xC9: ">I"}
FIXED_EXTENSIONS = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


def decode(data):
    """The value that `data` contains."""
    return Reader(data).value()


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def many(self, count):
        return [self.value() for _ in range(count)]

    def map(self, count):
        return {key: value for key, value in (self.many(2) for _ in range(count))}

    def extension(self, count):
        self.take(1 + count)
        return UNKNOWN

    def value(self):
        byte = self.number(">B")
        if byte < 0x80:
            return byte
        if byte < 0x90:
            return self.map(byte & 0x0F)
        if byte < 0xA0:
            return self.many(byte & 0x0F)
        if byte < 0xC0:
            return self.take(byte & 0x1F).decode()
        if byte >= 0xE0:
            return byte - 0x100
        if byte in CONSTANTS:
            return CONSTANTS[byte]
        if byte in NUMBERS:
            return self.number(NUMBERS[byte])
        if byte in FIXED_EXTENSIONS:
            return self.extension(FIXED_EXTENSIONS[byte])
        for forms, read in [
            (BYTES, self.take),
            (TEXTS, lambda count: self.take(count).decode()),
            (LISTS, self.many),
            (MAPS, self.map),
            (EXTENSIONS, self.extension),
        ]:
            if byte in forms:
                return read(self.number(forms[byte]))
        raise ValueError(f"no MessagePack value begins with {byte:#x}")


def encode(value):
    """The bytes of a value that consists of None, UNKNOWN, numbers, texts, lists and maps."""
    if value is UNKNOWN:
        return b"\xd4\x00\x00"
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return b"\xd3" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        text = value.encode()
        return b"\xdb" + struct.pack(">I", len(text)) + text
    if isinstance(value, list):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(encode, value))
    pairs = b"".join(encode(key) + encode(it) for key, it in value.items())
    return b"\xdf" + struct.pack(">I", len(value)) + pairs

"""A stand-in for the Google provider: it has the real schema and creates nothing.

Terraform talks to a provider over gRPC (plugin protocol 5); for `validate`, and for `test` with a
mocked provider, it requests only the schema and whether a configuration is valid. The schema is
real (see google_schema.py), so Terraform itself refuses an attribute that the provider does not
have. A value that the provider or the API would refuse is refused by google_rules.py, as far as it
is known when Terraform plans. The few messages are encoded here by their published field numbers.
"""

import json
import os
from concurrent import futures

import google_rules
import grpc
import msgpack

NESTING = {"single": 1, "list": 2, "set": 3}


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def number(tag, value):
    """A protobuf field of type varint; zero is omitted, as in proto3."""
    return varint(tag << 3) + varint(value) if value else b""


def data(tag, value):
    """A protobuf field of type string, bytes or message."""
    value = value.encode() if isinstance(value, str) else value
    return varint(tag << 3 | 2) + varint(len(value)) + value


def encode_block(block):
    out = b""
    for name, it in sorted(block.attributes.items()):
        flags = number(4, it.required) + number(5, it.optional) + number(6, it.computed)
        out += data(2, data(1, name) + data(2, it.type) + flags)
    for name, it in sorted(block.blocks.items()):
        limits = number(4, it.required and it.nesting != "single") + number(5, it.single)
        out += data(3, data(1, name) + data(2, encode_block(it)) + number(3, NESTING[it.nesting]) + limits)
    return out


def encode_schemas(schemas):
    """GetProviderSchema.Response: the schemas of the provider, its resources and its data sources."""
    out = data(1, data(2, encode_block(schemas["provider"])))
    for name, block in sorted(schemas.items()):
        schema = data(2, encode_block(block))
        if name.startswith("data."):
            out += data(3, data(1, name.removeprefix("data.")) + data(2, schema))
        elif name != "provider":
            out += data(2, data(1, name) + data(2, schema))
    return out


def fields(message):
    """The fields of a protobuf message whose fields are all strings, bytes or messages."""
    found, at = {}, 0

    def next_varint():
        nonlocal at
        result, shift = 0, 0
        while True:
            byte = message[at]
            at += 1
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result

    while at < len(message):
        tag = next_varint()
        assert tag & 7 == 2, f"field {tag >> 3} is neither a string nor a message"
        size = next_varint()
        found[tag >> 3] = message[at : at + size]
        at += size
    return found


def validate_resource(request):
    """ValidateResourceTypeConfig: an error for each value that google_rules.py refuses."""
    request = fields(request)
    kind = request[1].decode()
    # Terraform sends a configuration as MessagePack: field 1 of DynamicValue.
    config = msgpack.decode(fields(request[2])[1])
    out = b""
    for fault in google_rules.faults(kind, config):
        summary = f"{kind}: a value that Google does not accept"
        out += data(1, number(1, 1) + data(2, summary) + data(3, fault))
    return out


class Handler(grpc.GenericRpcHandler):
    """Dispatches on the method name; an unknown method is UNIMPLEMENTED."""

    def __init__(self, schemas):
        schema = encode_schemas(schemas)
        self.answers = {
            "GetSchema": lambda _: schema,
            # The configuration is returned unchanged.
            "PrepareProviderConfig": lambda request: request,
            "ValidateResourceTypeConfig": validate_resource,
            "ValidateDataSourceConfig": lambda _: b"",
            "Configure": lambda _: b"",
            "Stop": lambda _: b"",
        }

    def service(self, details):
        service, _, method = details.method.lstrip("/").partition("/")
        if service != "tfplugin5.Provider" or method not in self.answers:
            return None
        answer = self.answers[method]
        return grpc.unary_unary_rpc_method_handler(lambda request, _: answer(request))


def serve(schemas, socket):
    """Starts the server; returns it with the variable with which Terraform finds it."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([Handler(schemas)])
    server.add_insecure_port(f"unix://{socket}")
    server.start()
    reattach = {
        "registry.terraform.io/hashicorp/google": {
            "Protocol": "grpc",
            "ProtocolVersion": 5,
            "Pid": os.getpid(),
            "Test": True,
            "Addr": {"Network": "unix", "String": str(socket)},
        }
    }
    return server, {"TF_REATTACH_PROVIDERS": json.dumps(reattach)}

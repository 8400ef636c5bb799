"""Stands in for the Google provider: knows its schema, and creates nothing.

Terraform talks to a provider over gRPC (plugin protocol 5); for `validate`, and for `test` with a
mocked provider, it asks only for the schema and whether a configuration is acceptable. The schema
is real (see google_schema.py), so an attribute that the provider does not have is refused by
Terraform itself. The few messages are written by hand here, by their published field numbers.
"""

import json
import os
from concurrent import futures

import grpc

NESTING = {"single": 1, "list": 2, "set": 3}


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def number(tag, value):
    """A protobuf field of kind varint; zero is left out, as proto3 does."""
    return varint(tag << 3) + varint(value) if value else b""


def data(tag, value):
    """A protobuf field of kind string, bytes or message."""
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
    """GetProviderSchema.Response: the provider's own, those of resources, those of data sources."""
    out = data(1, data(2, encode_block(schemas["provider"])))
    for name, block in sorted(schemas.items()):
        schema = data(2, encode_block(block))
        if name.startswith("data."):
            out += data(3, data(1, name.removeprefix("data.")) + data(2, schema))
        elif name != "provider":
            out += data(2, data(1, name) + data(2, schema))
    return out


class Handler(grpc.GenericRpcHandler):
    """Answers by method name; what is not known here is UNIMPLEMENTED."""

    def __init__(self, schemas):
        schema = encode_schemas(schemas)
        self.answers = {
            "GetSchema": lambda _: schema,
            # The configuration comes back as it was.
            "PrepareProviderConfig": lambda request: request,
            "ValidateResourceTypeConfig": lambda _: b"",
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
    """Starts the server; returns it with the variable by which Terraform finds it."""
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

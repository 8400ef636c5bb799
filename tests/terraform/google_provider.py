"""A stand-in for the Google provider: it has the real schema, and makes the real one's calls to the local Google.

Terraform talks to a provider over gRPC (plugin protocol 5); for `validate`, and for `test` with a
mocked provider, it requests only the schema and whether a configuration is valid. The schema is
real (see google_schema.py), so Terraform itself refuses an attribute that the provider does not
have. A value that the provider or the API would refuse is refused by google_rules.py, as far as it
is known when Terraform plans. For `plan`, `apply` and `destroy` it calls google_cloud.py. The few
messages are encoded here by their published field numbers.
"""

import json
import os
from concurrent import futures

import google_rules
import grpc
import msgpack
from google_cloud import GoogleCloud, Refused

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
    """The strings, bytes and messages of a protobuf message, by field number; numbers are skipped."""
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
        size = next_varint()
        if tag & 7 == 0:
            continue
        assert tag & 7 == 2, f"field {tag >> 3} is neither a number nor a string nor a message"
        found[tag >> 3] = message[at : at + size]
        at += size
    return found


def validate_resource(request):
    """ValidateResourceTypeConfig: an error for each value that google_rules.py refuses."""
    request = fields(request)
    kind = request[1].decode()
    config = value_of(request[2])
    out = b""
    for fault in google_rules.faults(kind, config):
        summary = f"{kind}: a value that Google does not accept"
        out += data(1, number(1, 1) + data(2, summary) + data(3, fault))
    return out


def value_of(message):
    """The value in a DynamicValue, which Terraform sends as MessagePack: field 1."""
    return msgpack.decode(fields(message)[1])


def dynamic(value):
    return data(1, msgpack.encode(value))


def diagnostic(tag, error):
    """An error in the answer's field `tag`."""
    return data(tag, number(1, 1) + data(2, str(error)))


class Operations:
    """The methods that change or read resources."""

    def __init__(self, schemas, cloud):
        self.schemas, self.cloud = schemas, cloud

    def upgrade(self, request):
        """UpgradeResourceState: the state's JSON is returned unchanged, as field 2 of DynamicValue."""
        return data(1, data(2, fields(fields(request)[3])[1]))

    def read(self, request):
        """ReadResource."""
        request = fields(request)
        kind, state = request[1].decode(), value_of(request[2])
        try:
            return data(1, dynamic(self.cloud.read(kind, state)))
        except Refused as error:
            return data(1, dynamic(state)) + diagnostic(2, error)

    def read_data(self, request):
        """ReadDataSource."""
        request = fields(request)
        kind = request[1].decode()
        try:
            state = self.cloud.read_data(kind, self.schemas[f"data.{kind}"], value_of(request[2]))
        except Refused as error:
            return diagnostic(2, error)
        return data(1, dynamic(state))

    def plan(self, request):
        """PlanResourceChange. Field 5 says, as for every provider of the older SDK, that an optional
        attribute may get a value that the configuration does not have.
        """
        request = fields(request)
        kind = request[1].decode()
        prior, proposed, config = (value_of(request[it]) for it in (2, 3, 4))
        planned, replace = self.cloud.plan(kind, self.schemas[kind], prior, proposed, config)
        paths = b"".join(data(2, data(1, data(1, name))) for name in replace)
        return data(1, dynamic(planned)) + paths + number(5, 1)

    def apply(self, request):
        """ApplyResourceChange. Field 4: as field 5 of a plan."""
        request = fields(request)
        kind, prior, planned = request[1].decode(), value_of(request[2]), value_of(request[3])
        try:
            state = self.cloud.apply(kind, self.schemas[kind], prior, planned)
        except Refused as error:
            return data(1, dynamic(prior)) + diagnostic(3, error)
        return data(1, dynamic(state)) + number(4, 1)


class Handler(grpc.GenericRpcHandler):
    """Dispatches on the method name; an unknown method is UNIMPLEMENTED."""

    def __init__(self, schemas, cloud):
        schema = encode_schemas(schemas)
        operations = Operations(schemas, cloud)
        self.answers = {
            "UpgradeResourceState": operations.upgrade,
            "ReadResource": operations.read,
            "ReadDataSource": operations.read_data,
            "PlanResourceChange": operations.plan,
            "ApplyResourceChange": operations.apply,
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


def serve(schemas, socket, cloud=None, edition="google"):
    """Starts the server; returns it with the variable with which Terraform finds it. `edition`: google-beta is
    the other one."""
    # One thread: Terraform applies several resources at a time, and the cloud has no locks.
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers([Handler(schemas, cloud or GoogleCloud())])
    server.add_insecure_port(f"unix://{socket}")
    server.start()
    reattach = {
        f"registry.terraform.io/hashicorp/{edition}": {
            "Protocol": "grpc",
            "ProtocolVersion": 5,
            "Pid": os.getpid(),
            "Test": True,
            "Addr": {"Network": "unix", "String": str(socket)},
        }
    }
    return server, {"TF_REATTACH_PROVIDERS": json.dumps(reattach)}

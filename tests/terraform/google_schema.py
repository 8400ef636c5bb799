"""The schema of Terraform's Google provider, read from third-party bindings generated from it.

The provider's own binary comes only from Terraform's registry. Its bindings for CDK Terrain are
on PyPI (`cdktn-provider-google`, which names the provider's version), generated from the provider's
schema: they contain names, types, blocks and which attributes are required. They do not contain
whether an optional attribute is also computed, nor the limits that the provider checks in code.
"""

import io
import re
import tarfile
import zipfile
from dataclasses import dataclass, field

# `name: { value: …, isBlock: false, type: "simple", storageClassType: "string" }`
ENTRY = re.compile(
    r"\b(\w+): \{\s*value: (?P<value>[^\n]*),\s*isBlock: (true|false),"
    r'\s*type: "(\w+)",\s*storageClassType: "(\w+)"'
)
STRUCT = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{(.*?)^\}", re.S | re.M)
COMPUTED = re.compile(r"get (\w+)\(\) \{\s*return this\.get(String|Number|Boolean)Attribute\('(\w+)'\)")
PRIMITIVE = {"string": '"string"', "number": '"number"', "boolean": '"bool"'}
# Optional attributes that the provider sets when they are omitted.
FILLED_IN = {"id", "project", "etag"}


@dataclass
class Attribute:
    """One attribute: its type as Terraform writes it in JSON, and whether the user may set it."""

    type: str
    required: bool = False
    optional: bool = False
    computed: bool = False


@dataclass
class Block:
    """A block and its content. `single`: it occurs at most once."""

    attributes: dict = field(default_factory=dict)
    blocks: dict = field(default_factory=dict)
    nesting: str = "list"
    required: bool = False
    single: bool = False
    # Its name in the bindings.
    interface: str = ""


def read(wheel, types):
    """Returns the schemas of these types, such as `google_storage_bucket` or `data.google_project`.

    The bindings of the beta edition name their folders `google-storage-bucket`, the others `storage-bucket`.
    """
    wanted = {"provider": "provider"}
    for name in types:
        wanted |= {folder(name): name, f"google-{folder(name)}": name}
    found, version = {}, None
    with zipfile.ZipFile(wheel) as outer:
        inner = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        archive = outer.read(inner)
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files:
            parts = member.name.split("/")
            if parts[-1] not in ("index.js", "index.d.ts") or parts[-2] not in wanted:
                continue
            # The source map at the end is one line of more than 100 kB.
            text = files.extractfile(member).read().decode().partition("//# sourceMappingURL")[0]
            found.setdefault(wanted[parts[-2]], {})[parts[-1]] = text
            version = version or re.search(r"providers/hashicorp/google(?:-beta)?/([\d.]+)/", text)
    return {name: parse(it["index.js"], it["index.d.ts"]) for name, it in found.items()}, version.group(1)


def types_in(text):
    """The types of Google's provider that a Terraform file uses."""
    for kind, name in re.findall(r'^(resource|data) "(google_\w+)"', text, re.M):
        yield name if kind == "resource" else f"data.{name}"


def folder(name):
    """`google_storage_bucket` → `storage-bucket`, `data.google_project` → `data-google-project`."""
    if name.startswith("data."):
        return name.replace(".", "-").replace("_", "-")
    return name.removeprefix("google_").replace("_", "-")


def parse(script, declarations):
    """One resource's block from its generated code."""
    structs = {name: body for name, body in STRUCT.findall(script)}
    top = script[script.index("synthesizeHclAttributes()") :]
    name = re.search(r"export interface (\w+)Config\b", declarations).group(1)
    block = assemble(top, f"{name}Config", structs, declarations)
    for nested in block.blocks.values():
        if not nested.attributes and not nested.blocks:
            add_computed(nested, script)
    own = script[script.rindex("extends cdktn.Terraform") : script.index("synthesizeHclAttributes()")]
    for _, kind, attribute in COMPUTED.findall(own):
        if attribute not in block.attributes:
            block.attributes[attribute] = Attribute(PRIMITIVE[kind.lower()], computed=True)
    return block


def add_computed(block, script):
    """What the provider fills in of a block in which nothing can be set, such as `cloud_resource {}`."""
    start = script.find(f"class {block.interface}OutputReference ")
    if start < 0:
        return
    for _, kind, attribute in COMPUTED.findall(script[start : script.index("\nexports.", start)]):
        block.attributes[attribute] = Attribute(PRIMITIVE[kind.lower()], computed=True)


def assemble(text, interface, structs, declarations):
    """The block whose entries are in `text` and whose optional entries are marked in `interface`."""
    body = re.search(
        rf"export interface {interface} (?:extends [\w.]+ )?\{{(.*?)^\}}", declarations, re.S | re.M
    )
    members = dict(re.findall(r"readonly (\w+)(\??:[^;{]*)", body.group(1)))
    block = Block(interface=interface)
    for match in ENTRY.finditer(text):
        name, value, is_block, kind, storage = match.groups()
        if name == "alias":  # Terraform's own word
            continue
        member = members[camel(name)]
        optional = member.startswith("?")
        if is_block == "false":
            block.attributes[name] = Attribute(
                type_of(kind, storage),
                required=not optional,
                optional=optional,
                computed=optional and name in FILLED_IN,
            )
            continue
        struct = next(it for it in re.findall(r"(\w+)ToHclTerraform", value) if it in structs)
        nested = assemble(structs[struct], struct[0].upper() + struct[1:], structs, declarations)
        nested.nesting = "single" if name == "timeouts" else "set" if kind == "set" else "list"
        nested.required = not optional
        nested.single = "[]" not in member and nested.nesting != "single"
        block.blocks[name] = nested
    return block


def type_of(kind, storage):
    """`list` of `stringList` → `["list","string"]`."""
    if kind == "simple":
        return PRIMITIVE[storage]
    element = next(PRIMITIVE[it] for it in PRIMITIVE if storage.startswith(it))
    return f'["{kind}",{element}]'


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(it[:1].upper() + it[1:] for it in rest)

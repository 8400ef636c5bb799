"""Decides whether IAM documents allow a call, by AWS's published logic: a statement applies if its
action, its resource and every condition match; an applicable Deny wins; without an applicable Allow
the call is denied.

Only the operators that infra/policies uses are implemented; any other operator is an error.
"""

import json
import re
import string


def render(text, values):
    """Replaces `${name}` as Terraform's templatefile does; a missing name is an error."""
    return json.loads(string.Template(text).substitute(values))


def statements(document):
    return document["Statement"]


def allowed(documents, action, resource, context):
    """Whether these documents together allow `action` on `resource` in `context`."""
    counted = [
        it["Effect"]
        for document in documents
        for it in statements(document)
        if any(like(action.lower(), pattern.lower()) for pattern in listed(it["Action"]))
        and any(like(resource, pattern) for pattern in listed(it.get("Resource", "*")))
        and holds(it.get("Condition", {}), context)
    ]
    return "Deny" not in counted and "Allow" in counted


def listed(value):
    return value if isinstance(value, list) else [value]


def like(text, pattern):
    """`*` matches any text, `?` any character."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.S) is not None


def holds(conditions, context):
    return all(
        holds_one(operator, key, [str(it) for it in listed(values)], context)
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def holds_one(operator, key, values, context):
    if operator == "Null":
        return (key not in context) == (values[0] == "true")
    if operator == "ForAllValues:StringEquals":
        return all(it in values for it in context.get(key, []))
    operator, if_exists, _ = operator.partition("IfExists")
    if key not in context:
        return bool(if_exists) or operator == "StringNotEquals"
    actual = context[key]
    if operator in ("StringEquals", "Bool"):
        return actual in values
    if operator == "StringNotEquals":
        return actual not in values
    if operator in ("StringLike", "ArnLike"):
        return any(like(actual, pattern) for pattern in values)
    raise NotImplementedError(f"{operator} is not implemented here")

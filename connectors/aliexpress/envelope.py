"""What stands around AliExpress's answers: envelopes, success marks, lists inside objects.

https://openservice.aliexpress.com/doc/api.htm
"""

from dataclasses import dataclass
from typing import Final

from connectors.aliexpress.verdict import is_success
from connectors.errors import Complaint, Malformed, Refused
from connectors.records import JsonObject, JsonValue
from connectors.shape import as_object

_MARKS: Final = (
    ("rsp_code", "rsp_msg"),
    ("resp_code", "resp_msg"),
    ("error_code", "error_msg"),
    ("code", "msg"),
)


@dataclass(frozen=True, slots=True)
class Said:
    """A method's answer without its envelope. `code`: "" for success."""

    content: JsonObject
    code: str = ""
    text: str = ""

    def result(self, name: str = "result") -> JsonObject:
        """What was asked for. Raises Refused with the answer's code if it failed, Malformed without it."""
        if self.code:
            raise Refused(f"{self.code}: {self.text}", complaints=[Complaint(self.code, self.text)])
        return as_object(self.content.get(name), name)


def opened(body: JsonValue, method: str) -> Said:
    """What is in the envelope; one level deeper where a method has `resp_result` too."""
    found = as_object(body, method)
    key = f"{method.replace('.', '_')}_response"
    others = [value for name, value in found.items() if name.endswith("_response")]
    if key not in found and len(others) != 1:
        raise Malformed(f"{method}: no envelope")
    content = as_object(found.get(key, others[0] if others else None), key)
    inner = content.get("resp_result", content)
    return _marked(as_object(inner, "resp_result"))


def _marked(content: JsonObject) -> Said:
    for mark, text in _MARKS:
        if (code := content.get(mark)) is not None and not is_success(code):
            return Said(content, str(code), str(content.get(text, "")))
    return Said(content)


def listed(value: JsonValue, inner: str) -> list[JsonValue]:
    """The elements of a list: in an object under `inner`, bare, a single one without a list, or none."""
    if isinstance(value, dict):
        value = value.get(inner)
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


def objects(value: JsonValue, inner: str) -> list[JsonObject]:
    """The same, of objects. Raises Malformed if one is none."""
    return [as_object(each, inner) for each in listed(value, inner)]


def text(found: JsonObject, name: str) -> str:
    """Text or a number as text; a missing key, null and "" are all none."""
    value = found.get(name)
    if value is None or isinstance(value, dict | list):
        return ""
    return str(value).strip()

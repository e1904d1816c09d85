"""Cut the published Admin API schema down to what the sandbox serves.

    python -m sandbox.shopify.prune_schema INTROSPECTION.json.gz > sandbox/shopify/schema.graphql

The rule, so that the result can be made again from a newer introspection file:

1. The two roots keep the fields of QUERIES and MUTATIONS.
2. An output type stays if it is in TYPES, is the payload of a kept mutation, is an error type of such a
   payload, or is the connection or edge of a type that stays.
3. A type that stays keeps every field whose own type stays or is a scalar or an enum, with all arguments.
4. Enums and input types stay when something that stays needs them, and then they are whole.
5. Descriptions, deprecations and applied directives go; the directive @idempotent stays.

What rules 1 and 3 cut from a type is listed behind `# unserved` lines at the end of the file, and so are the
types of nodes that rule 2 cut; `documents.unserved` reads these lines.
"""

import gzip
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple


def words(text: str) -> frozenset[str]:
    """The words of a text, each once."""
    return frozenset(text.split())


QUERIES = words(
    """
    appInstallation bulkOperation bulkOperations currentAppInstallation currentBulkOperation inventoryItem
    inventoryItems inventoryLevel inventoryProperties location locations locationsCount node nodes order
    orders ordersCount product productByHandle productVariant productVariants productVariantsCount products
    productsCount publicApiVersions shop webhookSubscription webhookSubscriptions webhookSubscriptionsCount
    """
)
MUTATIONS = words(
    """
    bulkOperationCancel bulkOperationRunMutation bulkOperationRunQuery inventoryActivate
    inventoryAdjustQuantities inventoryBulkToggleActivation inventoryDeactivate inventoryItemUpdate
    inventorySetQuantities metafieldsSet productUpdate productVariantsBulkCreate productVariantsBulkDelete
    stagedUploadsCreate tagsAdd tagsRemove webhookSubscriptionCreate webhookSubscriptionDelete
    webhookSubscriptionUpdate
    """
)
TYPES = words(
    """
    AccessScope ApiVersion App AppInstallation Attribute BulkOperation Count DisplayableError Domain
    EditableProperty ExternalVideo HasMetafields Image InventoryAdjustmentGroup InventoryChange InventoryItem
    InventoryItemMeasurement InventoryLevel InventoryProperties InventoryQuantity InventoryQuantityName
    LegacyInteroperability LineItem Location LocationAddress Media MediaImage Metafield Model3d MoneyBag
    MoneyV2 Node Order PageInfo Product ProductOption ProductOptionValue ProductPriceRangeV2 ProductVariant
    SEO SelectedOption Shop ShopPlan ShopResourceLimits StagedMediaUploadTarget StagedUploadParameter
    UnitPriceMeasurement Video WebhookEventBridgeEndpoint WebhookHttpEndpoint WebhookPubSubEndpoint
    WebhookSubscription WebhookSubscriptionEndpoint Weight
    """
)
BUILT_IN = frozenset({"String", "Int", "Float", "Boolean", "ID"})
LEAVES = frozenset({"SCALAR", "ENUM"})
FIELDED = {"OBJECT": "type", "INTERFACE": "interface"}

Json = Mapping[str, Any]
"""A piece of the introspection result, as JSON gives it."""


class Pruned(NamedTuple):
    """The published types by name, and the names of those that stay."""

    published: Mapping[str, Json]
    kept: frozenset[str]


def named(reference: Json) -> str:
    """Name of the type that a reference wraps in lists and non-nulls."""
    while reference.get("ofType"):
        reference = reference["ofType"]
    return str(reference["name"])


def spelled(reference: Json) -> str:
    """The reference as SDL writes it: `[ID!]!`."""
    if reference["kind"] == "NON_NULL":
        return f"{spelled(reference['ofType'])}!"
    if reference["kind"] == "LIST":
        return f"[{spelled(reference['ofType'])}]"
    return str(reference["name"])


def _payload_types(published: Mapping[str, Json]) -> Iterator[str]:
    payloads = [
        named(field["type"]) for field in published["Mutation"]["fields"] if field["name"] in MUTATIONS
    ]
    yield from payloads
    for payload in payloads:
        inner = (named(field["type"]) for field in published[payload]["fields"])
        yield from (name for name in inner if name.endswith("Error"))


def _with_connections(names: Iterable[str], published: Mapping[str, Json]) -> Iterator[str]:
    for name in names:
        yield from (n for n in (name, f"{name}Connection", f"{name}Edge") if n in published)


def _output_types(published: Mapping[str, Json]) -> frozenset[str]:
    seeds = chain(TYPES, _payload_types(published))
    return frozenset({"QueryRoot", "Mutation", *_with_connections(seeds, published)})


def _fits(parent: str, field: Json, published: Mapping[str, Json], kept: frozenset[str]) -> bool:
    if parent in ("QueryRoot", "Mutation"):
        return field["name"] in (QUERIES if parent == "QueryRoot" else MUTATIONS)
    name = named(field["type"])
    return name in kept or published[name]["kind"] in LEAVES


def fields_of(pruned: Pruned, name: str) -> list[Json]:
    """Fields of an output type that stay (rules 1 and 3)."""
    fields = pruned.published[name]["fields"] or []
    return [field for field in fields if _fits(name, field, pruned.published, pruned.kept)]


def _inputs_of(pruned: Pruned, name: str) -> Iterator[str]:
    """Every type that the type of this name mentions beyond the output types that stay."""
    published = pruned.published[name]
    for field in fields_of(pruned, name):
        yield named(field["type"])
        yield from (named(argument["type"]) for argument in field["args"])
    yield from (named(field["type"]) for field in published["inputFields"] or [])


def prune(published: Mapping[str, Json]) -> Pruned:
    """Decide which types stay (rules 2 and 4)."""
    outputs = _output_types(published)
    pruned = Pruned(published, outputs)
    waiting, kept = list(outputs), set(outputs)
    while waiting:
        fresh = set(_inputs_of(pruned, waiting.pop())) - kept
        kept |= fresh
        waiting.extend(fresh)
    return Pruned(published, frozenset(kept))


def _argument(value: Json) -> str:
    default = "" if value["defaultValue"] is None else f" = {value['defaultValue']}"
    return f"{value['name']}: {spelled(value['type'])}{default}"


def _field(field: Json) -> str:
    arguments = ", ".join(_argument(argument) for argument in field["args"])
    return f"  {field['name']}{f'({arguments})' if arguments else ''}: {spelled(field['type'])}"


def _block(head: str, lines: Iterable[str]) -> str:
    return "\n".join([f"{head} {{", *lines, "}"])


def _fielded(pruned: Pruned, name: str) -> str:
    interfaces = sorted(
        i["name"] for i in pruned.published[name]["interfaces"] or [] if i["name"] in pruned.kept
    )
    implements = f" implements {' & '.join(interfaces)}" if interfaces else ""
    keyword = FIELDED[pruned.published[name]["kind"]]
    return _block(f"{keyword} {name}{implements}", map(_field, fields_of(pruned, name)))


def define(pruned: Pruned, name: str) -> str:
    """SDL of one type that stays."""
    definition = pruned.published[name]
    match definition["kind"]:
        case "SCALAR":
            return f"scalar {name}"
        case "ENUM":
            return _block(f"enum {name}", (f"  {value['name']}" for value in definition["enumValues"]))
        case "UNION":
            members = [m["name"] for m in definition["possibleTypes"] if m["name"] in pruned.kept]
            return f"union {name} = {' | '.join(members)}"
        case "INPUT_OBJECT":
            one_of = " @oneOf" if definition.get("isOneOf") else ""
            return _block(f"input {name}{one_of}", (f"  {_argument(f)}" for f in definition["inputFields"]))
        case _:
            return _fielded(pruned, name)


def _cut_fields(pruned: Pruned, name: str) -> str:
    stays = {field["name"] for field in fields_of(pruned, name)}
    cut = [field["name"] for field in pruned.published[name]["fields"] if field["name"] not in stays]
    return f"# unserved {name}: {' '.join(cut)}" if cut else ""


def _cut_nodes(pruned: Pruned) -> str:
    nodes = sorted(node["name"] for node in pruned.published["Node"]["possibleTypes"])
    return f"# unserved types: {' '.join(name for name in nodes if name not in pruned.kept)}"


def sdl(pruned: Pruned) -> str:
    """The whole file."""
    names = sorted(pruned.kept - BUILT_IN)
    fielded = [name for name in names if pruned.published[name]["kind"] in FIELDED]
    cut = filter(None, map(partial(_cut_fields, pruned), fielded))
    head = [
        "# Made by sandbox/shopify/prune_schema.py from Shopify's published Admin API schema; do not edit.",
        "schema {\n  query: QueryRoot\n  mutation: Mutation\n}",
        "directive @idempotent(key: String!) on FIELD",
    ]
    blocks = [*head, *map(partial(define, pruned), names)]
    return "\n\n".join([*blocks, "\n".join([*cut, _cut_nodes(pruned)])]) + "\n"


def read_introspection(path: Path) -> dict[str, Json]:
    """Types by name from a gzipped introspection result."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        types = json.load(file)["data"]["__schema"]["types"]
    return {definition["name"]: definition for definition in types if not definition["name"].startswith("__")}


def main(arguments: list[str]) -> None:
    """Write the pruned schema of the file named first to standard output."""
    sys.stdout.write(sdl(prune(read_introspection(Path(arguments[0])))))


if __name__ == "__main__":
    main(sys.argv[1:])

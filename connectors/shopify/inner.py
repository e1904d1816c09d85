"""The documents that run inside bulk operations: whole texts, as variables cannot be given to them.

https://shopify.dev/docs/api/usage/bulk-operations/queries: `edges { node }` throughout, at most five
connections two deep, and `id` in every parent. Each has a name of its own, by which it is found again among
the store's bulk operations.
"""

import json
import uuid
from string import Template

from connectors.shopify import documents
from connectors.shopify.calls import gid

_PRODUCTS = Template(
    """
query $name {
  products(query: $search) {
    edges { node {"""
    + documents.HEAD_FIELDS
    + """
      variants { edges { node {
        id
        sku
        position
        inventoryItem {"""
    + documents.STOCK_FIELDS
    + """duplicateSkuCount }
      } } }
    } }
  }
}
"""
)

_HEADS = Template("query $name { products(query: $search) { edges { node { id tags } } } }")

_SKUS = Template("query $name { productVariants(query: $search) { edges { node { id sku } } } }")

_ORDERS = Template(
    """
query $name {
  orders(query: $search) {
    edges { node {
      id
      createdAt
      cancelledAt
      test
      lineItems { edges { node { id quantity variant { id } } } }
    } }
  }
}
"""
)

_ADD_TAGS = Template(
    """
mutation $name($$id: ID!, $$tags: [String!]!) {
  tagsAdd(id: $$id, tags: $$tags) { node { id } userErrors { field message } }
}
"""
)

_REMOVE_TAGS = Template(
    """
mutation $name($$id: ID!, $$tags: [String!]!) {
  tagsRemove(id: $$id, tags: $$tags) { node { id } userErrors { field message } }
}
"""
)


def products(search: str, location: int) -> str:
    """Products with all their variants and the stock of one location."""
    where = _literal(gid("Location", location))
    return _PRODUCTS.substitute(name=_name(), search=_literal(search), location=where)


def heads(search: str) -> str:
    """Ids and tags of products."""
    return _HEADS.substitute(name=_name(), search=_literal(search))


def skus(search: str) -> str:
    """The SKUs of variants; an empty search finds all."""
    return _SKUS.substitute(name=_name(), search=_literal(search))


def orders(search: str) -> str:
    """Orders with all their lines."""
    return _ORDERS.substitute(name=_name(), search=_literal(search))


def add_tags() -> str:
    """Add tags to one product a line."""
    return _ADD_TAGS.substitute(name=_name())


def remove_tags() -> str:
    """Remove tags from one product a line."""
    return _REMOVE_TAGS.substitute(name=_name())


def _name() -> str:
    return f"Evenstock_{uuid.uuid4().hex}"


def _literal(text: str) -> str:
    """A GraphQL string, which JSON spells the same way.

    https://spec.graphql.org/October2021/#sec-String-Value
    """
    return json.dumps(text, ensure_ascii=False)

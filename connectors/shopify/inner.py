"""The documents that run inside bulk operations: whole texts, as variables cannot be given to them.

https://shopify.dev/docs/api/usage/bulk-operations/queries: `edges { node }` throughout, at most five
connections two deep, and `id` in every parent.
"""

import json
from string import Template

from connectors.shopify import documents
from connectors.shopify.calls import gid

_PRODUCTS = Template(
    """
query {
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

_HEADS = Template("query { products(query: $search) { edges { node { id tags } } } }")

_SKUS = Template("query { productVariants(query: $search) { edges { node { id sku } } } }")

_ORDERS = Template(
    """
query {
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

ADD_TAGS = """
mutation($id: ID!, $tags: [String!]!) {
  tagsAdd(id: $id, tags: $tags) { node { id } userErrors { field message } }
}
"""

REMOVE_TAGS = """
mutation($id: ID!, $tags: [String!]!) {
  tagsRemove(id: $id, tags: $tags) { node { id } userErrors { field message } }
}
"""


def products(search: str, location: int) -> str:
    """Products with all their variants and the stock of one location."""
    where = _literal(gid("Location", location))
    return _PRODUCTS.substitute(search=_literal(search), location=where)


def heads(search: str) -> str:
    """Ids and tags of products."""
    return _HEADS.substitute(search=_literal(search))


def skus(search: str) -> str:
    """The SKUs of variants; an empty search finds all."""
    return _SKUS.substitute(search=_literal(search))


def orders(search: str) -> str:
    """Orders with all their lines."""
    return _ORDERS.substitute(search=_literal(search))


def _literal(text: str) -> str:
    """A GraphQL string, which JSON spells the same way.

    https://spec.graphql.org/October2021/#sec-String-Value
    """
    return json.dumps(text, ensure_ascii=False)

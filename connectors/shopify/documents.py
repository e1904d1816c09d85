"""The GraphQL texts that Evenstock sends to Shopify's Admin API, version 2026-10.

Each is one operation with just the fragments it uses, so that nothing unused is asked and paid for.
Prices in comments are requested points (https://shopify.dev/docs/api/usage/rate-limits).
"""

STOCK_FIELDS = """
  id
  tracked
  inventoryLevel(locationId: $location, includeInactive: true) {
    isActive
    quantities(names: ["available", "committed", "on_hand"]) { name quantity }
  }
"""

_STOCK = f"""
fragment Stock on InventoryItem {{{STOCK_FIELDS}}}
"""

_VARIANT = (
    """
fragment Shown on ProductVariant {
  id
  sku
  position
  inventoryItem { ...Stock duplicateSkuCount }
}
"""
    + _STOCK
)

HEAD_FIELDS = """
  id
  title
  status
  tags
  ccod: metafield(namespace: "rms", key: "ccod") { value }
  productCode: metafield(namespace: "rms", key: "product_code") { value }
  codigo: metafield(namespace: "rms", key: "codigo") { value }
  customCcod: metafield(namespace: "custom", key: "ccod") { value }
"""

_PRODUCT = f"""
fragment Head on Product {{{HEAD_FIELDS}}}
"""

# 5 points
SHOP = """
query ShopInfo {
  shop { id myshopifyDomain name ianaTimezone }
  currentAppInstallation { accessScopes { handle } }
}
"""

# 13 points
LOCATIONS = """
query Locations($after: String) {
  locations(first: 250, after: $after, includeInactive: true, includeLegacy: false) {
    nodes { id name isActive }
    pageInfo { hasNextPage endCursor }
  }
}
"""

# 255 points: 250 products with up to 10 variants each
PRODUCTS = (
    """
query Products($search: String, $after: String, $location: ID!) {
  products(first: 250, after: $after, query: $search, sortKey: ID) {
    nodes {
      ...Head
      variants(first: 10, sortKey: ID) {
        nodes { ...Shown }
        pageInfo { hasNextPage endCursor }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
    + _PRODUCT
    + _VARIANT
)

# 13 points
PRODUCT_IDS = """
query ProductIds($search: String, $after: String) {
  products(first: 250, after: $after, query: $search, sortKey: ID) {
    nodes { id status tags }
    pageInfo { hasNextPage endCursor }
  }
}
"""

# 52 points, however many ids
PRODUCTS_BY_ID = (
    """
query ProductsById($ids: [ID!]!, $location: ID!) {
  nodes(ids: $ids) {
    __typename
    ... on Product {
      ...Head
      variants(first: 250, sortKey: ID) {
        nodes { ...Shown }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
"""
    + _PRODUCT
    + _VARIANT
)

# 47 points
MORE_VARIANTS = (
    """
query MoreVariants($id: ID!, $after: String, $location: ID!) {
  product(id: $id) {
    id
    variants(first: 250, after: $after, sortKey: ID) {
      nodes { ...Shown }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
    + _VARIANT
)

# 13 points
SKUS = """
query Skus($search: String, $after: String) {
  productVariants(first: 250, after: $after, query: $search, sortKey: ID) {
    nodes { id sku }
    pageInfo { hasNextPage endCursor }
  }
}
"""

# 7 points
OFFERS = """
query Offers($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename
    ... on ProductVariant {
      id
      inventoryQuantity
      product { id status }
      inventoryItem { id tracked }
    }
  }
}
"""

# 7 points
VARIANTS = (
    """
query Variants($ids: [ID!]!, $location: ID!) {
  nodes(ids: $ids) {
    __typename
    ... on ProductVariant {
      ...Shown
      product { id title status tags }
    }
  }
}
"""
    + _VARIANT
)

# 4 points
VARIANT_HEADS = """
query VariantHeads($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename
    ... on ProductVariant {
      id
      sku
      product { id title status }
      inventoryItem { id }
    }
  }
}
"""

# 3 points
LEVELS = (
    """
query Levels($ids: [ID!]!, $location: ID!) {
  nodes(ids: $ids) {
    __typename
    ... on InventoryItem { ...Stock }
  }
}
"""
    + _STOCK
)

# 34 points: up to 200 locations, the most a store may have
LEVELS_EVERYWHERE = """
query LevelsEverywhere($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename
    ... on InventoryItem {
      id
      inventoryLevels(first: 200, includeInactive: true) {
        nodes {
          id
          location { id }
          quantities(names: ["available", "committed", "on_hand", "incoming"]) { name quantity }
        }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}
"""

_AVAILABLE = """
        nodes { location { id } quantities(names: ["available"]) { name quantity } }
        pageInfo { hasNextPage endCursor }
"""

# 15 points: up to 10 locations that stock the item; what they hold inactive is not for sale
AVAILABLE_EVERYWHERE = f"""
query AvailableEverywhere($ids: [ID!]!) {{
  nodes(ids: $ids) {{
    __typename
    ... on InventoryItem {{
      id
      inventoryLevels(first: 10) {{{_AVAILABLE}}}
    }}
  }}
}}
"""

# 36 points
MORE_AVAILABLE = f"""
query MoreAvailable($id: ID!, $after: String) {{
  inventoryItem(id: $id) {{
    id
    inventoryLevels(first: 250, after: $after) {{{_AVAILABLE}}}
  }}
}}
"""

_STOCKED = """
      variants(first: $first, after: $after, sortKey: ID) {
        nodes { id sku inventoryItem { id tracked } }
        pageInfo { hasNextPage endCursor }
      }
"""

# 17 points for 50 variants each, however many ids
STOCKED_PRODUCTS = f"""
query StockedProducts($ids: [ID!]!, $first: Int!, $after: String) {{
  nodes(ids: $ids) {{
    __typename
    ... on Product {{
      id
{_STOCKED}
    }}
  }}
}}
"""

SNAPSHOTS = """
query VariantSnapshots($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename
    ... on ProductVariant {
      id
      sku
      barcode
      price
      compareAtPrice
      position
      taxable
      inventoryPolicy
      requiresComponents
      selectedOptions { name value }
      product { id handle isGiftCard variantsCount { count } }
      media(first: 10) { nodes { id } }
      metafields(first: 250) { nodes { namespace key type value } pageInfo { hasNextPage } }
      sellingPlanGroupsCount { count }
      inventoryItem {
        id
        tracked
        requiresShipping
        duplicateSkuCount
        unitCost { amount currencyCode }
        countryCodeOfOrigin
        provinceCodeOfOrigin
        harmonizedSystemCode
        measurement { weight { unit value } }
      }
    }
  }
}
"""

# 50 points
ASSORTMENT = """
query Assortment($id: ID!, $after: String) {
  product(id: $id) {
    id
    title
    status
    tags
    options { name }
    media(first: 250) { nodes { id } pageInfo { hasNextPage endCursor } }
    variants(first: 250, after: $after, sortKey: ID) {
      nodes { id sku selectedOptions { name value } inventoryItem { id } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

# 155 points when every page is full
ORDERS = """
query RecentOrders($after: String) {
  orders(first: 100, after: $after, sortKey: CREATED_AT, reverse: true) {
    nodes {
      id
      createdAt
      cancelledAt
      test
      lineItems(first: 50) {
        nodes { quantity variant { id } }
        pageInfo { hasNextPage endCursor }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""

# 25 points
MORE_LINES = """
query MoreLineItems($id: ID!, $after: String) {
  order(id: $id) {
    id
    createdAt
    cancelledAt
    test
    lineItems(first: 250, after: $after) {
      nodes { quantity variant { id } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""

# 10 points, as every mutation below
SET_QUANTITIES = """
mutation SetQuantities($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    inventoryAdjustmentGroup { id }
    userErrors { code field message }
  }
}
"""

ACTIVATE = """
mutation Activate($item: ID!, $location: ID!, $key: String!) {
  inventoryActivate(inventoryItemId: $item, locationId: $location) @idempotent(key: $key) {
    inventoryLevel { id isActive }
    userErrors { field message }
  }
}
"""

# 12 points for one variant. A lone variant stays beside the new ones, whatever the shop takes it for.
CREATE_VARIANTS = """
mutation CreateVariants($product: ID!, $variants: [ProductVariantsBulkInput!]!) {
  productVariantsBulkCreate(productId: $product, variants: $variants, strategy: PRESERVE_STANDALONE_VARIANT) {
    productVariants { id sku selectedOptions { name value } inventoryItem { id } }
    userErrors { code field message }
  }
}
"""

DELETE_VARIANTS = """
mutation DeleteVariants($product: ID!, $variants: [ID!]!) {
  productVariantsBulkDelete(productId: $product, variantsIds: $variants) {
    product { id }
    userErrors { code field message }
  }
}
"""

ADD_TAGS = """
mutation AddTags($id: ID!, $tags: [String!]!) {
  tagsAdd(id: $id, tags: $tags) {
    node { id }
    userErrors { field message }
  }
}
"""

REMOVE_TAGS = """
mutation RemoveTags($id: ID!, $tags: [String!]!) {
  tagsRemove(id: $id, tags: $tags) {
    node { id }
    userErrors { field message }
  }
}
"""

ARCHIVE = """
mutation Archive($product: ProductUpdateInput!) {
  productUpdate(product: $product) {
    product { id status }
    userErrors { field message }
  }
}
"""

# ------------------------------------------------------------------ sizes

# 10 points
COUNT_PRODUCTS = """
query CountProducts($search: String) {
  productsCount(query: $search, limit: null) { count precision }
}
"""

# 10 points; always of the whole store, as the filter of this count is ignored
COUNT_VARIANTS = """
query CountVariants {
  productVariantsCount(limit: null) { count precision }
}
"""

# 1 point
TAGS = """
query Tags($ids: [ID!]!) {
  nodes(ids: $ids) {
    __typename
    ... on Product { id tags }
  }
}
"""

# --------------------------------------------------------- bulk operations

_OPERATION = """
fragment Operation on BulkOperation {
  id
  type
  status
  errorCode
  createdAt
  completedAt
  objectCount
  fileSize
  url
  partialDataUrl
}
"""

# 10 points
RUN_BULK_QUERY = (
    """
mutation BulkRunQuery($query: String!) {
  bulkOperationRunQuery(query: $query, groupObjects: false) {
    bulkOperation { ...Operation }
    userErrors { code field message }
  }
}
"""
    + _OPERATION
)

# 10 points
RUN_BULK_MUTATION = (
    """
mutation BulkRunMutation($mutation: String!, $path: String!, $identifier: String!) {
  bulkOperationRunMutation(mutation: $mutation, stagedUploadPath: $path, clientIdentifier: $identifier) {
    bulkOperation { ...Operation }
    userErrors { code field message }
  }
}
"""
    + _OPERATION
)

# 11 points
STAGE_UPLOAD = """
mutation StageUpload($input: [StagedUploadInput!]!) {
  stagedUploadsCreate(input: $input) {
    stagedTargets { url parameters { name value } }
    userErrors { field message }
  }
}
"""

# 1 point
BULK_OPERATION = (
    """
query BulkOperation($id: ID!) {
  bulkOperation(id: $id) { ...Operation }
}
"""
    + _OPERATION
)

# 6 points
BULK_OPERATIONS = (
    """
query BulkOperations {
  bulkOperations(first: 10, sortKey: CREATED_AT, reverse: true) {
    nodes { ...Operation query }
  }
}
"""
    + _OPERATION
)

# 10 points
CANCEL_BULK = """
mutation CancelBulk($id: ID!) {
  bulkOperationCancel(id: $id) {
    bulkOperation { id status }
    userErrors { field message }
  }
}
"""

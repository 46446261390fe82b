"""The keywords of JSON Schema, draft 2020-12, by what stands below them. Words that are none check nothing."""

from __future__ import annotations

from typing import Final

SCHEMAS_BY_NAME: Final = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
LISTS_OF_SCHEMAS: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
SCHEMAS: Final = (
    *("additionalProperties", "items", "contains", "not", "if", "then", "else", "propertyNames"),
    *("unevaluatedItems", "unevaluatedProperties", "contentSchema"),
)
OTHERS: Final = (
    "$anchor $comment $dynamicAnchor $dynamicRef $id $ref $schema $vocabulary const contentEncoding contentMediaType "
    "default dependentRequired deprecated description enum examples exclusiveMaximum exclusiveMinimum format "
    "maxContains maxItems maxLength maxProperties maximum minContains minItems minLength minProperties minimum "
    "multipleOf pattern readOnly required title type uniqueItems writeOnly"
).split()
KEYWORDS: Final = frozenset((*SCHEMAS_BY_NAME, *LISTS_OF_SCHEMAS, *SCHEMAS, *OTHERS))

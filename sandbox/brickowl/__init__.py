"""A stand-in for Brick Owl's API v1 (https://www.brickowl.com/api_docs)."""

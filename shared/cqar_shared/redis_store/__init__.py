"""What Redis holds: cached entities of the writer, and images of the whole registry.

`cache` reads and writes entities in the form of `cache_format`; `image_store` keeps images. Every
value is sealed, and `refused_values` counts those that are not. Redis is optional, so an error of
it is never an error of a call.
"""

__all__ = ["cache", "cache_format", "cached_kinds", "image_store", "refused_values"]

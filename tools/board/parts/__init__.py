"""Models of the parts, at the level of the bytes on their bus."""

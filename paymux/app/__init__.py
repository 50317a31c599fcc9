"""Composition: settings -> storage -> providers -> dialects -> pages -> ASGI. `core` is what commands and the server share, `node` what
serves: a command loads no door."""

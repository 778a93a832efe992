"""The payment provider: asked over HTTP, and believed where it speaks by itself."""

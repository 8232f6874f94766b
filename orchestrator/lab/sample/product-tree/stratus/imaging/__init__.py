"""How a compute host fetches images: one module per version of the image API."""

"""The general engine of a layer: a controller that runs block after block, for control flow of any shape."""

"""Parts of models: embedding, stack, pooling."""

"""The JavaScript runner, as files: seqkit packs them, to lay them into artefacts."""

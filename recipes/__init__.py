"""Recipes: one function a task, from data to a trained, measured and saved run."""

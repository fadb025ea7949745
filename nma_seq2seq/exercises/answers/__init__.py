"""The reference answers, made from solutions/*.py by the build."""

"""Answers what the installed flytekit makes of constructor arguments: one line of JSON in, one out."""

import json
import os
import sys

import yaml

import flytekit.loggers  # noqa: F401  (its own log goes to stderr)
from flytekit import ImageSpec
from flytekit.constants import CopyFileDetection

# The order in which a directory lists its folders is the file system's, and enters flytekit's digests. Sorted, as
# ours are, it is the same everywhere.
walk = os.walk


def sorted_walk(*args, **kwargs):
    for root, folders, files in walk(*args, **kwargs):
        folders.sort()
        yield root, folders, files


os.walk = sorted_walk


def value(given):
    if isinstance(given, list):
        return [value(item) for item in given]
    if not isinstance(given, dict):
        return given
    if "spec" in given:
        return image_spec(given["spec"])
    if "enum" in given:
        return CopyFileDetection[given["enum"]]
    return {key: value(item) for key, item in given["dict"]}


def image_spec(given):
    return ImageSpec(**{name: value(item) for name, item in given})


def from_yaml(given):
    """As `pyflyte run --image FILE` reads it; the enum by name and a nested ImageSpec, which YAML cannot hold, as meant."""
    if isinstance(given.get("base_image"), dict):
        given["base_image"] = from_yaml(given["base_image"])
    if "source_copy_mode" in given:
        given["source_copy_mode"] = CopyFileDetection[given["source_copy_mode"]]
    return ImageSpec(**given)


def answer(question):
    if "folder" in question:
        os.chdir(question["folder"])
    try:
        spec = from_yaml(yaml.safe_load(question["yaml"])) if "yaml" in question else image_spec(question["spec"])
        return {"id": spec.id, "tag": spec.tag, "imageName": spec.image_name()}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)

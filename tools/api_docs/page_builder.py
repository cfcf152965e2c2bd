"""The page, made against a stack whose registry is empty."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cqar.embedded.endpoints import Endpoints
from tools.api_docs.contract import read_contract
from tools.api_docs.example_runner import run_examples
from tools.api_docs.examples import read_examples
from tools.api_docs.page import write_page

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "API.md"


def make_page(endpoints: Endpoints) -> str:
    """Load the catalogue, run every example, and write down what came back.

    Raises:
        ExampleFailed: An example was answered otherwise than it says of itself.
    """
    examples = read_examples()
    return write_page(read_contract(), run_examples(endpoints, examples))

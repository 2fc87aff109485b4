"""Storage format to Markdown.

``visitor`` walks the tree and knows no construct; ``blocks``, ``inline``, ``links``, ``tables`` and
``macros`` each hold a table of rules, name to small function; ``conversion`` puts them together.
A rule returns text (it flows in a paragraph) or a list of blocks (it stands by itself).
"""

from headwater.pipeline.markdown.conversion import CONVERSION_VERSION, document_from_page
from headwater.pipeline.markdown.people import find_mentions

__all__ = ["CONVERSION_VERSION", "document_from_page", "find_mentions"]

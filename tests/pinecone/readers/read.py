"""Read an index with LangChain and with LlamaIndex, as their manuals have it, and print what they find.

Runs in an environment of its own (`make readers`); its one argument is JSON: where, by which vector,
under which filter.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from langchain_core.embeddings import Embeddings  # type: ignore[import-not-found, unused-ignore]
from langchain_pinecone import (  # type: ignore[import-not-found]
    PineconeVectorStore as LangChainStore,
)
from llama_index.core import VectorStoreIndex  # type: ignore[import-not-found]
from llama_index.core.embeddings import BaseEmbedding  # type: ignore[import-not-found]
from llama_index.core.vector_stores import (  # type: ignore[import-not-found]
    MetadataFilter,
    MetadataFilters,
)
from llama_index.vector_stores.pinecone import (  # type: ignore[import-not-found]
    PineconeVectorStore as LlamaIndexStore,
)
from pinecone import Pinecone

ASKED = json.loads(sys.argv[1])


class OneVector(Embeddings):  # type: ignore[misc, unused-ignore]
    def embed_query(self, text: str) -> list[float]:  # noqa: ARG002  (whatever is asked)
        return list(ASKED["vector"])

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]


class TheSameVector(BaseEmbedding):  # type: ignore[misc]
    def _get_query_embedding(self, query: str) -> list[float]:  # noqa: ARG002  (as above)
        return list(ASKED["vector"])

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_query_embedding(text)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


def read_with_langchain(index: Any) -> Iterator[dict[str, Any]]:
    store = LangChainStore(index=index, embedding=OneVector(), namespace=ASKED["namespace"])
    retriever = store.as_retriever(search_kwargs={"k": 10, "filter": ASKED["filter"]})
    for document in retriever.invoke("anything"):
        yield {"id": document.id, "text": document.page_content, "metadata": document.metadata}


def read_with_llama_index(index: Any, **kwargs: Any) -> Iterator[dict[str, Any]]:
    store = LlamaIndexStore(pinecone_index=index, namespace=ASKED["namespace"])
    knowledge = VectorStoreIndex.from_vector_store(store, embed_model=TheSameVector())
    for found in knowledge.as_retriever(similarity_top_k=10, **kwargs).retrieve("anything"):
        node = found.node
        yield {"id": node.node_id, "text": node.get_content(), "metadata": node.metadata}


def main() -> None:
    client = Pinecone(api_key=ASKED["key"], host=ASKED["url"])
    index = client.Index(host=f"{ASKED['url']}/{ASKED['index']}")
    own = MetadataFilters(filters=[MetadataFilter(key="space", value=ASKED["space"])])
    filtered = {"filter": ASKED["filter"]}
    found = {
        "langchain": list(read_with_langchain(index)),
        "llama_index": list(read_with_llama_index(index, vector_store_kwargs=filtered)),
        "llama_index_by_space": list(read_with_llama_index(index, filters=own)),
    }
    print(json.dumps(found))  # noqa: T201  (the test reads it)


main()

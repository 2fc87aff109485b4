"""Records in Pinecone: the official SDK's asyncio client, on a vector index of the 2026-07 API.

One namespace per tenant. Metadata is flat, with the chunk's text under ``text``, as LangChain's and
LlamaIndex's readers expect it.
"""

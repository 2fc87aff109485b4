"""Every setting, read once from ``HEADWATER_*`` or a ``.env`` file; nothing else reads the environment."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from headwater.domain.errors import ConfigError

StringList = Annotated[tuple[str, ...], NoDecode]
SecretList = Annotated[tuple[SecretStr, ...], NoDecode]


class EmbedderKind(StrEnum):
    """Which embedder turns text into vectors."""

    LOCAL = "local"
    OPENAI = "openai"
    PINECONE = "pinecone"


class VectorStoreKind(StrEnum):
    """Where records are kept."""

    LANCEDB = "lancedb"
    PINECONE = "pinecone"


class LogFormat(StrEnum):
    """How a log line is written."""

    CONSOLE = "console"
    JSON = "json"


class Settings(BaseSettings):
    """The settings of one process. Lists are comma-separated; an empty variable is an empty list."""

    model_config = SettingsConfigDict(
        env_prefix="HEADWATER_", env_file=".env", extra="ignore", frozen=True
    )

    data_dir: Path = Field(
        Path(".headwater"), description="Where everything is kept: catalog, jobs, vectors, keys."
    )
    database_url: SecretStr | None = Field(
        None,
        description="URL of the catalog and jobs: `postgresql://…`, or SQLite under the data dir.",
    )
    vector_store: VectorStoreKind = Field(
        VectorStoreKind.LANCEDB,
        description="Where records are kept: `lancedb`, under the data dir, or `pinecone`.",
    )
    pinecone_api_key: SecretStr | None = Field(None, description="Key of the Pinecone project.")
    pinecone_index: str = Field("headwater", description="Index; created when there is none.")
    pinecone_cloud: str = Field("aws", description="Cloud of an index that is created.")
    pinecone_region: str = Field("us-east-1", description="Region of an index that is created.")
    pinecone_host: str | None = Field(
        None, description="Control plane, for emulators and proxies; Pinecone's own if empty."
    )
    embedder: EmbedderKind = Field(
        EmbedderKind.LOCAL,
        description="`local` runs MiniLM-L6-v2 in this process; `openai` calls any compatible endpoint;"
        " `pinecone` its inference.",
    )
    embedder_model: str | None = Field(
        None, description="Model name at the endpoint, or a folder with other local weights."
    )
    embedder_url: str | None = Field(None, description="Base URL of the embeddings endpoint.")
    embedder_api_key: SecretStr | None = Field(None, description="Key for the embeddings endpoint.")
    embedder_query_prefix: str = Field(
        "", description="Put before every question, where the model wants it, such as `query: `."
    )
    embedder_passage_prefix: str = Field(
        "", description="Put before every passage, such as `passage: `; a change embeds all again."
    )
    previous_embedder: EmbedderKind | None = Field(
        None, description="After a change of embedder: the one whose vectors still answer."
    )
    previous_embedder_model: str | None = Field(None, description="Its `EMBEDDER_MODEL`.")
    previous_embedder_url: str | None = Field(None, description="Its `EMBEDDER_URL`.")
    previous_embedder_api_key: SecretStr | None = Field(None, description="Its `EMBEDDER_API_KEY`.")
    previous_embedder_query_prefix: str = Field("", description="Its `EMBEDDER_QUERY_PREFIX`.")
    previous_embedder_passage_prefix: str = Field("", description="Its `EMBEDDER_PASSAGE_PREFIX`.")
    jwt_secret: SecretStr | None = Field(
        None,
        description="HS256 secret; with it no other algorithm is accepted. Generated if none is set.",
    )
    jwt_jwks_url: str | None = Field(None, description="URL of the issuer's key set.")
    jwt_public_key: str | None = Field(None, description="The issuer's public key as PEM text.")
    jwt_algorithms: StringList = Field(
        ("RS256", "ES256"), description="Accepted algorithms with a key set or public key."
    )
    jwt_issuer: str | None = Field(None, description="Required `iss` claim.")
    jwt_audience: str | None = Field(None, description="Required `aud` claim.")
    jwt_tenant_claim: str = Field("tenant_id", description="Claim that names the tenant.")
    jwt_groups_claim: str = Field("groups", description="Claim that lists the reader's groups.")
    secret_key: SecretList = Field(
        (),
        description="Encrypts stored credentials; the first encrypts, all decrypt. Generated if empty.",
    )
    allowed_private_hosts: StringList = Field(
        (),
        description="Hosts or CIDRs that Confluence URLs may reach although private, http included.",
    )
    rate_limit_per_minute: int = Field(6000, ge=1, description="Requests per tenant and minute.")
    max_open_jobs_per_tenant: int = Field(
        1000, ge=1, description="Queued and running jobs of a tenant; more uploads are refused."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    worker_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port on which a worker answers `/healthz`, `/readyz`, `/metrics`; none if empty.",
    )
    traces_url: str | None = Field(
        None, description="OTLP/HTTP collector that traces are sent to; none are made if empty."
    )
    log_format: LogFormat = Field(LogFormat.CONSOLE, description="`console` or `json`.")

    @field_validator("jwt_algorithms", "secret_key", "allowed_private_hosts", mode="before")
    @classmethod
    def _split_list(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(item.strip() for item in value.split(",") if item.strip())
        return value

    @field_validator(
        "database_url",
        "embedder_model",
        "embedder_url",
        "embedder_api_key",
        "previous_embedder",
        "previous_embedder_model",
        "previous_embedder_url",
        "previous_embedder_api_key",
        "pinecone_api_key",
        "pinecone_host",
        "jwt_secret",
        "jwt_jwks_url",
        "jwt_public_key",
        "jwt_issuer",
        "jwt_audience",
        "traces_url",
        "worker_port",
        mode="before",
    )
    @classmethod
    def _empty_is_absent(cls, value: object) -> object:
        return None if value == "" else value


def load_settings(**overrides: object) -> Settings:
    """Read the settings; ``ConfigError`` names every variable that cannot be used, and why."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise ConfigError(_describe(error)) from error


def _describe(error: ValidationError) -> str:
    problems = (
        f"HEADWATER_{'_'.join(str(part) for part in item['loc'][:1]).upper()}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    )
    return "; ".join(problems)

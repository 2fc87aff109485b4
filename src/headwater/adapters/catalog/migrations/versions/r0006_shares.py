"""What each process has of the requests that a Confluence bears."""

import sqlalchemy as sa
from alembic import op

revision = "r0006"
down_revision = "r0005"
branch_labels = None
depends_on = None

COLUMNS = (
    ("at_once", sa.Integer(), "1"),
    ("is_prompt", sa.Boolean(), sa.false()),
    ("wanted", sa.BigInteger(), "0"),
    ("held", sa.BigInteger(), "0"),
    ("since", sa.BigInteger(), "0"),
    ("beats", sa.BigInteger(), "0"),
)


def upgrade() -> None:
    """Add what each says; a process of the version before leaves it as it begins."""
    for name, kind, begin in COLUMNS:
        op.add_column("site_paces", sa.Column(name, kind, nullable=False, server_default=begin))


def downgrade() -> None:
    """Take it away again."""
    for name, _, _ in reversed(COLUMNS):
        op.drop_column("site_paces", name)

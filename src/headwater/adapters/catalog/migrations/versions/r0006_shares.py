"""What each process has of the requests that a Confluence bears."""

import sqlalchemy as sa
from alembic import op

revision = "r0006"
down_revision = "r0005"
branch_labels = None
depends_on = None

COUNTS = (
    ("at_once", sa.Integer(), "1"),
    ("wanted", sa.BigInteger(), "0"),
    ("held", sa.BigInteger(), "0"),
    ("since", sa.BigInteger(), "0"),
    ("beats", sa.BigInteger(), "0"),
)


def upgrade() -> None:
    """Add the counts; a process of the version before leaves them as they begin."""
    for name, kind, begin in COUNTS:
        op.add_column("site_paces", sa.Column(name, kind, nullable=False, server_default=begin))


def downgrade() -> None:
    """Take them away again."""
    for name, _, _ in reversed(COUNTS):
        op.drop_column("site_paces", name)

"""What clients read of a Confluence's spaces and content."""

from datetime import datetime
from typing import Self

from pydantic import Field

from headwater.api.views import SpaceView, Time, View
from headwater.services.listing import (
    BrowsedDocument,
    ContentListing,
    CountedSpace,
    SpaceListing,
)


class CountedSpaceView(SpaceView):
    """A space, and how many pages it has."""

    page_count: int | None = Field(
        description="From Confluence's search index; null where it was not counted."
    )

    @classmethod
    def of(cls, item: CountedSpace) -> Self:
        """Show a space."""
        space = item.space
        return cls(
            key=space.key,
            name=space.name,
            type=space.type,
            status=space.status,
            page_count=item.page_count,
        )


class BrowsedView(View):
    """A page or blog post of a space."""

    id: str
    title: str
    parent_id: str | None = Field(description="The page or folder above it.")
    type: str = Field(description="`page` or `blogpost`.")
    status: str = Field(description="`current`: others are not listed.")
    version: int
    last_modified: Time
    url: str
    has_children: bool = Field(description="Whether there are pages below it.")
    ingested: str = Field(description="`no`, `current`, or `stale`: in, but not as it is now.")

    @classmethod
    def of(cls, item: BrowsedDocument) -> Self:
        """Show a page or post."""
        listed = item.listed
        return cls(
            id=listed.content_id,
            title=listed.title,
            parent_id=listed.parent_id,
            type=listed.kind,
            status="current",
            version=listed.version,
            last_modified=listed.last_modified,
            url=item.url,
            has_children=item.has_children,
            ingested=item.ingested,
        )


class SpaceListingDataView(View):
    """Some spaces."""

    spaces: list[CountedSpaceView]
    total: int | None
    next: str | None = Field(description="Cursor of the next page.")


class ContentListingDataView(View):
    """Some pages and blog posts of a space."""

    pages: list[BrowsedView]
    total: int | None = Field(
        description="From Confluence's search index until the end is reached."
    )
    next: str | None = Field(description="Cursor of the next page.")


class ListingView(View):
    """Answer of ``listing``: spaces, or a space's content."""

    success: bool
    data: SpaceListingDataView | ContentListingDataView
    timestamp: Time

    @classmethod
    def of(cls, listing: SpaceListing | ContentListing, now: datetime) -> Self:
        """Show a listing."""
        return cls(success=True, data=_show(listing), timestamp=now)


def _show(
    listing: SpaceListing | ContentListing,
) -> SpaceListingDataView | ContentListingDataView:
    if isinstance(listing, SpaceListing):
        spaces = [CountedSpaceView.of(item) for item in listing.spaces]
        return SpaceListingDataView(spaces=spaces, total=listing.total, next=listing.next)
    pages = [BrowsedView.of(item) for item in listing.documents]
    return ContentListingDataView(pages=pages, total=listing.total, next=listing.next)
